"""Every expected value has exactly one state: worked by hand, and compared with the rules in plain Python."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.sql.expected_oracle import states, totals
from tests.sql.trial import Tables, Trial, day, phq9, with_study

WANTED = ("quality.expected", "quality.expected_total", "quality.expected_item", "quality.metric_expected")
WEEK_8 = "instrument = 'phq9' AND avisit = 'WEEK 8'"


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    trial = Trial(ict_sad, as_of=day(60))
    trial.delivery("oxford", "questionnaires", scope="incremental")
    return trial


def derived(trial: Trial, *also: str) -> Tables:
    db = trial.tables(*WANTED, *also)
    wrong = db.rows("SELECT * FROM quality.metric_expected WHERE n_failed > 0")
    assert wrong == []
    return db


def week_8(trial: Trial, columns: str = "state") -> Any:
    row = derived(trial).row(f"SELECT {columns} FROM quality.expected WHERE {WEEK_8}")
    return row[0] if len(row) == 1 else row


def by_person(trial: Trial, columns: str = "state") -> list[tuple[Any, ...]]:
    return derived(trial).rows(f"SELECT subject_id, {columns} FROM quality.expected WHERE {WEEK_8} ORDER BY 1")


def test_a_form_that_never_came_is_in_the_state_of_the_calendar(trial: Trial) -> None:
    for subject, study_day in (("001", 42), ("002", 43), ("003", 71), ("004", 72)):
        trial.person(subject, randomised_on=trial.as_of - timedelta(study_day - 1))
    states = ["not_due", "due", "due", "overdue"]
    assert by_person(trial) == list(zip(("001", "002", "003", "004"), states, strict=True))


def test_what_came_by_its_day_or_its_label(trial: Trial) -> None:
    trial.as_of = day(90)
    for subject, study_day, label in (
        ("001", 57, None),
        ("002", 72, "WEEK 8"),
        ("003", 42, "week 8"),
        ("004", 72, None),
    ):
        trial.person(subject)
        trial.form(subject, "phq9", day(study_day), phq9(9), visit=label)
    assert by_person(trial, "state, opens_on, due_on, n_items_listed") == [
        ("001", "received", day(43), day(71), 0),
        ("002", "received_late", day(43), day(71), 0),
        ("003", "received", day(43), day(71), 0),
        ("004", "overdue", day(43), day(71), 0),
    ]


def test_who_is_not_asked_any_more_or_not_yet(trial: Trial) -> None:
    trial.as_of = day(80)
    trial.person("001", status="withdrawn", status_date=day(70))
    trial.person("002", status="withdrawn", status_date=day(71))
    trial.person("003", None, status="screen_failed")
    trial.person("004", None, status="enrolled")
    trial.person("005", None, status="withdrawn", status_date=day(1))
    assert [state for _, state in by_person(trial)] == [
        "withdrawn_before_due", "overdue", "structurally_absent", "not_due", "withdrawn_before_due"
    ]  # fmt: skip


def test_a_visit_of_another_arm_and_weeks_without_a_programme_are_structurally_absent(trial: Trial) -> None:
    trial.person("001", "TAU")
    trial.person("002", "ICT")
    db = derived(trial)
    found = db.rows(
        "SELECT subject_id, avisit, state, count(*) FROM quality.expected "
        "WHERE avisit IN ('FOLLOW-UP', 'WEEKLY') GROUP BY ALL ORDER BY ALL"
    )
    assert found == [
        ("001", "FOLLOW-UP", "structurally_absent", 4),
        ("001", "WEEKLY", "structurally_absent", 42),
        ("002", "FOLLOW-UP", "not_due", 4),
        ("002", "WEEKLY", "due", 3),  # day 60 lies in week 9
        ("002", "WEEKLY", "not_due", 15),
        ("002", "WEEKLY", "overdue", 24),
    ]


def test_a_form_of_a_missing_code_is_missing_for_its_reason(trial: Trial) -> None:
    trial.person("001")
    facts = {"value": None, "missing_reason": "refused", "subject_id": "001", "instrument": "phq9", "visit": "WEEK 8"}
    for item in range(1, 10):
        trial.add("questionnaires", "oxford", item=str(item), completed_at=day(57), **facts)
    assert week_8(trial, "state, missing_reason, n_items_listed") == ("coded_missing", "refused", 9)


def test_items_of_a_form_that_came_each_have_a_state(trial: Trial) -> None:
    trial.person("001")
    trial.form("001", "wsas", day(57), {"1": "NA", "2": 3, "3": None}, visit="WEEK 8")
    facts = {"subject_id": "001", "instrument": "wsas", "visit": "WEEK 8", "completed_at": day(57), "value": None}
    trial.add("questionnaires", "oxford", item="4", missing_reason="not asked", **facts)
    trial.refuse("questionnaires", "oxford", "d1", f"001|wsas|WEEK 8|{day(57)}|5")
    db = derived(trial)
    where = "WHERE instrument = 'wsas' AND avisit = 'WEEK 8'"
    assert db.row(f"SELECT state, n_items, n_items_listed FROM quality.expected {where}") == ("received", 5, 4)
    assert db.rows(f"SELECT item, state, missing_reason FROM quality.expected_item {where} ORDER BY item") == [
        ("1", "not_applicable", None),
        ("3", "left_blank", None),
        ("4", "coded_missing", "not asked"),
        ("5", "quarantined", None),
    ]


def test_a_form_in_quarantine_is_no_missing_one_until_it_comes(trial: Trial) -> None:
    trial.person("001")
    for item in range(1, 10):
        trial.refuse("questionnaires", "oxford", "d1", f"001|phq9|WEEK 8|{day(57)}T10:00:00.000000Z|{item}")
    assert week_8(trial) == "quarantined"
    trial.form("001", "phq9", day(58), phq9(3), visit="WEEK 8")
    assert week_8(trial, "state, n_items_listed") == ("received", 0)


def test_a_form_that_a_full_export_leaves_out_is_lost_unless_it_came_under_another_date(trial: Trial) -> None:
    trial.person("001")
    trial.delivery("oxford", "questionnaires")
    trial.form("001", "phq9", day(57), phq9(9), visit="WEEK 8")
    assert week_8(trial) == "received"
    trial.delivery("oxford", "questionnaires")
    assert week_8(trial, "state, overdue") == ("lost", False)
    trial.as_of = day(72)
    assert week_8(trial, "state, overdue") == ("lost", True)
    trial.form("001", "phq9", day(90), phq9(9), visit="WEEK 8")
    assert week_8(trial) == "received_late"


def test_what_a_refused_delivery_held_is_lost(trial: Trial) -> None:
    trial.person("001")
    trial.form("001", "phq9", day(57), phq9(9), visit="WEEK 8")
    refused = trial.rows["questionnaires"]
    trial.rows = {**trial.rows, "questionnaires": [], "refused_answer": refused}
    trial.deliveries[0]["status"] = "rejected"
    assert week_8(trial) == "lost"


def test_what_is_missing_says_which_intercurrent_event_came_before(trial: Trial) -> None:
    trial.as_of = day(80)
    trial.person("001", "TAU")
    for number, kind, first, last in ((1, "medication_changed", 20, None), (2, "other_therapy", 60, 65)):
        dates = {"started_on": day(first), "ended_on": last and day(last)}
        trial.add("intercurrent_events", "oxford", ice_id=f"i{number}", subject_id="001", kind=kind, **dates)
    columns = "state, intercurrent_event, intercurrent_on"
    assert week_8(trial, columns) == ("overdue", "other_therapy", day(60))
    db = derived(trial)
    of = "SELECT intercurrent_event FROM quality.expected WHERE instrument = 'phq9' AND avisit ="
    assert db.row(f"{of} 'BASELINE'") == (None,)
    assert db.row(f"{of} 'WEEK 15'") == (None,)  # not due yet
    trial.form("001", "phq9", day(57), phq9(9))
    assert week_8(trial, columns) == ("received", None, None)


def test_a_form_added_later_was_never_asked_before(ict_sad: Protocol) -> None:
    schedules = [
        schedule.model_copy(update={"since": {"WEEK 8": day(58), "weekly": day(15)}, "items_since": {"9": day(30)}})
        if schedule.instrument == "phq9"
        else schedule
        for schedule in ict_sad.study.instruments
    ]
    trial = Trial(with_study(ict_sad, instruments=schedules), as_of=day(80))
    trial.person("001")
    trial.form("001", "phq9", day(1), {str(n): 1 for n in range(1, 9)}, visit="BASELINE")
    db = derived(trial)
    of = "FROM quality.expected WHERE instrument = 'phq9'"
    assert db.row(f"SELECT state {of} AND avisit = 'WEEK 8'") == ("structurally_absent",)
    absent = db.rows(f"SELECT week_no {of} AND state = 'structurally_absent' AND week_no > 0 ORDER BY 1")
    assert absent == [(2,)]  # a form came in week 1 all the same
    assert db.rows("SELECT avisit, item, state FROM quality.expected_item WHERE week_no = 0") == [
        ("BASELINE", "9", "structurally_absent")
    ]


@pytest.mark.parametrize("how", ["nobody", "one person", "everybody withdrawn"])
def test_small_trials_add_up(trial: Trial, how: str) -> None:
    if how != "nobody":
        trial.person("001")
    if how == "everybody withdrawn":
        for subject in ("002", "003"):
            trial.person(subject, "TAU", status="withdrawn", status_date=day(1))
        trial.rows["participants"][0] |= {"status": "withdrawn", "status_date": day(1)}
    db = derived(trial)
    n_forms, n_items = db.row("SELECT coalesce(sum(n_forms), 0), coalesce(sum(n_items), 0) FROM quality.expected_total")
    people = {"nobody": 0, "one person": 1, "everybody withdrawn": 3}[how]
    visits = 4 * (48 + 9 + 7 + 5) + 2 * 17
    assert (n_forms, n_items) == (people * (18 + 3 * 14), people * (visits + 14 * (48 + 9 + 7)))


SEEDS = range(7)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_states_are_those_of_the_rules_in_plain_python(ict_sad: Protocol, seed: int) -> None:
    trial = some_trial(ict_sad, random.Random(seed))
    db = derived(trial, "quality.completeness", "quality.overdue")
    expected = states(trial)
    found = db.rows("SELECT usubjid, instrument, avisit, week_no, state FROM quality.expected")
    assert {tuple(row[:4]): row[4] for row in found} == {slot: state for slot, (state, _) in expected.items()}
    listed = db.rows("SELECT usubjid, instrument, avisit, week_no, item, state FROM quality.expected_item")
    items = {slot: dict(of_items) for slot, (_, of_items) in expected.items()}
    for usubjid, instrument, avisit, week, item, state in listed:
        assert items[usubjid, instrument, avisit, week].pop(item) == state
    for slot, (state, _) in expected.items():
        assert set(items[slot].values()) <= {state}, slot
    counted = db.rows("SELECT state, sum(n_items) FROM quality.expected_total GROUP BY state HAVING sum(n_items) > 0")
    assert dict(counted) == dict(totals(trial))
    agrees_with_completeness(db)


def agrees_with_completeness(db: Tables) -> None:
    by_visit = db.rows(
        "SELECT site_id, avisit, instrument, count(*) FILTER (WHERE expected), "
        "count(*) FILTER (WHERE state IN ('received', 'received_late')), count(*) FILTER (WHERE in_window), "
        "count(*) FILTER (WHERE overdue) FROM quality.expected WHERE week_no = 0 GROUP BY ALL"
    )
    listed = db.rows(
        "SELECT site_id, avisit, instrument, n_expected, n_received, n_in_window, n_overdue FROM quality.completeness"
    )
    sites = {row[0] for row in by_visit}
    assert sorted(by_visit) == sorted(row for row in listed if row[0] in sites)
    owed = db.rows("SELECT usubjid, instrument, week_no FROM quality.overdue WHERE kind = 'weekly_form'")
    ours = db.rows("SELECT usubjid, instrument, week_no FROM quality.expected WHERE overdue AND week_no > 0")
    assert sorted(owed) == sorted(ours)


def some_trial(protocol: Protocol, chance: random.Random, highest: int = 1) -> Trial:
    """People of every kind; forms that come, come twice, are blank, coded, refused, and vanish from a later export."""
    trial = Trial(protocol, as_of=day(chance.choice([1, 40, 60, 100, 140, 220])))
    trial.delivery("oxford", "questionnaires", scope=chance.choice(["full", "incremental"]))
    subjects = [f"{n:03}" for n in range(1, 7)]
    for subject in subjects:
        status = chance.choice(["randomised", "randomised", "completed", "withdrawn", "screen_failed", "enrolled"])
        arm = None if status in ("screen_failed", "enrolled") else chance.choice(["ICT", "TAU", "ICT"])
        ended = day(chance.choice([1, 30, 60, 71, 120, 215]))
        arm = None if status == "withdrawn" and chance.random() < 0.2 else arm
        trial.person(subject, arm, status=status, status_date=ended)
    for _ in range(2):
        for subject in subjects:
            for _ in range(chance.randrange(5)):
                _some_form(trial, subject, chance, highest)
        if chance.random() < 0.7:
            trial.delivery("oxford", "questionnaires", scope="full")
            for subject in subjects[:3]:
                _some_form(trial, subject, chance, highest)
    return trial


def _some_form(trial: Trial, subject: str, chance: random.Random, highest: int) -> None:
    instrument = chance.choice(["phq9", "gad7", "wsas"])
    when: date = day(1) + timedelta(chance.choice([-10, 0, 3, 30, 56, 58, 75, 105, 110, 190]))
    label = chance.choice([None, "WEEKLY", "WEEKLY", "BASELINE", "WEEK 8", "WEEK 15", "FOLLOW-UP"])
    seen = {(r["site_id"], r["delivery_id"], r["record_key"]) for r in trial.rows.get("questionnaires", [])}
    delivery = next(d["delivery_id"] for d in reversed(trial.deliveries) if d["feed"] == "questionnaires")
    only_codes = chance.random() < 0.2
    for item in trial.protocol.instruments[instrument].ranges:
        key = f"{subject}|{instrument}|{label or ''}|{when}|{item}"
        if ("oxford", delivery, key) in seen:
            continue
        kind = chance.choice(["coded", "refused"] if only_codes else ["value"] * 6 + ["blank", "coded", "refused"])
        facts = {"subject_id": subject, "instrument": instrument, "visit": label, "completed_at": when, "item": item}
        if kind == "refused":
            trial.refuse("questionnaires", "oxford", delivery, key)
            continue
        na = instrument == "wsas" and item == "1" and chance.random() < 0.5
        value = None if kind != "value" else "NA" if na else str(chance.randint(0, highest))
        reason = "refused" if kind == "coded" else None
        trial.add("questionnaires", "oxford", delivery, value=value, missing_reason=reason, **facts)
