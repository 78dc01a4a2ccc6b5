"""A study file that is wrong says where, and what is allowed there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import cli
from pipelines.study.load import SCHEMAS, load_protocol
from pipelines.study.yaml_file import InvalidFileError

ICT_SAD = SCHEMAS / "studies" / "ict_sad.yaml"
PHQ9 = SCHEMAS / "instruments" / "phq9.yaml"


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if words in line)


@pytest.mark.parametrize(
    ("good", "wrong", "message"),
    [
        ("timezone: Asia/Tokyo", "timezone: Asia/Tokio", "`Asia/Tokio` is not an IANA time zone"),
        ("country: JPN", "country: Japan", "sites.2.country"),
        (
            "{avisit: WEEK 8, avisitn: 8, target_day: 57",
            "{avisit: WEEK 8, avisitn: 8, target_day: 99",
            "outside its window",
        ),
        ("window: [92, 133]", "window: [60, 133]", "the windows of WEEK 8 and WEEK 15 overlap"),
        ("arms: [ICT]", "arms: [CBT]", "no arm `CBT`; there are ICT, TAU"),
        ("primary: {paramcd: LSASTOT", "primary: {paramcd: LSAS", "no parameter `LSAS`; there are GAD7,"),
        ("{instrument: wsas, visits:", "{instrument: wsaz, visits:", "there is no instrument file `wsaz`"),
        (
            'version: "1"\nregistrations',
            'versoin: "1"\nregistrations',
            "`versoin` is not a key that is known here",
        ),
        (
            "encoding: cp932}\n          missing",
            "encoding: sjis-1997}\n          missing",
            "is not an encoding",
        ),
        ("read: {format: jsonl}", "read: {format: jsonl}\n          timezone: Mars/Base", "`Mars/Base` is not an IANA"),
        (
            "read: {format: jsonl}",
            "read: {format: excel}",
            ".read.format`: expected 'delimited', 'jsonl', 'json', 'dataset-json', 'xlsx', 'parquet', 'sav', 'zsav', "
            "'por', 'xpt', 'sas7bdat', 'dta', found 'excel'",
        ),
        ("read: {format: jsonl}", "read: {format: xlsx, sheets: 1}", ".sheets` is not a key"),
        ("read: {format: jsonl}", "read: {}", ".read.format`: expected it to say what it is"),
        ("read: {format: sav}", "read: {format: sav, values: names}", "expected 'codes' or 'labels'"),
        ('consent_date: "%Y/%m/%d"', 'consent_date: "%Y/%m"', "`%Y/%m` is not a format of dates"),
        ("session_gap_minutes: 30", "session_gap_minutes: 0", "greater than or equal to 1"),
        ("blinding: {outcomes: statistician}", "blinding: {outcomes: everyone}", "blinding"),
        ("  - {avisit: WEEK 8,", "  - {avisit: WEEK 8, avisit: WEEK 8,", "duplicate key"),
        ("  - {module: core_02,", "  - {module: core_01,", "`core_01` is listed 2 times"),
        (
            "- {paramcd: GAD7, threshold: 4,",
            "- {paramcd: GAD7, threshold: 4, sd: 3, reliability: 0.9,",
            "either `threshold`",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, good: str, wrong: str, message: str) -> None:
    text = ICT_SAD.read_text(encoding="utf-8")
    assert good in text
    path = tmp_path / "study.yaml"
    path.write_text(text.replace(good, wrong, 1), encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    problem = next(p for p in caught.value.problems if message in p.message)
    assert problem.line is not None
    nearby = path.read_text(encoding="utf-8").splitlines()[max(problem.line - 3, 0) : problem.line + 2]
    assert any(part in "\n".join(nearby) for part in wrong.splitlines()), (problem.line, nearby)


@pytest.mark.parametrize(
    ("good", "wrong", "message"),
    [
        ("range: [0, 27]", "range: [0, 30]", "states [0, 30]; its items give [0, 27]"),
        (
            "numbers: 1-9, missing_allowed: 2",
            "numbers: 1-10, missing_allowed: 2",
            "items that do not exist: 10",
        ),
        ("numbers: 1-9, missing_allowed: 2", 'numbers: "1-9,3", missing_allowed: 2', "counts items twice: 3"),
        ("missing_allowed: 2", "missing_allowed: 5", "more than half of its items missing"),
        ("{numbers: 1-9, range: [0, 3]}", '{numbers: 1-9, range: [0, 3], reversed: "11"}', "outside 1-9"),
        ("{numbers: 1-9, range: [0, 3]}", "{numbers: 1-9}", "range` is required"),
        ("instrument: phq9", "instrument: phq8", "the file is called phq9"),
    ],
)
def test_an_instrument_that_cannot_be_scored_is_refused(tmp_path: Path, good: str, wrong: str, message: str) -> None:
    text = PHQ9.read_text(encoding="utf-8")
    assert good in text
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "phq9.yaml").write_text(text.replace(good, wrong, 1), encoding="utf-8")
    study = tmp_path / "study.yaml"
    study.write_bytes(ICT_SAD.read_bytes())
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(study)
    assert message in str(caught.value)
    assert "phq9.yaml, line " in str(caught.value)


def test_the_command_exits_2_with_the_line_and_0_without_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = ICT_SAD.read_text(encoding="utf-8")
    path.write_text(text.replace("avisitn: 8,", "avisitn: eight,"), encoding="utf-8")
    wrong = CliRunner().invoke(cli, ["check-study", str(path)])
    assert wrong.exit_code == 2
    assert f"study.yaml, line {line_of(text, 'avisit: WEEK 8')}: `visits.1.avisitn`" in wrong.output
    assert "eight" in wrong.output
    right = CliRunner().invoke(cli, ["check-study", str(ICT_SAD)])
    assert (right.exit_code, "nothing wrong" in right.output) == (0, True)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a: [1", b"- 1\n- 2\n", b"\t\tx"])
def test_what_is_no_study_file_at_all_exits_2(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    result = CliRunner().invoke(cli, ["check-study", str(path)])
    assert result.exit_code == 2
    assert result.output.startswith("study.yaml")


def test_no_means_no() -> None:
    """YAML 1.1 would read the country code of Norway, or a sex coded N, as false."""
    from ruamel.yaml import YAML

    assert YAML(typ="rt", pure=True).load("a: NO\nb: N\nc: on") == {"a": "NO", "b": "N", "c": "on"}
