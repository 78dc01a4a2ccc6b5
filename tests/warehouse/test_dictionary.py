"""The table dictionary: read whole, or refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.study.yaml_file import InvalidFileError
from pipelines.warehouse.dictionary import LAYERS, TABLES, load_dictionary, load_table

GOOD = """\
table: core.person
description: People.
key: [usubjid]
published: false
materialise: table
blinding: safe
columns:
  usubjid: {type: VARCHAR, label: Subject, description: Subject, blinding: safe}
  arm: {type: VARCHAR, label: Arm, description: Arm, blinding: arm}
"""


def person(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "core" / "person.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_with_its_columns_in_order(tmp_path: Path) -> None:
    table = load_table(person(tmp_path, GOOD))
    assert list(table.columns) == ["usubjid", "arm"]
    assert table.types == {"usubjid": "VARCHAR", "arm": "VARCHAR"}


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        (", blinding: arm}", "}", 9, "`columns.arm.blinding` is required and missing"),
        ("blinding: arm}", "blinding: secret}", 9, "'safe', 'outcome', 'revealing' or 'arm'"),
        ("label: Arm", "label: " + "A" * 41, 9, "at most 40 characters"),
        ("{type: VARCHAR, label: Arm", "{type: TEXT, label: Arm", 9, "'VARCHAR', 'DOUBLE'"),
        ("key: [usubjid]", "key: [usubjid, aseq]", 3, "the key names `aseq`, which is no column of core.person"),
        ("key: [usubjid]", "key: [usubjid, usubjid]", 3, "the key names a column twice"),
        ("columns:", "person: [usubjid, age]\ncolumns:", 7, "`person` names `age`, which is no column of core.person"),
        ("columns:", "person: [arm]\ncolumns:", 7, "say `[usubjid]`, `[subject_no]`, or the columns of the site"),
        ("columns:", "by_person: true\ncolumns:", 7, "`person` has to say whose a row is"),
        ("table: core.person", "table: core.people", 1, "the file's place says core.person"),
        ("label: Arm", "lable: Arm", 9, "`columns.arm.lable` is not a key that is known here"),
        ("blinding: safe\ncolumns", "columns", 1, "`blinding` is required and missing"),
    ],
)
def test_what_is_wrong_is_named_by_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(InvalidFileError) as error:
        load_table(person(tmp_path, GOOD.replace(old, new)))
    assert f"person.yaml, line {line}: " in str(error.value)
    assert said in str(error.value)


def test_every_problem_of_every_file_is_named_at_once(tmp_path: Path) -> None:
    first = person(tmp_path, GOOD.replace("label: Arm, ", ""))
    first.with_name("other.yaml").write_text(GOOD.replace("published: false\n", ""), encoding="utf-8")
    with pytest.raises(InvalidFileError) as error:
        load_dictionary(tmp_path)
    assert {problem.file.name for problem in error.value.problems} == {"person.yaml", "other.yaml"}


def test_the_projects_own_dictionary_is_whole() -> None:
    dictionary = load_dictionary()
    assert {path.parent.name + "." + path.stem for path in TABLES.glob("*/*.yaml")} == set(dictionary)
    assert {table.layer for table in dictionary.values() if table.published} <= {
        "analysis",
        "engagement",
        "safety",
        "quality",
        "meta",
    }
    ranks = [LAYERS[table.layer] for table in dictionary.values()]
    assert ranks == sorted(ranks)
