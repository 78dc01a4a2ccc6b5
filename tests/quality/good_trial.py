"""A small trial in which nothing is wrong; tests spoil one thing in it."""

from __future__ import annotations

from datetime import date, timedelta

from pipelines.study.load import Protocol
from tests.sql.trial import Trial, at

RANDOMISED = date(2026, 3, 2)
AS_OF = date(2026, 7, 20)
RECEIVED = at("2026-07-19T12:00")
FULL = ("participants", "allocation", "questionnaires", "adverse_events", "intercurrent_events")


def study_day(day: int) -> date:
    return RANDOMISED + timedelta(days=day - 1 if day > 0 else day)


def good_trial(protocol: Protocol) -> Trial:
    """One person in each arm, every form on its target day up to week 15, a module used as it should be."""
    trial = Trial(protocol, as_of=AS_OF)
    for feed in (*FULL, "usage", "contacts"):
        revealing = ("usage", "contacts", "adverse_events", "intercurrent_events")
        blinding = {"allocation": "arm", **dict.fromkeys(revealing, "revealing")}
        trial.delivery(
            "oxford", feed, received_at=RECEIVED, blinding=blinding.get(feed, "safe"), n_rows=10, n_accepted=10,
            n_quarantined=0, n_duplicate=0,
        )  # fmt: skip
    for subject_id, arm in (("001", "ICT"), ("002", "TAU")):
        trial.person(subject_id, arm=arm, randomised_on=RANDOMISED)
        for avisit, day in (("BASELINE", 1), ("WEEK 8", 57), ("WEEK 15", 106)):
            for instrument in instruments_at(protocol, avisit):
                whole_form(trial, subject_id, instrument, study_day(day), avisit)
    trial.event("001", at("2026-03-03T10:00"), "module_opened", module="core_01")
    trial.event("001", at("2026-03-03T10:20"), "module_completed", module="core_01")
    trial.contact("001", at("2026-03-04T10:00"))
    trial.add("adverse_events", "oxford", ae_id="ae1", subject_id="002", onset_date=study_day(20))
    trial.add("intercurrent_events", "oxford", ice_id="ice1", subject_id="002", kind="other_therapy")
    return trial


def instruments_at(protocol: Protocol, avisit: str) -> list[str]:
    return [schedule.instrument for schedule in protocol.study.instruments if avisit in schedule.visits]


def whole_form(trial: Trial, subject_id: str, instrument: str, day: date, visit: str | None) -> None:
    """A form with every item answered by its lowest value."""
    answers = {item: low for item, (low, _) in trial.protocol.instruments[instrument].ranges.items()}
    trial.form(subject_id, instrument, day, answers, visit=visit)


def forget_form(trial: Trial, subject_id: str, instrument: str, day: date) -> None:
    trial.rows["questionnaires"] = [
        row
        for row in trial.rows["questionnaires"]
        if (row["subject_id"], row["instrument"], row["completed_on"]) != (subject_id, instrument, day)
    ]
