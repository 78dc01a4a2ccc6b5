"""Every check is quiet on a trial without faults and trips on one with its fault."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from pipelines.study.check import load_checks
from pipelines.study.load import Protocol
from tests.quality.counted import counted, counts
from tests.quality.good_trial import RANDOMISED, RECEIVED, forget_form, good_trial, study_day, whole_form
from tests.sql.exports import CHANGES, column, export
from tests.sql.trial import Trial, at

Spoil = Callable[[Trial], None]


def _quarantine(feed: str) -> Spoil:
    def spoil(trial: Trial) -> None:
        delivery = next(d for d in trial.deliveries if d["feed"] == feed)
        delivery |= {"n_accepted": 7, "n_quarantined": 3, "status": "partial"}

    return spoil


def _refuse(feed: str, status: str = "rejected") -> Spoil:
    blinding = "revealing" if feed == "usage" else "safe"
    return lambda trial: void(
        trial.delivery("oxford", feed, received_at=RECEIVED, status=status, blinding=blinding, stream="")
    )


def _let_time_pass(trial: Trial) -> None:
    trial.as_of += timedelta(days=10)


def _withdraw(trial: Trial) -> None:
    row = next(r for r in trial.rows["participants"] if r["subject_id"] == "001")
    row |= {"status": "withdrawn", "status_date": study_day(1)}


def _consent(trial: Trial, day: int | None) -> None:
    row = next(r for r in trial.rows["participants"] if r["subject_id"] == "001")
    row["consent_date"] = None if day is None else study_day(day)


def void(_: object) -> None:
    """For lambdas that call what returns something."""


# Check, what to spoil, how many fail.
def _leave_an_alert(trial: Trial) -> None:
    trial.form("001", "phq9", study_day(30), {"9": 1}, visit="WEEKLY")
    _let_time_pass(trial)


def _repeat_an_event(trial: Trial) -> None:
    for number in ("a1", "a2", "a3"):
        trial.event("001", at("2026-03-05T10:00"), event_id=number)


def _release_late(trial: Trial) -> None:
    trial.event("001", at("2026-03-09T10:00"), "module_released", actor="therapist", module="core_01")


def _stored(trial: Trial, minutes: int) -> None:
    """An event of a device of its own, stored so many minutes after its time."""
    when = at("2026-03-05T10:00")
    trial.event("001", when, device="d1", stored_at=when + timedelta(minutes=minutes))


def _change_devices(trial: Trial) -> None:
    for minute, device in enumerate("ABAB"):
        trial.event("001", at("2026-03-05T10:00") + timedelta(minutes=minute), device=device)


def _fall_silent(trial: Trial) -> None:
    """Five people use it every day of four weeks, then for twelve days nobody's event comes."""
    for subject in ("101", "102", "103", "104", "105"):
        trial.person(subject, randomised_on=RANDOMISED)
        for day in [*range(1, 29), *range(41, 140)]:
            trial.event(subject, at(f"{study_day(day)}T10:00"))


FAULTS: list[tuple[str, Spoil, int]] = [
    *((f"quarantined_{feed}", _quarantine(feed), 3) for feed in (
        "participants", "allocation", "questionnaires", "usage", "contacts", "adverse_events",
        "intercurrent_events",
    )),
    ("refused_deliveries", _refuse("participants"), 1),
    ("refused_deliveries", _refuse("questionnaires", "held"), 1),
    ("refused_deliveries_unblinded", _refuse("usage"), 1),
    ("overdue_deliveries", _let_time_pass, 2),
    ("overdue_deliveries_unblinded", _let_time_pass, 1),
    ("unknown_module", lambda t: t.event("001", at("2026-03-05T10:00"), module="secret"), 1),
    ("unknown_subjects_allocation", lambda t: t.add("allocation", "oxford", subject_id="9", arm="ICT"), 1),
    ("unknown_subjects_questionnaires", lambda t: whole_form(t, "9", "phq9", study_day(1), "BASELINE"), 1),
    ("unknown_subjects_usage", lambda t: t.event("9", at("2026-03-05T10:00")), 1),
    ("unknown_subjects_contacts", lambda t: t.contact("9", at("2026-03-05T10:00")), 1),
    ("unknown_subjects_adverse_events", lambda t: t.add("adverse_events", "oxford", ae_id="x", subject_id="9"), 1),
    ("unknown_subjects_intercurrent_events",
     lambda t: t.add("intercurrent_events", "oxford", ice_id="x", subject_id="9"), 1),
    ("allocation_without_consent", lambda t: _consent(t, None), 1),
    ("allocation_without_consent", lambda t: _consent(t, 2), 1),
    ("status_without_allocation", lambda t: void(t.person("003", arm=None)), 1),
    ("usage_without_access", lambda t: t.event("002", at("2026-03-05T10:00")), 1),
    ("usage_before_treatment", lambda t: t.event("001", at("2026-03-01T10:00")), 1),
    ("usage_after_withdrawal", _withdraw, 1),
    ("module_completed_before_opened",
     lambda t: t.event("001", at("2026-03-05T10:00"), "module_completed", module="core_02"), 1),
    ("module_completed_before_opened",
     lambda t: t.event("001", at("2026-03-03T09:59"), "module_completed", module="core_01"), 1),
    ("out_of_window", lambda t: whole_form(t, "001", "phq9", study_day(80), "WEEK 8"), 1),
    ("out_of_window_one_arm", lambda t: whole_form(t, "001", "phq9", study_day(140), None), 1),
    ("visit_label_disagrees", lambda t: whole_form(t, "001", "phq9", study_day(60), "WEEK 15"), 1),
    ("visit_label_disagrees_one_arm", lambda t: whole_form(t, "001", "phq9", study_day(190), "WEEK 15"), 1),
    ("primary_outcome_missing", lambda t: forget_form(t, "002", "lsas_sr", study_day(106)), 1),
    ("overdue_forms", lambda t: forget_form(t, "002", "phq9", study_day(57)), 1),
    ("alerts_unacknowledged", _leave_an_alert, 1),
    ("serious_events_late",
     lambda t: t.add("adverse_events", "oxford", ae_id="a", subject_id="001", serious="Y", onset_date=study_day(9)), 1),
    ("log_repeated_events", _repeat_an_event, 2),
    ("log_overlapping_sessions", lambda t: t.event("001", at("2026-03-03T09:20"), duration_s=2500.0), 1),
    ("log_long_sessions", lambda t: t.event("001", at("2026-03-03T09:20"), duration_s=43201.0), 1),
    ("log_before_account", lambda t: t.event("001", at("2026-03-05T10:00"), "account_created", actor="system"), 1),
    ("log_completed_before_released", _release_late, 1),
    ("log_clock_ahead", lambda t: _stored(t, -6), 1),
    ("log_clock_behind", lambda t: _stored(t, 61), 1),
    ("log_two_at_once", _change_devices, 1),
    ("log_silent_days", _fall_silent, 12),
    ("log_lost_days", _fall_silent, 72),
    ("log_without_account", lambda t: void(t.person("003")), 1),
    ("items_missing", lambda t: t.form("001", "phq9", study_day(2), {"1": 0, "2": None}), 8),
    ("items_missing_one_arm", lambda t: t.form("001", "phq9", study_day(9), {"1": 0}, visit="WEEKLY"), 8),
]  # fmt: skip


@pytest.mark.parametrize(("check_name", "spoil", "n_failed"), FAULTS)
def test_a_fault_trips_its_check(ict_sad: Protocol, check_name: str, spoil: Spoil, n_failed: int) -> None:
    trial = good_trial(ict_sad)
    spoil(trial)
    checked, failed = counts(counted(trial), check_name)
    assert failed == n_failed
    assert checked is not None and checked >= n_failed


@pytest.mark.parametrize(("feed", "suffix"), [("questionnaires", ""), ("usage", "_unblinded")])
def test_each_change_of_an_export_trips_its_check(ict_sad: Protocol, feed: str, suffix: str) -> None:
    trial = good_trial(ict_sad)
    blinding = "revealing" if feed == "usage" else "safe"
    for stream, exports in CHANGES.items():
        for columns in exports:
            export(trial, *columns, feed=feed, stream=stream, received_at=RECEIVED, blinding=blinding)
    tables = counted(trial)
    found = {change: counts(tables, f"drift_{change}{suffix}") for change in CHANGES}
    assert found == dict.fromkeys(CHANGES, (12, 1))


def test_nothing_trips_on_a_trial_without_faults(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    for feed, blinding in (("participants", "safe"), ("usage", "revealing")):
        for _ in range(2):
            export(trial, column("a"), feed=feed, received_at=RECEIVED, blinding=blinding)
    tables = counted(trial)
    failing = tables.rows("SELECT check_name, site_id FROM quality.metric WHERE n_failed > 0 AND site_id = 'oxford'")
    assert failing == []
    looked_at = tables.rows("SELECT check_name FROM quality.metric WHERE n_checked > 0 AND site_id = 'oxford'")
    never = {check.name for check in load_checks()} - {row[0] for row in looked_at}
    assert never == {
        "usage_after_withdrawal",
        "overdue_forms_one_arm",
        "out_of_window_one_arm",
        "visit_label_disagrees_one_arm",
        "items_missing_one_arm",
        "quarantined_questionnaires_unblinded",
        "alerts_unacknowledged",
        "serious_events_late",
        "log_clock_ahead",
        "log_clock_behind",
        "log_two_at_once",
    }


def test_a_visit_of_one_arm_falls_due_apart(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    trial.as_of = study_day(230)
    tables = counted(trial)
    assert counts(tables, "overdue_forms_one_arm") == (4, 4)
    assert counts(tables, "overdue_forms") == (28, 0)


def test_every_check_has_one_count_a_site_and_every_count_its_check(ict_sad: Protocol) -> None:
    tables = counted(Trial(ict_sad))
    found = tables.rows("SELECT check_name, site_id FROM quality.metric")
    assert sorted(found) == sorted((check.name, site.site) for check in load_checks() for site in ict_sad.study.sites)


def test_a_refused_file_is_made_good(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    trial.delivery("oxford", "participants", status="rejected", file_name="a.csv", stream="")
    trial.delivery("oxford", "usage", status="rejected", file_name="b.csv", stream="house", blinding="revealing")
    trial.delivery("oxford", "participants", file_name="c.csv", n_rows=1, n_quarantined=0)
    trial.delivery("oxford", "usage", file_name="d.csv", n_rows=1, n_quarantined=0, blinding="revealing")
    tables = counted(trial)
    assert counts(tables, "refused_deliveries")[1] == 0, "a later full export holds what was refused"
    assert counts(tables, "refused_deliveries_unblinded")[1] == 1, "a later log does not"


def test_a_full_export_replaces_the_rows_set_aside_in_an_earlier_one(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    _quarantine("participants")(trial)
    trial.delivery("oxford", "participants", n_rows=12, n_quarantined=0)
    assert counts(counted(trial), "quarantined_participants") == (12, 0)


def test_a_repeat_and_a_house_file_are_arrivals(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    trial.as_of = study_day(160)
    day = at("2026-08-07T12:00")
    trial.delivery("oxford", "participants", status="repeat", stream="redcap_participants", received_at=day)
    trial.delivery("oxford", "questionnaires", stream="house", received_at=day)
    tables = counted(trial)
    assert counts(tables, "overdue_deliveries") == (2, 0)
    assert tables.row(
        "SELECT last_on FROM quality.arrival WHERE site_id = 'oxford' AND stream = 'redcap_participants'"
    ) == (day.date(),)


def test_an_untouched_trial_is_checked_without_error(ict_sad: Protocol) -> None:
    tables = counted(Trial(ict_sad))
    assert tables.row("SELECT count(*) FROM quality.metric WHERE n_failed > n_checked") == (0,)
