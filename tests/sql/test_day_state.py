"""The certificate of the log, day by day, worked by hand."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby

import pytest

from pipelines.study.intercurrent import IntercurrentEvents
from pipelines.study.load import Protocol
from tests.sql.trial import RANDOMISED, Trial, at, day, with_study


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    """As of day 30; the log reaches to noon of day 20, and the programme was out on days 7 and 8."""
    out = [{"site": "oxford", "first_day": day(7), "last_day": day(8)}]
    events = IntercurrentEvents.model_validate({"non_usage": {"days": 14, "reason": ""}, "outages": out})
    trial = Trial(with_study(ict_sad, intercurrent_events=events), as_of=day(30))
    log_until(trial, 20)
    return trial


def log_until(trial: Trial, study_day: int, time: str = "12:00", **given: object) -> None:
    trial.delivery("oxford", "usage", received_at=at(f"{day(study_day)}T{time}"), **given)


def use(trial: Trial, subject: str, *study_days: int, **given: object) -> None:
    for study_day in study_days:
        trial.event(subject, at(f"{day(study_day)}T10:00"), **given)


def states(trial: Trial, subject: str = "001") -> list[tuple[str, int]]:
    """Each run of days in one state, and how many they are."""
    rows = trial.tables("engagement.day_state").rows(
        f"SELECT state FROM engagement.day_state WHERE subject_id = '{subject}' ORDER BY day"
    )
    return [(state, len(list(days))) for state, days in groupby(row[0] for row in rows)]


def outages(trial: Trial) -> list[tuple[date, str]]:
    return trial.tables("engagement.outage_day").rows("SELECT day, cause FROM engagement.outage_day ORDER BY day")


def test_every_state_of_one_person(trial: Trial) -> None:
    trial.person("001", status="withdrawn", status_date=day(24))  # consented seven days before
    use(trial, "001", 2, event="module_released", actor="therapist", module="core_01")
    use(trial, "001", 3, 8)  # the programme was said to be out on day 8, but the log tells of use
    noon = at(f"{day(5)}T12:00")
    trial.event("001", noon, stored_at=noon - timedelta(minutes=5, seconds=1))
    use(trial, "001", 21)  # after what the log tells to the end, and yet there
    assert states(trial) == [
        ("before_start", 7),
        ("no_account", 1),
        ("no_use", 1),  # day 2: the therapist's event shows the account
        ("used", 1),
        ("no_use", 1),
        ("clock_error", 1),
        ("no_use", 1),
        ("log_outage", 1),  # day 7
        ("used", 1),
        ("no_use", 11),  # days 9 to 19
        ("not_delivered", 1),  # day 20 is told to noon only
        ("used", 1),
        ("not_delivered", 3),
        ("after_withdrawal", 6),
    ]


def test_who_completed_who_is_a_test_who_never_appears_and_who_is_not_given_the_programme(trial: Trial) -> None:
    trial.person("001", status="completed", status_date=day(29))
    trial.person("TEST7")
    trial.person("002", "TAU")
    use(trial, "TEST7", 3)
    use(trial, "002", 3)
    found = [states(trial, subject) for subject in ("001", "TEST7", "002")]
    assert found == [
        [("before_start", 7), ("no_account", 6), ("log_outage", 2), ("no_account", 11), ("not_delivered", 10),
         ("after_completion", 1)],
        [("test_account", 37)],
        [],
    ]  # fmt: skip


def test_of_a_site_that_sent_no_log_nothing_is_known(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad, as_of=day(3))
    trial.person("001", consent_date=RANDOMISED - timedelta(400))
    assert states(trial) == [("before_start", 90), ("not_delivered", 3)]


def test_a_period_that_ends_with_the_day_tells_it_to_the_end(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad, as_of=day(3))
    trial.person("001", consent_date=RANDOMISED)
    use(trial, "001", 1)
    log_until(trial, 2, "23:59:59.999998")
    assert states(trial) == [("used", 1), ("not_delivered", 2)]
    log_until(trial, 2, "23:59:59.999999")
    assert states(trial) == [("used", 1), ("no_use", 1), ("not_delivered", 1)]


def busy(protocol: Protocol, people: int, quiet: range, every: int = 1) -> Trial:
    """So many people use it every so many days of 40, but for the quiet ones."""
    trial = Trial(protocol, as_of=day(41))
    log_until(trial, 41)
    for n in range(people):
        trial.person(f"{n:03}")
        use(trial, f"{n:03}", *(d for d in range(1, 41, every) if d not in quiet))
    return trial


@pytest.mark.parametrize(
    ("people", "quiet", "every", "is_outage"),
    [
        (5, range(30, 31), 1, False),  # five user-days were to be expected
        (5, range(30, 32), 1, True),  # ten; seven are asked for
        (4, range(30, 34), 1, False),  # sixteen, but of four people
        (5, range(3, 7), 1, False),  # two days of history: 5 x 2 / 28 a day, 1.4 in four days
        (5, range(29, 37), 4, True),  # 5 x 7 / 28 a day, ten in eight days
        (5, range(29, 34), 4, False),  # 6.25 in five days
    ],
)
def test_silence_is_an_outage_against_the_sites_own_history(
    ict_sad: Protocol, people: int, quiet: range, every: int, is_outage: bool
) -> None:
    trial = busy(ict_sad, people, quiet, every)
    if every > 1:
        use(trial, "000", *(d for d in range(2, 41) if d not in quiet and d % 4 != 1), actor="system")
    found = outages(trial)
    assert found == ([(day(d), "silence") for d in quiet] if is_outage else [])


def test_what_comes_after_a_silence_changes_nothing_and_anybodys_event_ends_it(ict_sad: Protocol) -> None:
    quiet = range(30, 41)
    trial = busy(ict_sad, 5, quiet)
    assert outages(trial) == [(day(d), "silence") for d in quiet]
    log_until(trial, 60)
    trial.as_of = day(60)
    use(trial, "000", *range(41, 60))
    assert outages(trial) == [(day(d), "silence") for d in quiet]
    use(trial, "001", 35, event="reminder_sent", actor="system")
    assert outages(trial) == [(day(d), "silence") for d in quiet if d != 35]


def test_nobody_is_expected_after_the_weeks_of_treatment(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad, as_of=day(150))
    log_until(trial, 150)
    for n in range(5):
        trial.person(f"{n:03}")
        use(trial, f"{n:03}", *range(1, 98))
    assert outages(trial) == []  # one day of treatment was left: five user-days
    trial.rows["usage"] = [row for row in trial.rows["usage"] if row["occurred_on"] < day(97)]
    assert len(outages(trial)) == 150 - 97  # two days, and the log never told of any again


def test_a_refused_delivery_leaves_its_days_out_unless_another_tells_of_them(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad, as_of=day(20))
    log_until(trial, 5, "23:59:59.999999")
    trial.person("001")
    use(trial, "001", 1)
    log_until(trial, 9, "23:59:59.999999", status="rejected", file_name="b.csv")
    log_until(trial, 12, "23:59:59.999999", file_name="c.csv")
    assert outages(trial) == [(day(d), "refused") for d in (6, 7, 8, 9)]
    use(trial, "001", 8, actor="system", event="reminder_sent")
    assert outages(trial) == []
    trial.rows["usage"].pop()
    log_until(trial, 9, "23:59:59.999999", file_name="b.csv")
    assert outages(trial) == []


def test_a_week_without_a_log_is_no_week_without_use(ict_sad: Protocol) -> None:
    out = [{"site": "oxford", "first_day": day(8), "last_day": day(15)}]
    events = IntercurrentEvents.model_validate({"non_usage": {"days": 14, "reason": ""}, "outages": out})
    trial = Trial(with_study(ict_sad, intercurrent_events=events), as_of=day(21))
    log_until(trial, 21, "23:59:59.999999")
    trial.person("001")
    use(trial, "001", 1)
    columns = "week_no, n_sessions, n_logins, n_days, n_days_certified, n_days_used, n_days_outage"
    assert trial.tables().rows(f"SELECT {columns} FROM engagement.participant_week ORDER BY week_no") == [
        (1, 1, 0, 7, 7, 1, 0),
        (2, None, None, 7, 0, 0, 7),
        (3, 0, 0, 7, 6, 0, 1),
    ]
    use(trial, "001", 9, actor="therapist", event="message_sent")
    assert trial.tables().row("SELECT n_sessions FROM engagement.participant_week WHERE week_no = 2") == (0,)
