"""A REDCap data dictionary beside the study file is held against the mapping and the instruments."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.study.load import load_protocol
from pipelines.study.redcap_dictionary import read_dictionary
from pipelines.study.yaml_file import InvalidFileError, Problem
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace
from tests.landing.dialects.site import csv_text
from tests.landing.dialects.test_redcap import DICTIONARY
from tests.study.test_check_study import open_trial
from tests.study.test_mapping_check import last_line_of

FEEDS = """    feeds:
      participants:
        - source: people
          files: "*.csv"
          read: {format: delimited}
          dialect: {name: redcap, dictionary: project.csv}
          columns: {subject_id: record_id, consent_date: consent, sex: sex}
          values: {sex: {1: F, 2: M}}
          only: {redcap_event_name: [baseline_arm_1]}
      questionnaires:
        - source: forms
          files: "*.csv"
          read: {format: delimited}
          dialect: {name: redcap, dictionary: project.csv}
          missing: ["-99"]
          columns: {subject_id: record_id, visit: redcap_event_name}
          values: {value: {-88: NA}}
          forms:
            - {instrument: phq9, completed_at: phq9_timestamp, items: {"{n}": "phq9_{n}"}}
            - {instrument: wsas, completed_at: wsas_timestamp, items: {"{n}": "wsas_{n}"}}
"""
PHQ = "0, Not at all | 1, Several | 2, More | 3, Nearly | -99, No answer"


def field(name: str, form: str, kind: str, choices: str = "", validation: str = "", low: str = "", high: str = "",
          identifies: str = "") -> list[str]:  # fmt: skip
    return [name, form, "", kind, name, choices, "", validation, low, high, identifies]


FIELDS = [
    field("record_id", "person", "text"),
    field("consent", "person", "text", validation="date_ymd"),
    field("sex", "person", "radio", "1, Female | 2, Male"),
    field("weight", "person", "text", validation="number_1dp_comma_decimal"),
    field("name", "person", "text", identifies="y"),
    *(field(f"phq9_{n}", "phq9", "radio", PHQ) for n in range(1, 10)),
    field("wsas_1", "wsas", "dropdown", " | ".join([*(f"{n}, {n}" for n in range(9)), "-88, N/A"])),
    *(field(f"wsas_{n}", "wsas", "text", validation="integer", low="0", high="8") for n in (2, 3)),
    field("wsas_4", "wsas", "text"),
    field("wsas_5", "wsas", "text"),
]


def check(folder: Path, fields: list[list[str]], study: str = FEEDS) -> tuple[list[Problem], str]:
    (folder / "dictionaries").mkdir()
    (folder / "dictionaries" / "project.csv").write_text(csv_text(DICTIONARY, fields), encoding="utf-8")
    text = open_trial(folder) + study
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    try:
        load_protocol(folder / "study.yaml")
    except InvalidFileError as error:
        return error.problems, text
    return [], text


def changed(name: str, *cells: str, **more: str) -> list[list[str]]:
    return [field(name, field_[1], *cells, **more) if field_[0] == name else field_ for field_ in FIELDS]


def test_a_project_that_fits(tmp_path: Path) -> None:
    assert check(tmp_path, FIELDS)[0] == []


@pytest.mark.parametrize(
    ("fields", "line", "message"),
    [
        (
            changed("phq9_3", "radio", "1, Not at all | 2, Several | 3, More | 4, Nearly"),
            "instrument: phq9,",
            "`phq9_3` may be 1, 2, 3, 4 (project.csv, line 9), but item 3 of phq9 goes from 0 to 3",
        ),
        (
            changed("phq9_9", "radio", "0, Not at all | 1, Several | 2, More"),
            "instrument: phq9,",
            "`phq9_9` may be 0, 1, 2 (project.csv, line 15), but item 9 of phq9 goes from 0 to 3",
        ),
        (
            changed("wsas_2", "text", "", "integer", "1", "9"),
            "instrument: wsas,",
            "`wsas_2` goes from 1 to 9 (project.csv, line 17), but item 2 of wsas goes from 0 to 8",
        ),
        (changed("wsas_3", "yesno"), "instrument: wsas,", "`wsas_3` may be 1, 0"),
        (changed("wsas_3", "slider"), "instrument: wsas,", "`wsas_3` goes from 0 to 100"),
        (FIELDS[:-1], "instrument: wsas,", "the project of project.csv has no field wsas_5"),
        (changed("sex", "radio", "1, F | 2, M | 3, X | 9, ?"), "1: F", "`sex` may also be 3, 9 (project.csv, line 4)"),
        ([f for f in FIELDS if f[0] != "consent"], "consent_date", "has no field `consent`"),
    ],
)  # fmt: skip
def test_what_the_project_lets_people_enter_is_what_the_instrument_knows(
    tmp_path: Path, fields: list[list[str]], line: str, message: str
) -> None:
    found, text = check(tmp_path, fields)
    said = [problem for problem in found if message in problem.message]
    assert said, [problem.message for problem in found]
    assert said[0].line == last_line_of(text, line)


@pytest.mark.parametrize(
    ("good", "wrong", "message"),
    [
        ("sex: sex}", "sex: sex, centre: name}", "`name` identifies people (project.csv, line 6)"),
        ("sex: sex}", "sex: sex, birth_year: weight}", "say `numbers: {birth_year: decimal_comma}`"),
        ("only: {redcap_event_name", "only: {event", "has no field `event`"),
        ("wsas_timestamp", "wsas_time", "has no field `wsas_time`"),
        ("values: {value: {-88: NA}}", "values: {value: {-88: X}}", "`wsas_1` may be 0, 1, 2, 3, 4, 5, 6, 7, 8, X"),
    ],
)
def test_what_the_mapping_says_of_the_project(tmp_path: Path, good: str, wrong: str, message: str) -> None:
    assert good in FEEDS
    found, text = check(tmp_path, FIELDS, FEEDS.replace(good, wrong))
    said = [problem for problem in found if message in problem.message]
    assert said, [problem.message for problem in found]
    assert said[0].line is not None and abs(said[0].line - last_line_of(text, wrong)) <= 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "it is not text in UTF-8"),
        (b"record_id,age\n1,2\n", "it is no data dictionary of REDCap: it lacks the columns Variable / Field Name"),
        (csv_text(DICTIONARY, []).encode(), "it lists no field"),
        (csv_text(DICTIONARY, []).encode() + b'"' + b"x" * 200_000, "it is not CSV from here on"),
    ],
)
def test_a_dictionary_that_is_none_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=message):
        read_dictionary(path)


def test_the_dictionary_comes_along_into_a_trial_s_folder_and_into_the_protocol_s_digest(tmp_path: Path) -> None:
    check(tmp_path, FIELDS)
    workspace = Workspace(tmp_path / "trial")
    first = make_trial_folder(workspace, tmp_path / "study.yaml")
    assert workspace.protocol() == first and first.dictionaries["project.csv"].fields["sex"].choices["1"] == "Female"
    copy = workspace.root / "dictionaries" / "project.csv"
    copy.write_text(copy.read_text(encoding="utf-8").replace("Female", "Woman"), encoding="utf-8")
    assert workspace.protocol().digest != first.digest


def test_real_dictionaries_are_read(real: Path) -> None:
    paths = sorted((real / "redcap").glob("*/dictiona*y.csv"))
    assert len(paths) == 11
    for path in paths:
        with (path.parent / "data.csv").open(encoding="utf-8-sig") as file:
            header = file.readline().strip().split(",")
        known = read_dictionary(path).by_name
        assert all(name in known for name in header if name), path
    longitudinal = read_dictionary(real / "redcap" / "longitudinal" / "dictionary.csv")
    assert longitudinal.fields["pmq1"].range == (0, 3) and longitudinal.fields["given_birth"].range == (0, 1)
    assert longitudinal.fields["gym"].choices == dict(
        zip("01234", ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], strict=True)
    )
