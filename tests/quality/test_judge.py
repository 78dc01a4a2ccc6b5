"""Counts become verdicts and statuses, whatever goes wrong on the way."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields
from importlib import import_module
from itertools import product
from pathlib import Path

import duckdb
import pytest

from pipelines.quality import left_out
from pipelines.quality.cards import judge_again
from pipelines.quality.check_table import write_check_results
from pipelines.quality.engine import ENGINE, begin_to_judge, verdicts
from pipelines.quality.expectations import Rule, Shares, Verdicts, failing_sites
from pipelines.quality.indicators import Count, judge_indicators
from pipelines.quality.judge import CheckResult, judge
from pipelines.study.check import Check, limit_names, load_checks
from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from pipelines.study.yaml_file import InvalidFileError
from pipelines.warehouse.dictionary import TABLES, load_table
from tests.quality.counted import counted
from tests.quality.good_trial import good_trial

SHARES = {
    "site_id": ["a", "b"], "fine": [0.0, 0.5], "words": ["x", "y"], "half": [None, 0.5], "nothing": [None, None]
}  # fmt: skip
RULES = [Rule(column, 0.1, "warning") for column in ("words", "absent", "fine", "half", "nothing")]
VERDICTS = {
    "words": None, "absent": None, "fine": frozenset("b"), "half": frozenset("b"), "nothing": frozenset[str]()
}  # fmt: skip
SITES = ("oxford", "hong_kong", "miyazaki")


def check(name: str = "overdue_forms", **given: object) -> Check:
    values = {
        "name": name, "dimension": "completeness", "feeds": ["participants"], "severity": "warning", "message": "",
        "tolerance": 0.1, "minimum": 10, "reason": "", "blinding": "safe",
    }  # fmt: skip
    return Check.model_validate({**values, **given})


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as con:
        con.execute("CREATE SCHEMA quality")
        con.execute(
            "CREATE TABLE quality.metric (check_name VARCHAR, site_id VARCHAR, n_checked BIGINT, n_failed BIGINT)"
        )
        con.execute(
            "CREATE TABLE quality.arrival "
            "(site_id VARCHAR, feed VARCHAR, expected_every_days BIGINT, last_on DATE, overdue BOOLEAN)"
        )
        for site in SITES:
            _arrived(con, site, "participants", overdue=False)
        yield con


def _arrived(con: duckdb.DuckDBPyConnection, site: str, feed: str, overdue: bool | None) -> None:
    con.execute("DELETE FROM quality.arrival WHERE site_id = ? AND feed = ?", [site, feed])
    con.execute("INSERT INTO quality.arrival VALUES (?, ?, 7, '2026-01-01', ?)", [site, feed, overdue])


def _counted(con: duckdb.DuckDBPyConnection, name: str, *found: tuple[int | None, int | None]) -> None:
    """`found`: n_checked, n_failed of each site."""
    for site, (n_checked, n_failed) in zip(SITES, found, strict=True):
        con.execute("INSERT INTO quality.metric VALUES (?, ?, ?, ?)", [name, site, n_checked, n_failed])


def _statuses(results: list[CheckResult]) -> list[str]:
    return [result.status for result in results]


def test_failing_is_action_or_watch_by_severity(con: duckdb.DuckDBPyConnection, ict_sad: Protocol) -> None:
    _counted(con, "a", (20, 3), (20, 2), (20, 0))
    _counted(con, "b", (20, 3), (20, 2), (20, 0))
    results = judge(con, ict_sad, [check("a"), check("b", severity="critical")])
    assert _statuses(results) == ["WATCH", "OK", "OK", "ACTION", "OK", "OK"]
    assert [r.passed for r in results] == [False, True, True] * 2


def test_passing_with_too_few_records_says_nothing_but_failing_does(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol
) -> None:
    _counted(con, "a", (3, 0), (3, 3), (0, 0))
    results = judge(con, ict_sad, [check("a")])
    assert _statuses(results) == ["TOO_FEW", "WATCH", "TOO_FEW"]
    assert results[2].passed is None


def test_zero_records_never_pass_even_where_no_minimum_is_asked(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol
) -> None:
    _counted(con, "a", (0, 0), (1, 0), (1, 1))
    assert _statuses(judge(con, ict_sad, [check("a", minimum=0)])) == ["TOO_FEW", "OK", "WATCH"]


def test_a_check_that_does_not_concern_the_study_is_not_applicable(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol
) -> None:
    _counted(con, "a", (None, None), (None, None), (20, 0))
    assert _statuses(judge(con, ict_sad, [check("a")])) == ["NOT_APPLICABLE", "NOT_APPLICABLE", "OK"]


def test_a_feed_that_is_neither_due_nor_there_makes_a_check_not_applicable(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol
) -> None:
    _counted(con, "a", (0, 0), (0, 0), (0, 0))
    assert _statuses(judge(con, ict_sad, [check("a", feeds=["contacts"])])) == ["NOT_APPLICABLE"] * 3


def test_no_data_comes_before_every_verdict(con: duckdb.DuckDBPyConnection, ict_sad: Protocol) -> None:
    _counted(con, "a", (20, 20), (20, 0), (1, 0))
    for site in SITES:
        _arrived(con, site, "participants", overdue=True)
    assert _statuses(judge(con, ict_sad, [check("a")])) == ["NO_DATA"] * 3


@pytest.mark.parametrize("nonsense", [(None, 1), (3, None), (3, 4), (-1, 0)])
def test_counts_that_make_no_sense_break_the_check_at_that_site_only(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol, nonsense: tuple[int | None, int | None]
) -> None:
    _counted(con, "a", nonsense, (20, 0), (20, 20))
    _arrived(con, "oxford", "participants", overdue=True)
    results = judge(con, ict_sad, [check("a")])
    assert _statuses(results) == ["BROKEN", "OK", "WATCH"]
    assert results[0].passed is None


def test_a_check_without_counts_is_broken(con: duckdb.DuckDBPyConnection, ict_sad: Protocol) -> None:
    assert _statuses(judge(con, ict_sad, [check("a")])) == ["BROKEN"] * 3


def test_one_rule_that_cannot_be_judged_does_not_stop_the_others() -> None:
    assert failing_sites(SHARES, RULES) == VERDICTS


def test_an_engine_that_was_loaded_ahead_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    here = [RULES[:1], *[RULES] * 2]
    with ENGINE.may_load():
        ENGINE.load()
        begin_to_judge(SHARES, RULES)
        monkeypatch.setattr("pipelines.quality.engine.failing_sites", lambda _, rules: here.remove(rules) or {})
        verdicts(SHARES, RULES[:1])  # not what it was asked
        assert verdicts(SHARES, RULES) == VERDICTS and len(here) == 2
        verdicts(SHARES, RULES)  # it answers once
        (block,) = ENGINE.blocks
    with ENGINE.may_load():
        ENGINE.load()
        (ended,) = ENGINE.blocks
        assert ended.process is not None
        ended.process.kill()
        verdicts(SHARES, RULES)
        assert not here
    with ENGINE.may_load():
        ENGINE.load()  # a night that ends before it judges leaves no process behind
        (left,) = ENGINE.blocks
    assert all(block.process is not None and block.process.poll() is not None for block in (block, ended, left))


def test_the_engine_says_of_every_share_and_limit_what_a_comparison_says() -> None:
    """Judged together and with most of the library left out, as one by one with all of it."""
    kinds = (None, 0.0, 0.1, 0.1 + 1e-16, 0.3, 1.0, 0, 1)
    rules, shares, expected = [], {"site_id": ["a", "b"]}, {}
    for values, tolerance, severity in product(product(kinds, repeat=2), (0.0, 0.1, 0.3), ("critical", "warning")):
        rules.append(rule := Rule(f"{values} {tolerance} {severity}", tolerance, severity))
        shares[rule.column] = [*values]
        expected[rule.column] = frozenset(
            site for site, share in zip("ab", values, strict=True) if share is not None and share > tolerance
        )
    with ENGINE.may_load():
        ENGINE.load()
        begin_to_judge(shares, rules)
        assert failing_sites(shares, rules) == expected
        assert verdicts(shares, rules) == expected
        (block,) = ENGINE.blocks
        assert block.process is not None and block.process.returncode == 0 and block.is_answered
    some = rules[::7]
    assert {name: sites for rule in some for name, sites in failing_sites(shares, [rule]).items()} == {
        rule.column: expected[rule.column] for rule in some
    }


def test_a_rule_that_cannot_be_judged_breaks_only_those_that_cannot_either() -> None:
    shares = {"site_id": ["a", "b"], "word": ["x", 0.5], "words": ["x", "y"], "number": [0.5, 0.0], "none": [None, 0.5]}
    rules = [Rule(column, 0.1, "critical") for column in ("word", "number", "words", "absent", "none")]
    assert failing_sites(shares, rules) == {
        "word": None, "number": frozenset("a"), "words": None, "absent": None, "none": frozenset("b")
    }  # fmt: skip


def test_a_module_that_is_left_out_has_whatever_is_imported_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_out, "STOOD_IN", re.compile(r"no_such_library(\..+)?"))
    monkeypatch.setattr(left_out, "NOT_NEEDED", ["nor_this"])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    for name in ("no_such_library", "no_such_library.part", "nor_this"):
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    left_out.leave_out()
    part = import_module("no_such_library.part")
    assert isinstance(part.Thing, type) and part.Thing is part.Thing and not hasattr(part, "__all__")
    with pytest.raises(ModuleNotFoundError):
        import_module("nor_this")
    with pytest.raises(ModuleNotFoundError):
        import_module("neither_stood_in")


def test_no_engine_is_loaded_where_nobody_will_end_it() -> None:
    ENGINE.load()
    assert not ENGINE.blocks


def test_a_broken_rule_is_broken_at_every_site(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    _counted(con, "a", (20, 0), (20, 0), (20, 0))
    _counted(con, "b", (20, 0), (20, 20), (20, 0))

    def partly(shares: Shares, rules: list[Rule]) -> Verdicts:
        return failing_sites({name: values for name, values in shares.items() if name != "a"}, rules)

    monkeypatch.setattr("pipelines.quality.judge.verdicts", partly)
    results = judge(con, ict_sad, [check("a"), check("b")])
    assert _statuses(results) == ["BROKEN"] * 3 + ["OK", "WATCH", "OK"]


def test_without_the_engine_every_check_is_broken_and_the_night_goes_on(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    _counted(con, "a", (20, 0), (20, 20), (None, None))

    def gone(*_: object) -> None:
        raise ModuleNotFoundError("great_expectations")

    monkeypatch.setattr("pipelines.quality.expectations._engine", gone)
    assert _statuses(judge(con, ict_sad, [check("a")])) == ["BROKEN"] * 3


def test_a_share_exactly_at_the_tolerance_passes() -> None:
    tenths = {"site_id": list("abc"), "x": [1 / 10, 3 / 30, 4 / 39]}
    assert failing_sites(tenths, [Rule("x", 0.10, "critical")]) == {"x": frozenset("c")}


def test_the_study_file_sets_limits_by_check_or_group(ict_sad: Protocol) -> None:
    checks = {c.name: c for c in load_checks()}
    assert checks["quarantined_usage"].limit_in(ict_sad.study) == ict_sad.study.quality["quarantined_rows"]
    assert checks["usage_without_access"].limit_in(ict_sad.study).tolerance == 0


def test_results_speak_of_counts_only(ict_sad: Protocol) -> None:
    """Nothing that a participant's row holds is anywhere in a result."""
    trial = good_trial(ict_sad)
    for row in [row for rows in trial.rows.values() for row in rows if "subject_id" in row]:
        row["subject_id"] = f"CANARY{row['subject_id']}"
    results = judge(counted(trial).con, ict_sad)
    assert "CANARY" not in repr([asdict(result) for result in results])
    assert {r.site_id for r in results} == set(SITES)


def test_results_become_the_table_that_the_dictionary_describes(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol
) -> None:
    _counted(con, "a", (20, 3), (None, None), (0, 0))
    results = judge(con, ict_sad, [check("a")])
    write_check_results(con, results)
    write_check_results(con, results)
    described = load_table(TABLES / "quality" / "check_result.yaml")
    found = con.execute("DESCRIBE quality.check_result").fetchall()
    kinds = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    assert [(row[0], row[1]) for row in found] == [
        (name, kinds.get(column.type, column.type)) for name, column in described.columns.items()
    ]
    assert list(described.columns) == [field.name for field in fields(CheckResult)]
    rows = con.execute("SELECT site_id, n_checked, n_failed, passed, status FROM quality.check_result").fetchall()
    assert sorted(rows) == [
        ("hong_kong", 0, 0, None, "NOT_APPLICABLE"),
        ("miyazaki", 0, 0, None, "TOO_FEW"),
        ("oxford", 20, 3, False, "WATCH"),
    ]


def test_the_table_dictionary_fits_the_sql(ict_sad: Protocol) -> None:
    con = counted(good_trial(ict_sad)).con
    for name in ("arrival", "metric", "metric_delivery", "metric_subject", "metric_form", "metric_usage"):
        described = load_table(TABLES / "quality" / f"{name}.yaml")
        found = [(row[0], row[1]) for row in con.execute(f"DESCRIBE quality.{name}").fetchall()]
        assert found == list(described.types.items()), name


def test_two_checks_of_one_name_are_named_by_line(tmp_path: Path) -> None:
    original = (SCHEMAS / "checks" / "timeliness.yaml").read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(original, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(original, encoding="utf-8")
    with pytest.raises(InvalidFileError, match="line 3: there are two checks called `overdue_deliveries`"):
        load_checks(tmp_path)


def test_a_limit_for_no_check_is_refused(tmp_path: Path) -> None:
    text = (SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8")
    study = tmp_path / "study.yaml"
    study.write_text(text.replace("  overdue_forms: {", "  overdue_form: {"), encoding="utf-8")
    with pytest.raises(InvalidFileError, match=r"line [0-9]+: there is no check `overdue_form`"):
        load_protocol(study)
    assert "overdue_forms" in limit_names()


def test_a_check_that_counts_what_an_indicator_counts_gets_the_same_verdict(
    con: duckdb.DuckDBPyConnection, ict_sad: Protocol
) -> None:
    """One reader sees both: 27 % of 37 is more than 15 %, and still what chance often gives."""
    found = ((37, 10), (37, 13), (37, 17))
    _counted(con, "primary_outcome_missing", *found)
    mine = [c for c in load_checks() if c.name == "primary_outcome_missing"]
    _arrived(con, "oxford", "questionnaires", overdue=False)
    _arrived(con, "hong_kong", "questionnaires", overdue=False)
    _arrived(con, "miyazaki", "questionnaires", overdue=False)
    results = judge(con, ict_sad, mine)
    counts = [Count("K05", site, n, x) for site, (n, x) in zip(SITES, found, strict=True)]
    indicators = judge_indicators(counts, ict_sad.study)
    assert _statuses(results) == [row["status"] for row in indicators] == ["OK", "WATCH", "ACTION"]
    assert [result.passed for result in results] == [False] * 3  # the share alone
    cards = check_cards_of(results)
    assert [judge_again(card, ict_sad.study)["status"] for card in cards] == _statuses(results)


def check_cards_of(results: list[CheckResult]) -> list[dict[str, object]]:
    return [
        {"check_name": r.check_name, "site_id": r.site_id, "kind": "check", "level": r.severity, "status": "OK"}
        | {"n_evaluated": r.n_checked, "n_failing": r.n_failed, "tolerance": r.tolerance}
        for r in results
    ]


def test_the_checks_that_count_what_an_indicator_counts_are_few_and_known() -> None:
    assert {c.name for c in load_checks() if c.has_indicator} == {
        "primary_outcome_missing",
        *(f"{name}{arm}" for name in ("overdue_forms", "items_missing", "out_of_window") for arm in ("", "_one_arm")),
    }
