"""Instrument files: what every built-in one states, and what is refused on load, by its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.study.instrument import Instrument
from pipelines.study.instrument_file import INSTRUMENTS, find_instrument, known_instruments, load_instrument
from pipelines.study.load import SCHEMAS, load_protocol
from pipelines.study.reliable_change import ReliableChange
from pipelines.study.value_set import load_value_set
from pipelines.study.yaml_file import InvalidFileError

EVERY = sorted(path.stem for path in INSTRUMENTS.glob("*.yaml"))
ICT_SAD = SCHEMAS / "studies" / "ict_sad.yaml"
NAMED_IN_THE_PROTOCOLS = {
    "lsas_sr", "spin", "mini_spin", "sias", "sps", "bfne", "spwss", "scq", "sbq", "saq", "tks", "spss", "phq9", "gad7",
    "wsas", "pcl5", "pdss_sr", "hq25", "eq5d5l", "adis5", "cgi",
}  # fmt: skip


def built_in(name: str) -> Instrument:
    return load_instrument(INSTRUMENTS / f"{name}.yaml")


def test_the_instruments_of_the_protocols_are_there() -> None:
    assert set(known_instruments()) == NAMED_IN_THE_PROTOCOLS | {"social_diary"}  # this project's own


@pytest.mark.parametrize("name", EVERY)
def test_every_file_states_its_rule_in_full(name: str) -> None:
    instrument = built_in(name)
    stated = instrument.model_fields_set
    assert {"language", "verified"} <= stated
    assert instrument.verified or instrument.unsure
    for score in instrument.scores:
        assert {"direction", "method", "rounding"} <= score.model_fields_set, score.paramcd
        for part in score.parts:
            if part.missing_allowed:
                assert "missing_count_as" in part.model_fields_set, score.paramcd
                assert instrument.missing_rule is not None
    doubtful = [c for s in instrument.scores for c in (*s.cutoffs, *s.reliable_change) if not c.verified]
    doubtful += [s.bands for s in instrument.scores if s.bands and not s.bands.verified]
    assert not doubtful or instrument.unsure


@pytest.mark.parametrize("name", EVERY)
def test_no_file_holds_wording_of_items(name: str) -> None:
    """A label is a few words of ours; items are numbers or names."""
    instrument = built_in(name)
    assert all(len(label.split()) <= 7 for label in instrument.labels.values())
    assert all(re.fullmatch(r"[a-z_]*\d*", item) for item in instrument.ranges)
    assert "I " not in " ".join(instrument.labels.values())


def test_a_file_is_found_beside_the_study_first(tmp_path: Path) -> None:
    own = tmp_path / "instruments" / "phq9.yaml"
    own.parent.mkdir()
    own.write_bytes((INSTRUMENTS / "phq9.yaml").read_bytes())
    assert find_instrument(tmp_path, "phq9") == own
    assert find_instrument(tmp_path, "gad7") == INSTRUMENTS / "gad7.yaml"
    assert find_instrument(tmp_path, "gad7", "complete") == INSTRUMENTS / "gad7@complete.yaml"
    assert find_instrument(tmp_path, "gad7", "unheard") is None


def test_cdisc_codes_are_those_of_the_items() -> None:
    assert built_in("gad7").test_codes["7"] == "GAD0207"
    assert built_in("phq9").test_codes["1"] == "PHQ0101"
    assert built_in("eq5d5l").test_codes == {**{str(n): f"EQ5D020{n}" for n in range(1, 6)}, "vas": "EQ5D0206"}


def test_the_cut_off_of_the_spin_differs_in_japan() -> None:
    (score,) = built_in("spin").scores
    assert [(c.value, c.countries) for c in score.cutoffs] == [(19, []), (22, ["JPN"])]


def test_reliable_change_of_a_standard_deviation_and_a_reliability() -> None:
    # 10.5 x sqrt(1 - .931) = 2.758; x sqrt(2) = 3.901; x 1.96 = 7.645
    change = ReliableChange(sd=10.5, reliability=0.931, source="worked check")
    assert change.points == pytest.approx(7.645, abs=0.001)


# Refused files


def problem(tmp_path: Path, name: str, good: str, wrong: str) -> str:
    """What is said of a built-in file with one thing changed, and that the line is the changed one."""
    text = (INSTRUMENTS / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.count(good), good
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.replace(good, wrong, 1), encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_instrument(path)
    (found, *_) = caught.value.problems
    changed = text[: text.index(good)].count("\n") + 1
    assert found.line is not None and abs(found.line - changed) <= 9, (found, changed)
    return found.message


@pytest.mark.parametrize(
    ("name", "good", "wrong", "said"),
    [
        ("sias", "{numbers: 1-20, missing", "{numbers: 1-21, missing", "uses items that do not exist: 21"),
        ("sias", "{numbers: 1-20, missing", '{numbers: "1-20,20", missing', "counts items twice: 20"),
        ("sias", "range: [0, 4], reversed", "values: [0, 1, 4], reversed", "reversed items need a `range`"),
        ("sias", "range: [0, 4], reversed", "reversed", "`range` is required"),
        ("sias", "range: [0, 4]", "range: [4, 0]", "runs backwards"),
        ("sias", 'reversed: "5,9,11"', 'reversed: "5,9,21"', "name items outside 1-20"),
        ("sias", "range: [0, 80]", "range: [0, 79]", "states [0, 79]; its items give [0, 80]"),
        ("scq", "range: [1, 5]\n    parts", "range: [22, 110]\n    parts", "its items give [1, 5]"),
        ("sias", "missing_allowed: 4", "missing_allowed: 11", "more than half of its items missing"),
        ("sias", "    direction: higher_is_worse\n", "", "direction` is required"),
        ("sias", "{numbers: 1-20, missing_allowed: 4,", "{missing_allowed: 4,", "say which items"),
        ("gad7", "{0: minimal, 5: mild", "{1: minimal, 5: mild", "must begin at 0"),
        ("gad7", "scores: {GAD7: GAD02TS}", "scores: {GAD8: GAD02TS}", "`GAD8` is no parameter"),
        ("phq9", "labels: {9:", "labels: {19:", "`19` is no item"),
        ("pcl5", "paramcd: PCL5B", "paramcd: PCL5", "PCL5 is defined twice"),
        ("spss", "unsure:\n  - Its items", "notes: Its items", "say under `unsure`"),
        ("spss", "items: []", "items: [{numbers: 1-9, range: [0, 1]}]", "items and scores go together"),
        ("eq5d5l", "{numbers: 1-5, missing_allowed: 0}", "{numbers: 1-5, missing_allowed: 1}", "allow 0 missing"),
        ("eq5d5l", "{numbers: 1-5, missing_allowed: 0}", "{named: [vas], missing_allowed: 0}", "from 0 to 9; not vas"),
        ("gad7@complete", "version: complete", "version: whole", "so its version must be complete"),
    ],
)
def test_a_file_that_would_give_wrong_numbers_is_refused(
    tmp_path: Path, name: str, good: str, wrong: str, said: str
) -> None:
    assert said in problem(tmp_path, name, good, wrong)


@settings(deadline=None)
@given(missing=st.integers(0, 20), n=st.integers(1, 20))
def test_no_more_than_half_may_be_missing(missing: int, n: int) -> None:
    from pipelines.study.instrument_check import complaints

    data = built_in("gad7").model_dump(exclude={"cdisc"})
    data["items"] = [{"numbers": f"1-{n}", "range": [0, 3]}]
    data["scores"][0] |= {
        "range": [0, 3 * n],
        "bands": None,
        "parts": [{"numbers": f"1-{n}", "missing_allowed": missing}],
    }
    found = list(complaints(Instrument.model_validate(data)))
    assert bool(found) == (missing * 2 > n)


def study_with(tmp_path: Path, line: str) -> Path:
    """The built-in study with a line more under `instruments`."""
    text = ICT_SAD.read_text(encoding="utf-8")
    anchor = "  - {instrument: wsas,"
    path = tmp_path / "study.yaml"
    path.write_text(text.replace(anchor, f"  - {{{line}}}\n{anchor}", 1), encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    (found, *_) = caught.value.problems
    assert found.line is not None
    return f"{found.file.name}: {found.message}"


def test_a_study_may_not_use_what_nobody_can_score(tmp_path: Path) -> None:
    path = study_with(tmp_path, "instrument: spss, visits: [BASELINE]")
    assert "nobody has read yet how `spss` is scored" in refused(path)


def test_a_study_may_choose_a_rival_rule(tmp_path: Path) -> None:
    text = ICT_SAD.read_text(encoding="utf-8")
    path = tmp_path / "study.yaml"
    path.write_text(text.replace("{instrument: gad7,", "{instrument: gad7, version: complete,", 1), encoding="utf-8")
    protocol = load_protocol(path)
    assert protocol.instruments["gad7"].version == "complete"
    path.write_text(text.replace("{instrument: gad7,", "{instrument: gad7, version: unheard,", 1), encoding="utf-8")
    assert "no instrument file `gad7@unheard`; there are gad7@complete" in refused(path)


def test_two_instruments_may_not_share_a_parameter(tmp_path: Path) -> None:
    text = (INSTRUMENTS / "phq9.yaml").read_text(encoding="utf-8")
    own = tmp_path / "instruments" / "phq9_ja.yaml"
    own.parent.mkdir()
    own.write_text(text.replace("instrument: phq9", "instrument: phq9_ja", 1), encoding="utf-8")
    path = study_with(tmp_path, "instrument: phq9_ja, visits: [BASELINE]")
    assert "PHQ9 is a parameter of phq9 and of phq9_ja" in refused(path)


# Value sets


def value_set(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / "instruments" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


DECREMENTS = "full_health: 1\ndecrements:\n  1: {2: 0.05, 3: 0.1, 4: 0.2, 5: 0.4}\n  5: {2: 0.07}\n"


def test_a_value_set_of_decrements(tmp_path: Path) -> None:
    eq5d5l = built_in("eq5d5l")
    index = next(score for score in eq5d5l.scores if score.method == "value_set")
    values = load_value_set(value_set(tmp_path, "jp.yaml", DECREMENTS), eq5d5l, index)
    assert len(values) == 3125
    assert (values["11111"], values["21111"], values["31112"]) == (1.0, 0.95, 0.83)


def test_a_value_set_comes_with_the_study(tmp_path: Path) -> None:
    value_set(tmp_path, "jp.yaml", DECREMENTS)
    path = study_with(tmp_path, "instrument: eq5d5l, visits: [BASELINE], value_sets: {JPN: jp.yaml}")
    protocol = load_protocol(path)
    assert "EQ5DIX" in {score.paramcd for _, score in protocol.scores}
    before = protocol.digest
    value_set(tmp_path, "jp.yaml", DECREMENTS.replace("0.07", "0.08"))
    assert load_protocol(path).digest != before


def test_without_a_value_set_there_is_no_index(tmp_path: Path) -> None:
    protocol = load_protocol(study_with(tmp_path, "instrument: eq5d5l, visits: [BASELINE]"))
    assert "EQ5DIX" not in {score.paramcd for _, score in protocol.scores}


ROWS = "".join(
    f"{a}{b}{c}{d}{e},0.5\n" for a in "12345" for b in "12345" for c in "12345" for d in "12345" for e in "12345"
)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("jp.csv", "profile,value\n" + ROWS.replace("11111,0.5\n", ""), "1 profiles have no value, the first is 11111"),
        ("jp.csv", "profile,value\n" + ROWS + "66666,0.5\n", "cannot be made"),
        ("jp.csv", "profile,value\n" + ROWS + "11111,0.5\n", "profile 11111 is listed twice"),
        ("jp.csv", "profile,value\n" + ROWS.replace("11111,0.5", "11111,much"), "profile 11111 has no number"),
        ("jp.csv", "state;value\n11111;1\n", "expected the columns profile,value"),
        ("jp.yaml", DECREMENTS.replace("5:", "6:"), "`6` is none of the profile's items"),
        ("jp.yaml", DECREMENTS.replace("0.05", "much"), "decrements.1.2"),
    ],
)
def test_a_value_set_with_gaps_or_mistakes_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    value_set(tmp_path, name, content)
    path = study_with(tmp_path, f"instrument: eq5d5l, visits: [BASELINE], value_sets: {{JPN: {name}}}")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    assert said in str(caught.value)


def test_a_value_set_that_is_not_there_or_not_needed(tmp_path: Path) -> None:
    path = study_with(tmp_path, "instrument: eq5d5l, visits: [BASELINE], value_sets: {JPN: jp.csv}")
    assert "there is no file instruments/jp.csv" in refused(path)
    path = study_with(tmp_path, "instrument: pcl5, visits: [BASELINE], value_sets: {JPN: jp.csv}")
    assert "pcl5 has no score that needs a value set" in refused(path)


def test_a_complete_table_is_read(tmp_path: Path) -> None:
    eq5d5l = built_in("eq5d5l")
    index = next(score for score in eq5d5l.scores if score.method == "value_set")
    values = load_value_set(value_set(tmp_path, "jp.csv", "profile,value\n" + ROWS), eq5d5l, index)
    assert len(values) == 3125 and set(values.values()) == {0.5}
