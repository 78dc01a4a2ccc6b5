"""The status screen: right on an empty workspace, and never wider, louder or more talkative than it may be."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from pipelines.night import Night
from pipelines.quality.check_table import write_check_results
from pipelines.quality.judge import judge
from pipelines.status import render_status, status
from pipelines.status.needs import needs_of
from pipelines.study.check import load_checks
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace
from tests.quality.counted import counted
from tests.quality.good_trial import RECEIVED, forget_form, good_trial, study_day
from tests.sql.exports import CHANGES, export
from tests.sql.trial import Trial

SNAPSHOT = """
    CREATE SCHEMA meta;
    CREATE TABLE meta.snapshot AS SELECT
        '20260720-abc' AS snapshot_id, DATE '2026-07-20' AS as_of, TIMESTAMPTZ '2026-07-20 02:00:00+00' AS built_at,
        'v1' AS code_version, 's' AS study_digest, 'i' AS inputs_digest, 't' AS tables_digest;
"""
MADE = ("delivery", "quarantine", "arrival", "completeness", "overdue", "drift")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def publish(workspace: Workspace, trial: Trial) -> None:
    con = counted(trial, *(f"quality.{name}" for name in MADE)).to_read
    results = judge(con, trial.protocol)
    workspace.published.mkdir()
    file = workspace.published / "current-unblinded.duckdb"
    con.execute(f"ATTACH '{file}' AS published")
    con.execute("CREATE SCHEMA published.quality")
    for name in MADE:
        con.execute(f"CREATE TABLE published.quality.{name} AS FROM quality.{name}")
    con.execute("USE published")
    write_check_results(con, results)
    con.execute("USE memory")
    con.execute("DETACH published")
    con.close()
    with duckdb.connect(str(file)) as published:
        published.execute(SNAPSHOT)


def night(run_id: str, **given: Any) -> Night:
    values = {"started_at": f"2026-07-{run_id}T02:00:00+00:00", "as_of": "2026-07-20", "sites": ["oxford"]}
    return Night(run_id=run_id, **{**values, **given})


def screen(state: dict[str, Any], width: int = 100) -> str:
    text = io.StringIO()
    render_status(state, Console(file=text, width=width, color_system=None))
    return text.getvalue()


# A trial in which nothing waits for anybody.
CALM: dict[str, Any] = {
    "last_run": {"outcome": "published", "messages": [], "started_at": "2026-07-20T02:00", "finished_at": None},
    "night_late": None,
    "snapshot": None,
    "note": None,
    "audit": {"rechained": [], "broken_line": None, "n_rows": 0, "n_nights": 1},
    "check_counts": {},
    "waiting": {},
    "not_taken": {},
    **{name: [] for name in ("alerts", "refused", "checks", "drift", "overdue_deliveries", "data_queries", "sites")},
    "quarantine": [],
}


def test_before_any_night_it_says_so(workspace: Workspace) -> None:
    state = status(workspace)
    json.dumps(state)
    assert state["last_run"] is None and state["snapshot"] is None
    assert "No night has run yet" in screen(state)
    assert "nothing is published" in screen(state)


def test_a_night_that_failed_before_the_first_snapshot(workspace: Workspace) -> None:
    night("19", outcome="failed", messages=["the disk is full"], not_taken={"a.csv": "lies outside"}).save(workspace)
    text = screen(status(workspace))
    assert "failed" in text and "the disk is full" in text and "lies outside" in text


def test_what_came_in_last_night_is_counted_by_site_and_feed(workspace: Workspace, ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    new = trial.delivery("oxford", "participants", n_rows=7, n_accepted=4, n_quarantined=2, n_duplicate=1)
    again = trial.delivery("oxford", "usage", status="repeat", blinding="revealing")
    publish(workspace, trial)
    night("18", outcome="published", received=["d1"]).save(workspace)
    night("19", outcome="ingested", received=[new]).save(workspace)
    night("20", outcome="published", received=[again]).save(workspace)
    night("21", outcome="ingested", received=["later"]).save(workspace)
    state = status(workspace)
    json.dumps(state)
    assert [(r["site_id"], r["feed"], r["n_files"], r["n_rows"], r["n_repeat"]) for r in state["received"]] == [
        ("oxford", "participants", 1, 7, 0),
        ("oxford", "usage", 1, 0, 1),
    ]
    assert state["received_not_published"] == ["later"]
    assert "1 repeated" in screen(state)


def test_what_stands_refused_and_set_aside_is_shown_and_what_was_made_good_is_not(
    workspace: Workspace, ict_sad: Protocol
) -> None:
    trial = good_trial(ict_sad)
    old = trial.delivery("oxford", "participants", n_rows=7, n_quarantined=1, status="partial")
    trial.refuse("participants", "oxford", old, None)
    trial.delivery("oxford", "participants", status="held", reason="17 records would vanish", file_name="x.csv")
    new = trial.delivery("oxford", "participants", n_rows=7, n_quarantined=1, status="partial")
    trial.refuse("participants", "oxford", new, None)
    trial.delivery("oxford", "participants", status="rejected", reason="not what was agreed", file_name="y.csv")
    publish(workspace, trial)
    state = status(workspace)
    assert [(r["file_name"], r["reason"]) for r in state["refused"]] == [("y.csv", "not what was agreed")]
    assert [(q["rule"], q["n_rows"]) for q in state["quarantine"]] == [("unknown_code", 1)]


def test_what_is_overdue_and_which_checks_fail(workspace: Workspace, ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    forget_form(trial, "002", "phq9", study_day(57))
    publish(workspace, trial)
    state = status(workspace)
    assert [(v["site_id"], v["avisit"], v["instrument"], v["n_overdue"]) for v in state["overdue_visits"]] == [
        ("oxford", "WEEK 8", "phq9", 1)
    ]
    assert {d["site_id"] for d in state["overdue_deliveries"]} == {"hong_kong", "miyazaki"}
    assert state["checks"][0]["status"] == "NO_DATA"
    assert sum(state["check_counts"].values()) == len(ict_sad.study.sites) * len(load_checks())
    assert [(row["site_id"], row["n_visit_forms"], row["n_weekly_forms"]) for row in state["overdue"]] == [
        ("hong_kong", 0, 0), ("miyazaki", 0, 0), ("oxford", 1, 36),
    ]  # fmt: skip
    oxford = next(row for row in state["sites"] if row["site_id"] == "oxford")
    assert (oxford["n_overdue_forms"], oxford["n_overdue_weekly"], oxford["n_late_deliveries"]) == (1, 36, 0)
    text = screen(state)
    assert "overdue_deliveries" in text and "ACTION" in text
    assert "6 sources silent for too long (hong_kong, miyazaki)" in text


def test_waiting_files_are_those_of_each_sites_last_look(workspace: Workspace) -> None:
    night("18", outcome="published", waiting={"oxford/usage/a": "too recent"}).save(workspace)
    night("19", outcome="ingested", waiting={"oxford/usage/b": "too recent"}).save(workspace)
    night("20", sites=["miyazaki"], outcome="ingested").save(workspace)
    assert status(workspace)["waiting"] == {"oxford/usage/b": "too recent"}


def test_open_queries_are_shown_once_there_are_such(workspace: Workspace, ict_sad: Protocol) -> None:
    publish(workspace, good_trial(ict_sad))
    assert status(workspace)["data_queries"] is None
    with duckdb.connect(str(workspace.published / "current-unblinded.duckdb")) as con:
        con.execute(
            "CREATE TABLE quality.data_query AS SELECT 'oxford' AS site_id, 'critical' AS severity, "
            "'open' AS status, 12 AS age_days"
        )
    state = status(workspace)
    (found,) = state["data_queries"]
    assert (found["site_id"], found["severity"], found["n_open"], found["oldest_days"]) == ("oxford", "critical", 1, 12)
    assert (found["n_of_a_week"], found["n_of_a_month"], found["n_older"]) == (0, 1, 0)
    text = screen(state)
    assert "1 critical data query open (oxford): `ict-trial queries list`" in text and "1 (1!)" in text


def test_an_export_that_changed_is_shown_with_what_it_was(workspace: Workspace, ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    for columns in CHANGES["range_shifted"]:
        export(trial, *columns, received_at=RECEIVED)
    publish(workspace, trial)
    state = status(workspace)
    assert [(d["site_id"], d["change"], d["column_name"], d["was"], d["became"]) for d in state["drift"]] == [
        ("oxford", "range_shifted", "phq9_1", "from 0 to 1", "from 1 to 2")
    ]
    text = screen(state)
    assert "1 column of 1 export gone or shifted (oxford)" in text
    assert "range shifted  oxford/questionnaires  phq9_1: from 0 to 1 → from 1 to 2 (own)" in text


def test_a_held_file_is_shown_with_how_to_decide(workspace: Workspace, ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    reason = "17 of 40 records would vanish, 0 of them of the primary outcome; ask the site"
    held = trial.delivery("oxford", "participants", status="held", reason=reason, file_name="short.csv")
    publish(workspace, trial)
    state = status(workspace)
    needs = [(need["what"], need["do"]) for need in state["needs"] if need["what"].startswith("Held")]
    assert needs == [
        (
            "Held: oxford/participants, 17 of 40 records would vanish",
            f"`ict-trial deliveries accept` (or `refuse`) `{held}`",
        )
    ]
    assert state["must_act"] and screen(state).startswith("A person must act: ")


def test_the_first_line_says_when_nobody_must_act() -> None:
    assert needs_of(CALM) == []
    assert screen(CALM | {"needs": []}).splitlines()[0] == "Nothing waits for a person."


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"last_run": None}, "No night has run yet"),
        ({"last_run": {"outcome": "failed", "messages": ["a", "b"]}}, "a (and 1 more)"),
        ({"last_run": {"outcome": "held_back", "messages": []}}, "The last night held back"),
        ({"night_late": {"last": "2026-07-18T02:00", "due": "2026-07-19T02:00"}}, "No night since 2026-07-18 02:00"),
        ({"alerts": [{"site_id": "oxford", "n_waiting": 2, "n_overdue": 1}]}, "2 safety alerts unacknowledged, 1"),
        ({"audit": {"rechained": [{"reasons": []}], "broken_line": None}}, "The audit trail does not continue"),
        ({"audit": {"rechained": [], "broken_line": 3}}, "The audit trail does not continue"),
    ],
)
def test_what_waits_for_a_person(wrong: dict[str, Any], what: str) -> None:
    (need,) = needs_of(CALM | wrong)
    assert need.what.startswith(what) and need.do


def test_an_audit_trail_that_changed_for_a_reason_waits_for_nobody() -> None:
    assert needs_of(CALM | {"audit": {"rechained": [{"reasons": ["late"]}], "broken_line": None}}) == []


@pytest.mark.parametrize(("hours", "late"), [(25, False), (26, False), (27, True)])
def test_a_night_that_did_not_come_is_missed(workspace: Workspace, hours: int, late: bool) -> None:
    night("19", outcome="published").save(workspace)
    night("20", outcome="ingested").save(workspace)  # a drop taken in between is no night
    now = datetime(2026, 7, 19, 2, tzinfo=UTC) + timedelta(hours=hours)
    state = status(workspace, now)
    assert (state["night_late"] is not None) is late
    assert ("No night since 2026-07-19 02:00; the next was due 2026-07-20 02:00" in screen(state)) is late


def test_twenty_sites_are_still_read_at_a_glance(workspace: Workspace, ict_sad: Protocol) -> None:
    publish(workspace, good_trial(ict_sad))
    state = status(workspace)
    line = next(row for row in state["sites"] if row["site_id"] == "oxford")
    large = {"n_files": 123, "n_overdue_weekly": 1234, "n_worst_checks": 12, "worst_check": "WATCH"}
    state["sites"] = [line | large | {"site_id": f"site_number_{n}"} for n in range(20)]
    text = [row.rstrip() for row in screen(state, width=80).splitlines()]
    assert sum(row.startswith("site_number_") and row.endswith("12 WATCH") for row in text) == 20
    assert max(map(len, text)) <= 80 and len(text) <= 67


def test_a_snapshot_of_another_version_is_said_to_be_one(workspace: Workspace) -> None:
    workspace.published.mkdir()
    with duckdb.connect(str(workspace.published / "current-unblinded.duckdb")) as con:
        con.execute("CREATE TABLE something (x INTEGER)")
    state = status(workspace)
    json.dumps(state)
    assert "another version" in screen(state)


def test_the_screen_keeps_to_its_width_and_to_one_page(workspace: Workspace, ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    for n in range(40):
        trial.delivery("oxford", "usage", status="rejected", reason="a long story " * 20, file_name=f"{n}" * 40)
    publish(workspace, trial)
    long = {f"oxford/usage/{n}": "why " * 60 for n in range(40)}
    night("20", outcome="published", received=["d1", "d9"], waiting=long).save(workspace)
    lines = screen(status(workspace)).splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 50


def test_a_file_name_cannot_drive_the_terminal(workspace: Workspace, ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    trial.delivery(
        "oxford", "usage", status="rejected", reason="[red]no[/red]", file_name="\x1b[31mx\x1b]8;;http://a\x07"
    )
    publish(workspace, trial)
    text = screen(status(workspace))
    assert "\x1b" not in text and "\x07" not in text
    assert "[red]no[/red]" in text


def test_no_value_of_a_participant_is_in_it(workspace: Workspace, ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    for row in [row for rows in trial.rows.values() for row in rows if "subject_id" in row]:
        row["subject_id"] = f"CANARY{row['subject_id']}"
    publish(workspace, trial)
    assert "CANARY" not in json.dumps(status(workspace))
