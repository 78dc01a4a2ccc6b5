"""A study file that is wrong says where, and what is allowed there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines.cli import cli
from pipelines.study.instrument import Instrument
from pipelines.study.load import SCHEMAS, by_one_protocol, load_protocol
from pipelines.study.study import Study
from pipelines.study.words import PATTERNS
from pipelines.study.yaml_file import InvalidFileError, Problem

ICT_SAD = SCHEMAS / "studies" / "ict_sad.yaml"
PHQ9 = SCHEMAS / "instruments" / "phq9.yaml"
TESTS = Path(__file__).parents[1]
OPEN_TRIAL = TESTS / "simulate" / "studies" / "open_trial.yaml"
STUDIES = sorted([*(SCHEMAS / "studies").glob("*.yaml"), *TESTS.glob("*/studies/*.yaml")])


def open_trial(folder: Path) -> str:
    """A study file of no built-in study, whose own files now lie in `folder` beside where it will be written."""
    shutil.copytree(OPEN_TRIAL.parent / "instruments", folder / "instruments", dirs_exist_ok=True)
    return OPEN_TRIAL.read_text(encoding="utf-8")


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if words in line)


def problem_of(folder: Path, good: str, wrong: str, message: str) -> tuple[Problem, str]:
    """The problem that says `message` once `good` has become `wrong` in the built-in study, and that study."""
    text = ICT_SAD.read_text(encoding="utf-8")
    assert good in text
    path = folder / "study.yaml"
    path.write_text(text.replace(good, wrong, 1), encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    said = [problem for problem in caught.value.problems if message in problem.message]
    assert said, str(caught.value)
    return said[0], path.read_text(encoding="utf-8")


def is_near(line: int | None, text: str, words: str) -> bool:
    nearby = text.splitlines()[max((line or 0) - 3, 0) : (line or 0) + 2]
    return line is not None and any(part in "\n".join(nearby) for part in words.splitlines())


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
        (
            "          ignore: [nhs_number]\n      questionnaires",
            "          ignore: [nhs_number]\n          since: {shoe_size: 2026-05-01}\n      questionnaires",
            "the mapping does not read `shoe_size`",
        ),
        (
            "          ignore: [nhs_number]\n      questionnaires",
            "          ignore: [nhs_number]\n          since: {record_id: 2026-05-01}\n      questionnaires",
            "without `record_id` no row can be read",
        ),
        (
            "{instrument: spin, visits: [BASELINE, WEEK 15]}",
            "{instrument: spin, visits: [BASELINE, WEEK 15], since: {WEEK 8: 2026-05-01}}",
            "spin is not asked at `WEEK 8`; it is at BASELINE, WEEK 15",
        ),
        (
            "{instrument: spin, visits: [BASELINE, WEEK 15]}",
            "{instrument: spin, visits: [BASELINE, WEEK 15], items_since: {18: 2026-05-01}}",
            "spin has no item `18`; it has 1, 2",
        ),
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
            "`read.format`: there is no format `excel`; the formats are delimited, jsonl, json, dataset-json, xlsx, "
            "parquet, sav, zsav, por, xpt, sas7bdat, dta",
        ),
        ("read: {format: jsonl}", "read: {format: xlsx, sheets: 1}", ".sheets` is not a key"),
        ("read: {format: jsonl}", "read: {}", "`read.format`: it is required; the formats are delimited, jsonl"),
        ("read: {format: sav}", "read: {format: sav, values: names}", "expected 'codes' or 'labels'"),
        ('consent_date: "%Y/%m/%d"', 'consent_date: "%Y/%m"', "`%Y/%m` is not a format of dates"),
        ("session_gap_minutes: 30", "session_gap_minutes: 0", "expected at least 1, found 0"),
        (
            "blinding: {outcomes: statistician}",
            "blinding: {outcomes: everyone}",
            "`blinding.outcomes`: expected 'statistician'",
        ),
        ("  - {avisit: WEEK 8,", "  - {avisit: WEEK 8, avisit: WEEK 8,", "duplicate key `avisit`: put"),
        ("  - {module: core_02,", "  - {module: core_01,", "module `core_01` is listed 2 times"),
        (
            "nhs_gad7_change, threshold: 4,",
            "nhs_gad7_change, threshold: 4, sd: 3, reliability: 0.9,",
            "either `threshold`",
        ),
        (
            "paramcd: SPIN, caseness: spin_case,",
            "paramcd: SPIN, caseness: gad_case,",
            "no definition `gad_case` under `caseness` for SPIN; there are spin_case, spin_case_japan",
        ),
        (
            "definition: sudden_gain_gad7",
            "definition: sudden_gain_phq9",
            "there are two definitions called `sudden_gain_phq9`",
        ),
        ("  - paramcd: GAD7\n", "  - paramcd: GAD\n", "no parameter `GAD`"),
        (
            "avisitn: 27, target_day",
            "avisitn: 27, epoch: LATER, target_day",
            "no epoch `LATER`; the study file lists no",
        ),
        (
            "visits:\n",
            "epochs: [{epoch: A}, {epoch: B}]\nvisits:\n",
            "`starts` is required of every epoch but the first",
        ),
        (
            "visits:\n",
            "epochs: [{epoch: A}, {epoch: B, arm: ICT, starts: {last_form_of: WEEK 9}}]\nvisits:\n",
            "`WEEK 9` is no visit of the first epoch; there are BASELINE",
        ),
        (
            "visits:\n",
            "epochs: [{epoch: A}, {epoch: B, arm: ICT, starts: {second_allocation: true}}]\nvisits:\n",
            "name the `arm` people are then in, unless a second allocation says it",
        ),
        (
            "visits:\n",
            "epochs: [{epoch: A}, {epoch: B, arm: ICT, ratio: {ICT: 1}, starts: {weeks: 3}}]\nvisits:\n",
            "only a second allocation divides people",
        ),
        ("programme_access: true}", "programme_access: true, ratio: 0}", "expected at least 1, found 0"),
        (
            "{module: core_02, label: Core module 2, kind: core}",
            "{module: core_02, label: Core module 2, kind: core, arms: [TAU]}",
            "no arm `TAU` with the programme; there are ICT",
        ),
        (
            "{module: booster_01, label: Booster module 1, kind: booster}",
            "{module: booster_01, label: Booster module 1, kind: booster, phase: treatment}",
            "a module of kind booster belongs to the booster phase",
        ),
        ("visits:\n", "epochs: [{epoch: A, arms: [TAU]}]\nvisits:\n", "the first epoch is everybody's"),
        (
            "visits:\n",
            "epochs: [{epoch: A}, {epoch: B, arm: ICT, starts: {weeks: 3, last_form_of: WEEK 8}}]\nvisits:\n",
            "say one of `weeks`",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, good: str, wrong: str, message: str) -> None:
    problem, text = problem_of(tmp_path, good, wrong, message)
    assert is_near(problem.line, text, wrong)


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
    assert f"{path}, line {line_of(text, 'avisit: WEEK 8')}: `visits.1.avisitn`" in wrong.output
    assert "eight" in wrong.output
    right = CliRunner().invoke(cli, ["check-study", str(ICT_SAD)])
    assert (right.exit_code, "nothing wrong" in right.output) == (0, True)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a: [1", b"- 1\n- 2\n", b"\t\tx"])
def test_what_is_no_study_file_at_all_exits_2(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    result = CliRunner().invoke(cli, ["check-study", str(path)])
    assert result.exit_code == 2
    assert result.output.startswith(str(path))


COLUMNS = "columns: {subject_id: ID, visit: TIME, completed_at: DATE}"
DATES = 'dates: {completed_at: "%Y/%m/%d"}'
SPIN = '{instrument: spin, items: {"{n}": "SPIN{n}"}}'


@pytest.mark.parametrize(
    ("good", "wrong", "message"),
    [
        # a column that the feed does not have
        (
            COLUMNS,
            COLUMNS.replace("visit", "visti"),
            "`columns`: questionnaires has no column `visti`; its columns are ",
        ),
        ("constants: {language: ja}", "constants: {lang: ja}", "`constants`: participants has no column `lang`"),
        ("            sex: {女性: F", "            gender: {女性: F", "`values`: participants has no column `gender`"),
        (DATES, DATES.replace("completed_at", "completed"), "`dates`: questionnaires has no column `completed`"),
        # a column that nothing fills
        (
            "columns:\n            subject_id: 症例番号\n",
            "columns:\n",
            "nothing fills `subject_id`, which every row of participants needs",
        ),
        ("{event_id: id, subject_id", "{subject_id", "nothing fills `event_id`"),
        (COLUMNS, "columns: {subject_id: ID, visit: TIME}", "nothing fills `completed_at`"),
        (
            "{instrument: phq9, completed_at: phq9_timestamp, items",
            "{instrument: phq9, items",
            "nothing says when phq9 was filled in",
        ),
        # what is no code
        (
            "logged_in: login,",
            "logged_in: logn,",
            "`logn` is not what `event` may be; allowed are account_created, login, logout",
        ),
        ("{1: F, 2: M, 3: X}", "{1: f, 2: M, 3: X}", "`f` is not what `sex` may be; allowed are F, M, X"),
        (
            "{1: BASELINE, 2: WEEK 8,",
            "{1: BASELINE, 2: WEEK8,",
            "allowed are BASELINE, WEEK 8, WEEK 15, FOLLOW-UP, WEEKLY",
        ),
        ("constants: {language: ja}", "constants: {language: ja, sex: Z}", "`Z` is not what `sex` may be"),
        # items that the instrument does not have
        (SPIN, SPIN.replace('"{n}"', '"item_{n}"'), "`item_{n}` is no item of spin; its items are 1-17"),
        (SPIN, SPIN.replace("items: {", 'items: {"18": S18, '), "`18` is no item of spin"),
        (SPIN, SPIN.replace("SPIN{n}", "SPIN1"), "`{n}` must stand on both sides"),
        (SPIN, SPIN.replace("spin", "sipn"), "no instrument `sipn`; there are lsas_sr, phq9"),
        (
            DATES,
            DATES.replace("completed_at", "visit"),
            "`visit` of questionnaires holds no date; its dates and times are co",
        ),
        # text that YAML would change
        ("sex: {1: F, 2: M", "sex: {01: F, 2: M", "put leading zeros, true and false in quotes"),
        ("value: {88: NA}", "value: {TRUE: NA}", "put leading zeros, true and false in quotes"),
        ("3: completed, 4: withdrawn", "3: , 4: withdrawn", "expected text, found nothing"),
        # lists that no row is in
        ("[baseline_arm_1]}", "[]}", "`only`: the list for `redcap_event_name` is empty"),
        ("[oxford]}", "[]}", "`site_column`: the list for `redcap_data_access_group` is empty"),
    ],
)
def test_a_mapping_that_would_empty_a_feed_is_named_with_its_line(
    tmp_path: Path, good: str, wrong: str, message: str
) -> None:
    problem, text = problem_of(tmp_path, good, wrong, message)
    assert is_near(problem.line, text, wrong)


@pytest.mark.parametrize(
    ("good", "wrong", "message"),
    [
        ("avisitn: 15, target", "avisitn: 8, target", "avisitn `8` is listed 2 times under `visits`"),
        ("core_modules_completed: 4", "core_modules_completed: 9", "`modules` lists 8 of kind core"),
        ("window: [43, 71]", "window: [71, 43]", "WEEK 8: its window runs backwards, from 71 to 43"),
        ("  - {module: booster_02,", "  - {module: core_01,", "module `core_01` is listed 2 times"),
        ("{arm: TAU, label", "{arm: ICT, label", "arm `ICT` is listed 2 times under `arms`"),
        ("  - site: hong_kong", "  - site: oxford", "site `oxford` is listed 2 times under `sites`"),
        (
            "source: csv_participants",
            "source: CSV",
            "expected small letters, digits and _, beginning with a letter, found",
        ),
        (
            "country: JPN",
            "country: Japan",
            "expected three capital letters (ISO 3166-1), for example JPN, found 'Japan'",
        ),
        (
            "dialect: redcap",
            "dialect: redcup",
            "there is no dialect `redcup`; the dialects are redcap, qualtrics, limesurvey, moodle, xapi",
        ),
        ("window: [43, 71]", "window: [43]", "`visits.1.window.1`: expected an entry, found nothing"),
        ("target: 60", "target: many", "`sites.0.target`: expected a whole number, found 'many'"),
        ("      usage:", "      usages:", "expected 'participants', 'allocation', 'questionnaires', 'usage'"),
    ],
)
def test_a_mistake_is_named_with_its_very_line(tmp_path: Path, good: str, wrong: str, message: str) -> None:
    problem, text = problem_of(tmp_path, good, wrong, message)
    first = ICT_SAD.read_text(encoding="utf-8")
    assert problem.line == first[: first.index(good)].count("\n") + 1
    assert wrong in text


ALLOCATION = """      allocation:
        - source: arms
          files: "arms.csv"
          read: {format: delimited}
          columns: {subject_id: id, arm: group}
          values: {arm: {A: CBT}}
  - site: miyazaki"""
LONG = """      questionnaires:
        - source: long
          files: "long.csv"
          read: {format: delimited}
          columns: {subject_id: id, instrument: scale, completed_at: day, item: question}
          values: {instrument: {P: phq8}}
"""


def test_arms_instruments_and_answers_of_long_files_are_looked_at(tmp_path: Path) -> None:
    problem, text = problem_of(
        tmp_path, "  - site: miyazaki", ALLOCATION, "`CBT` is not what `arm` may be; allowed are ICT,"
    )
    assert problem.line == line_of(text, "A: CBT")
    study = open_trial(tmp_path) + "    feeds:\n" + LONG
    path = tmp_path / "long.yaml"
    path.write_text(study, encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    said = {p.message: p.line for p in caught.value.problems}
    code = "`phq8` is not what `instrument` may be; allowed are phq9, gad7, wsas, hq25, saq, eq5d5l"
    assert said.pop(code) == line_of(study, "P: phq8")
    ((message, line),) = said.items()
    assert message.startswith("nothing fills `value`") and line == line_of(
        study, "scale, completed_at: day, item: question}"
    )


def test_a_visit_may_be_written_in_small_letters(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = ICT_SAD.read_text(encoding="utf-8").replace("2: WEEK 8,", "2: week 8, 9: weekly,")
    path.write_text(text, encoding="utf-8")
    assert load_protocol(path).study.study == "ict_sad"


@pytest.mark.parametrize(
    ("good", "wrong"),
    [
        ("logged_in: login,", "logged_in: logn,"),
        ("scope: incremental", "scope: some"),
        ("scope: incremental", "scop: x"),
    ],
)
def test_what_stands_behind_an_anchor_is_named_once(tmp_path: Path, good: str, wrong: str) -> None:
    text = ICT_SAD.read_text(encoding="utf-8").replace(good, wrong)
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    assert [problem.line for problem in caught.value.problems] == [line_of(text, wrong)]


def test_a_mistake_behind_a_merged_key_is_named(tmp_path: Path) -> None:
    """A key that `<<` brings has no line of its own in the mapping it is brought to."""
    text = ICT_SAD.read_text(encoding="utf-8").replace(
        "  - {arm: ICT, label: Internet-delivered", "  - &ict {arm: ICT, programme: 1, label: Internet-delivered"
    )
    text = text.replace(
        "  - {arm: TAU, label: Treatment as usual,", "  - {<<: *ict, arm: TAU, label: Treatment as usual,"
    )
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    assert [problem.line for problem in caught.value.problems] == [line_of(text, "arm: ICT"), line_of(text, "arm: TAU")]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_file_of_the_repository_has_nothing_wrong(path: Path) -> None:
    assert load_protocol(path).digest


def test_a_wrong_key_is_named_beside_what_is_wrong_below_it(tmp_path: Path) -> None:
    text = ICT_SAD.read_text(encoding="utf-8").replace("      usage:", "      usages:", 1)
    path = tmp_path / "study.yaml"
    path.write_text(text.replace("scope: incremental", "scope: some"), encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    lines = {problem.line for problem in caught.value.problems}
    assert lines == {line_of(text, "      usages:"), line_of(text, "scope: incremental")}


def test_every_pattern_has_plain_words() -> None:
    told = {line for model in (Study, Instrument) for line in patterns(model.model_json_schema())}
    assert told and told <= PATTERNS.keys()


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for part in schema.values():
            yield from patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


def test_no_means_no() -> None:
    """YAML 1.1 would read the country code of Norway, or a sex coded N, as false."""
    from ruamel.yaml import YAML

    assert YAML(typ="rt", pure=True).load("a: NO\nb: N\nc: on") == {"a": "NO", "b": "N", "c": "on"}


def test_what_is_done_by_one_protocol_does_not_see_the_study_file_change(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    shutil.copy(ICT_SAD, path)
    protocol = load_protocol(path)
    with by_one_protocol(path, protocol):
        path.write_text("no study at all")
        assert load_protocol(path) is protocol
        assert load_protocol(ICT_SAD) is not protocol
    with pytest.raises(InvalidFileError):
        load_protocol(path)
