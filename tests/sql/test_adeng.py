"""Engagement by period, adherence, curves of attrition, dose and the wide table, worked by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipelines.study.engagement import MEASURES, Adherence, engagement_complaints
from pipelines.study.intercurrent import Outage
from pipelines.study.load import Protocol
from pipelines.study.study import Module
from tests.sql.trial import RANDOMISED, Tables, Trial, at, day, phq9, with_study
from tests.sql.waiting import waiting_list


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    """As of day 120 (week 18); logs of use and contacts reach to its end."""
    trial = Trial(ict_sad, as_of=day(120))
    for feed in ("usage", "contacts"):
        trial.delivery("oxford", feed, received_at=at(f"{day(120)}T23:59:59.999999"))
    return trial


def event(trial: Trial, study_day: int, name: str = "page_view", subject: str = "001", **given: Any) -> None:
    trial.event(subject, at(f"{day(study_day)}T10:00") + timedelta(minutes=given.pop("minute", 0)), name, **given)


def measures(db: Tables, *codes: str, period: str = "TREATMENT", subject: str = "001") -> list[float | None]:
    rows = db.rows(f"SELECT paramcd, aval FROM analysis.adeng WHERE subjid = '{subject}' AND aperiod = '{period}'")
    return [dict(rows)[code] for code in codes]


def test_every_measure_has_a_row_in_every_period_that_has_begun(trial: Trial) -> None:
    trial.person("001")
    trial.person("002", "TAU")
    trial.person("003", randomised_on=day(60))
    trial.person("TEST1")
    db = trial.tables("analysis.adeng")
    found = db.rows("SELECT subjid, aperiod, count(*) FROM analysis.adeng GROUP BY ALL ORDER BY ALL")
    n = len(MEASURES)
    assert found == [
        ("001", "FOLLOW-UP", n), ("001", "OVERALL", n), ("001", "TREATMENT", n),
        ("003", "OVERALL", n), ("003", "TREATMENT", n),
    ]  # fmt: skip
    assert {code for (code,) in db.rows("SELECT DISTINCT paramcd FROM analysis.adeng")} == set(MEASURES)


def test_use_is_counted_by_period_with_the_days_it_stands_on(trial: Trial) -> None:
    trial.person("001")
    event(trial, 2, "login")
    event(trial, 2, "message_sent", minute=20)
    event(trial, 2, "message_sent", minute=20, actor="therapist")
    event(trial, 30, "login")
    event(trial, 30, "reminder_sent", actor="system")
    event(trial, 99, "login")  # the first day of week 15
    db = trial.tables("analysis.adeng")
    codes = ("DAYS", "DAYCERT", "DAYACT", "WEEKS", "WEEKCERT", "WEEKACT", "NSESS", "NSESS1", "SESSMIN", "NLOGIN",
             "MSGTO", "MSGFROM", "NREMIND", "UPTAKE")  # fmt: skip
    # Day 1 is not certified: nothing shows the account before the first event.
    assert measures(db, *codes) == [98, 97, 2, 14, 13, 2, 2, 1, 20, 2, 1, 1, 1, 1]
    assert measures(db, *codes, period="FOLLOW-UP") == [22, 22, 1, 4, 4, 1, 1, 1, 0, 1, 0, 0, 0, 1]
    assert measures(db, *codes, period="OVERALL") == [120, 119, 3, 18, 17, 3, 3, 2, 20, 3, 1, 1, 1, 1]
    assert measures(db, "DAYACTP") == [pytest.approx(200 / 97)]
    assert db.row("SELECT DISTINCT ddays, dcert, wweeks, wcert FROM analysis.adeng WHERE aperiod = 'TREATMENT'") == (
        98, 97, 14, 13,
    )  # fmt: skip


def test_who_is_not_seen_has_not_taken_it_up_only_where_the_log_tells_all(ict_sad: Protocol, trial: Trial) -> None:
    trial.person("001")
    assert measures(trial.tables("analysis.adeng"), "UPTAKE", "NSESS", "DAYCERT") == [0, 0, 0]
    short = Trial(ict_sad, as_of=day(120))
    short.delivery("oxford", "usage", received_at=at(f"{day(50)}T12:00"))
    short.person("001")
    codes = ("UPTAKE", "NSESS", "WEEKS", "CALLDONE", "THERMIN", "THERWK")
    assert measures(short.tables("analysis.adeng"), *codes) == [None, 0, 7, None, None, 0]
    assert measures(short.tables("analysis.adeng"), *codes, period="FOLLOW-UP") == [None, None, 0, None, None, 0]


def test_modules_count_against_what_was_released_the_core_and_the_phase(ict_sad: Protocol, trial: Trial) -> None:
    modules = [
        *(Module(module=f"core_0{n}", label="", kind="core") for n in (1, 2, 3, 4)),
        Module(module="core_09", label="", kind="core", phase="booster"),
        Module(module="optional_01", label="", kind="optional"),
        Module(module="booster_01", label="", kind="booster"),
    ]
    trial.protocol = with_study(ict_sad, modules=modules)
    trial.person("001")
    for module, released, opened, completed in (
        ("core_01", 2, 3, 4),
        ("core_02", 9, 10, 100),  # completed in the follow-up
        ("core_03", 16, None, None),
        ("optional_01", 16, 17, 17),
        ("booster_01", 100, 101, 105),
        ("core_09", 101, 102, None),
    ):
        event(trial, released, "module_released", module=module, actor="therapist")
        for name, study_day in (("module_opened", opened), ("module_completed", completed)):
            if study_day is not None:
                event(trial, study_day, name, module=module, minute=1)
    event(trial, 20, "module_completed", module="core_04")  # never released: not in the first denominator
    db = trial.tables("analysis.adeng", "engagement.module_progress")
    codes = ("MODREL", "MODOPEN", "MODCOMP", "CMPREL", "CMPCORE", "CMPPHASE")
    assert measures(db, *codes) == [4, 3, 3, 50, 50, 50]  # core_01, core_04 of four
    # In the follow-up core_02, core_03, booster_01 and core_09 were open to be completed; its phase has two.
    assert measures(db, *codes, period="FOLLOW-UP") == [4, 2, 2, 50, 0, 50]
    assert measures(db, *codes, period="OVERALL") == [6, 5, 5, pytest.approx(400 / 6), 60, pytest.approx(400 / 6)]
    early = Trial(trial.protocol, as_of=day(98), deliveries=trial.deliveries, rows=trial.rows)
    assert measures(early.tables("analysis.adeng"), "CMPCORE", "CMPPHASE", period="OVERALL") == [50, 50]
    row = "SELECT released_by, released_on, first_opened_on, completed_on, kind FROM engagement.module_progress "
    assert db.row(f"{row} WHERE module = 'core_02'") == ("therapist", day(9), day(10), day(100), "core")


def test_calls_are_held_against_the_plan_and_minutes_are_logged_never_imputed(trial: Trial) -> None:
    trial.person("001")
    moment = at("2026-03-03T10:00")
    for kind, minutes in (("call", 12.5), ("call", None), ("message", 4.0), ("video", 20.0), (None, 1.0)):
        trial.contact("001", moment, kind=kind, minutes=minutes)  # type: ignore[arg-type]
    trial.contact("001", moment + timedelta(days=7 * 15), minutes=15.0)  # week 16, the first booster
    db = trial.tables("analysis.adeng", "engagement.therapist_week")
    codes = ("CALLPLAN", "CALLDONE", "THERWK", "THERMIN", "THERCALL", "THERMSG", "THERVID", "THERPER")
    assert measures(db, *codes) == [14, 2, 14, 37.5, 12.5, 4, 20, 0]
    assert measures(db, *codes, period="FOLLOW-UP") == [1, 1, 4, 15, 15, 0, 0, 0]
    assert measures(db, "CALLPCT") == [pytest.approx(200 / 14)]
    week = "SELECT category, n_contacts, n_without_minutes, therapist_minutes FROM engagement.therapist_week "
    assert db.rows(f"{week} WHERE week_no = 1 AND n_contacts > 0 ORDER BY 1") == [
        ("call", 2, 1, 12.5), ("message", 1, 0, 4.0), ("unstated", 1, 0, 1.0), ("video", 1, 0, 20.0),
    ]  # fmt: skip
    trial.deliveries = [d for d in trial.deliveries if d["feed"] != "contacts"]
    trial.rows.pop("contacts")
    assert measures(trial.tables("analysis.adeng"), *codes[:4]) == [None, None, 0, None]


def test_weekly_forms_are_expected_until_withdrawal(trial: Trial) -> None:
    trial.person("001", status="withdrawn", status_date=day(24))  # three whole weeks and three days
    for study_day in (3, 4, 9, 23):  # weeks 1, 1, 2 and 4
        trial.form("001", "phq9", day(study_day), phq9(9), visit="WEEKLY")
    db = trial.tables("analysis.adeng")
    # Three instruments are asked weekly: nine forms, of which two came.
    assert measures(db, "WKFEXP", "WKFDONE", "WKFPCT") == [9, 2, pytest.approx(200 / 9)]
    assert db.rows("SELECT DISTINCT aperiod FROM analysis.adeng ORDER BY 1") == [("OVERALL",), ("TREATMENT",)]


def test_who_waits_has_weeks_from_the_day_the_programme_begins(ict_sad: Protocol) -> None:
    trial = Trial(waiting_list(ict_sad, {"weeks": 4}), as_of=day(57))
    trial.delivery("oxford", "usage", received_at=at(f"{day(57)}T23:59:59.999999"))
    trial.person("001", "WAIT")
    event(trial, 30, "login")  # the second day of the programme
    db = trial.tables("analysis.adeng", "engagement.day_state")
    assert measures(db, "DAYS", "WEEKS", "NSESS", "CALLPLAN") == [29, 5, 1, None]
    states = "SELECT state, count(*), min(week_no) FROM engagement.day_state GROUP BY state ORDER BY min(day)"
    assert db.rows(states) == [("before_start", 35, -4), ("no_account", 1, 1), ("used", 1, 1), ("no_use", 27, 1)]


RULE: dict[str, Any] = {
    "definition": "d", "title": "", "category": "C", "intended_use": "u", "justification": "j", "source": "s",
    "all_of": [{"measure": "NLOGIN", "at_least": 2}, {"measure": "WEEKACT", "at_least": 1, "at_most": 2}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("logins", "as_of", "changes", "adherent"),
    [
        ([2, 3], 98, {}, "Y"),
        ([2, 9, 16], 98, {}, "N"),  # three weeks: more than was intended is not adherent
        ([2], 98, {}, "N"),
        ([2], 97, {}, None),  # the last day is to come
        ([2, 3], 97, {}, None),  # a third week may
        ([2], 50, {"status": "withdrawn", "status_date": day(40)}, "N"),
    ],
)
def test_adherence_is_use_as_intended(
    ict_sad: Protocol, logins: list[int], as_of: int, changes: dict[str, Any], adherent: str | None
) -> None:
    rules = [Adherence.model_validate(RULE)]
    engagement = ict_sad.study.engagement.model_copy(update={"adherence": rules})
    trial = Trial(with_study(ict_sad, engagement=engagement), as_of=day(as_of))
    trial.delivery("oxford", "usage", received_at=at(f"{day(as_of)}T23:59:59.999999"))
    trial.person("001", **changes)
    for study_day in logins:
        event(trial, study_day, "login")
    found = trial.tables("analysis.adadh").row("SELECT avalc, nthresh, defcat, defuse FROM analysis.adadh")
    assert found == (adherent, 2, "C", "u")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"category": "A"}, "more use is better, is no adherence"),
        ({"justification": None}, "category C needs a `justification`"),
        ({"all_of": [{"measure": "NLOGIN"}]}, "say `at_least` or `at_most`"),
        ({"all_of": [{"measure": "LOGINS", "at_least": 1}]}, "no measure `LOGINS`"),
        ({"all_of": []}, "at least 1 item"),
    ],
)
def test_more_is_better_is_refused_as_adherence(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Adherence.model_validate({**RULE, **changed})


def test_what_does_not_fit_together_is_named(ict_sad: Protocol) -> None:
    rules = [Adherence.model_validate(RULE)] * 2
    update = {"sensitivity_gap_minutes": [0], "test_accounts": ["*", "T*T", "OK*"], "adherence": rules}
    found = list(engagement_complaints(ict_sad.study.engagement.model_copy(update=update)))
    assert [place[1:] for place, _ in found] == [
        ("sensitivity_gap_minutes", 0), ("test_accounts", 0), ("test_accounts", 1), ("adherence", 1, "definition"),
    ]  # fmt: skip


def test_stopping_treatment_is_what_the_site_records_and_neither_leaving_nor_silence(trial: Trial) -> None:
    trial.person("001")
    trial.person("002", status="withdrawn", status_date=day(40))
    trial.person("003")  # never seen
    stopped = {"kind": "stopped_treatment", "started_on": day(30), "reason": "NO TIME"}
    trial.add("intercurrent_events", "oxford", ice_id="i1", subject_id="001", **stopped)
    event(trial, 5)
    event(trial, 90)
    times = "SELECT subjid, aval, cnsr, evntdesc FROM analysis.adtte WHERE paramcd = "
    db = trial.tables("analysis.adtte")
    assert db.rows(f"{times} 'TRTDROP' ORDER BY 1") == [
        ("001", 30, 0, "NO TIME"), ("002", 40, 1, "END OF STUDY"), ("003", 99, 1, "END OF TREATMENT"),
    ]  # fmt: skip
    assert db.rows(f"{times} 'USELIFE' ORDER BY 1") == [("001", 95, 1, "END OF TREATMENT")]
    assert [row[2] for row in db.rows(f"{times} 'NONUSE' ORDER BY 1")] == [1, 0, 0]


def test_days_of_an_outage_are_no_silence(ict_sad: Protocol, trial: Trial) -> None:
    trial.person("001")
    event(trial, 85)  # fourteen days before the end of treatment
    cnsr = "SELECT cnsr FROM analysis.adtte WHERE paramcd = 'NONUSE'"
    assert trial.tables("analysis.adtte").row(cnsr) == (0,)
    out = [Outage(site="oxford", first_day=day(90), last_day=day(95))]
    events = ict_sad.study.intercurrent_events.model_copy(update={"outages": out})
    trial.protocol = with_study(ict_sad, intercurrent_events=events)
    assert trial.tables("analysis.adtte").row(cnsr) == (1,)


def test_half_lives_are_kaplan_meier_medians(trial: Trial) -> None:
    # Four stop, one goes on to the end of treatment, one leaves on day 15: 5/6, then 2/4 and 1/2 of it.
    for n, last in enumerate((10, 20, 20, 60, 98)):
        trial.person(f"{n:03}")
        for study_day in (1, last):
            event(trial, study_day, subject=f"{n:03}")
    trial.person("009", status="withdrawn", status_date=day(15))  # censored on day 15
    event(trial, 15, subject="009")
    db = trial.tables("analysis.half_life")
    curve = "SELECT aday, n_risk, n_event, n_censored, surv FROM analysis.attrition WHERE "
    assert db.rows(f"{curve} paramcd = 'NONUSE' AND arm = 'ALL' ORDER BY aday") == [
        (10, 6, 1, 0, pytest.approx(5 / 6)),
        (15, 5, 0, 1, pytest.approx(5 / 6)),
        (20, 4, 2, 0, pytest.approx(5 / 12)),
        (60, 2, 1, 0, pytest.approx(5 / 24)),
        (99, 1, 0, 1, pytest.approx(5 / 24)),
    ]
    life = "SELECT n_people, n_events, half_life FROM analysis.half_life WHERE arm = 'ICT' AND paramcd = "
    assert [db.row(f"{life} '{code}'") for code in ("NONUSE", "USELIFE", "DROPOUT")] == [
        (6, 4, 20), (6, 4, 20), (6, 1, None),
    ]  # fmt: skip


def test_dose_stands_beside_the_outcome_and_who_has_no_programme_has_none(trial: Trial) -> None:
    for subject, arm in (("001", "ICT"), ("002", "TAU")):
        trial.person(subject, arm)
        for study_day, answer in ((1, 2), (106, 1)):
            answers = dict.fromkeys(trial.protocol.instruments["lsas_sr"].ranges, answer)
            trial.form(subject, "lsas_sr", day(study_day), answers)
    event(trial, 2, "login")
    columns = "subjid, dosestdt, ddays, dcert, nsess, ncalls, pctcore, adhfl, avisit, base, aval, chg"
    assert trial.tables("analysis.addose").rows(f"SELECT {columns} FROM analysis.addose ORDER BY 1") == [
        ("001", RANDOMISED, 98, 97, 1, 0, 0.0, "N", "WEEK 15", 96.0, 48.0, -48.0),
        ("002", None, None, None, None, None, None, None, "WEEK 15", 96.0, 48.0, -48.0),
    ]


def test_weekly_scores_stand_side_by_side_for_suddengains(ict_sad: Protocol, trial: Trial) -> None:
    trial.as_of = day(250)
    trial.person("001")
    for study_day, total, label in ((1, 20, "BASELINE"), (2, 19, "WEEKLY"), (14, 18, "WEEKLY"), (98, 9, "WEEKLY"),
                                    (106, 8, "WEEK 15"), (190, 7, "FOLLOW-UP")):  # fmt: skip
        trial.form("001", "phq9", day(study_day), phq9(total), visit=label)
    trial.form("001", "wsas", day(1), dict.fromkeys("12345", 4))  # not asked weekly
    columns = "paramcd, s0, s1, s2, s3, s14, s16, post, fu1, fu2"
    # Week 1: the form of day 2 lies nearer its end than that of day 1.
    assert trial.tables("analysis.adqwide").rows(f"SELECT {columns} FROM analysis.adqwide") == [
        ("PHQ9", 20.0, 19.0, 18.0, None, 9.0, 8.0, 8.0, 7.0, None)
    ]
    waits = Trial(waiting_list(ict_sad, {"weeks": 15}), as_of=day(250))
    waits.person("001", "WAIT")
    for study_day, total in ((1, 20), (106, 18), (112, 15), (211, 5)):
        waits.form("001", "phq9", day(study_day), phq9(total))
    assert waits.tables("analysis.adqwide").rows(f"SELECT {columns} FROM analysis.adqwide") == [
        ("PHQ9", 18.0, 15.0, None, None, None, 5.0, 5.0, None, None)
    ]


def test_sessions_and_minutes_at_other_gaps(trial: Trial) -> None:
    # Pauses of 10, 20 and 50 minutes; the last event says that it lasted 40.
    trial.person("001")
    for minute, seconds in ((0, None), (10, 1200.0), (30, 600.0), (80, 2400.0)):
        event(trial, 3, minute=minute, duration_s=seconds)
    db = trial.tables("engagement.session_gap")
    rows = db.rows("SELECT gap_minutes, is_primary, n_sessions, active_minutes FROM engagement.session_gap ORDER BY 1")
    assert rows == [
        (15, False, 3, 10 + 15 + 10 + 15),  # the stated durations of the 2nd (20 min) and 4th count up to the gap
        (30, True, 2, 10 + 20 + 10 + 30),
        (60, False, 1, 10 + 20 + 50 + 40),
    ]


def test_the_curve_of_use_counts_who_is_there_known_certified_and_active(trial: Trial) -> None:
    trial.person("001")
    trial.person("002", randomised_on=day(100))
    event(trial, 1, "login")
    columns = "week_no, n_people, n_known, n_certified, n_active, n_days_certified, n_days_used, n_sessions"
    rows = trial.tables("engagement.usage_curve").rows(
        f"SELECT {columns} FROM engagement.usage_curve WHERE week_no IN (1, 2, 18) ORDER BY 1"
    )
    assert rows == [(1, 2, 2, 1, 1, 7, 1, 1), (2, 2, 2, 1, 0, 7, 0, 0), (18, 1, 1, 1, 0, 1, 0, 0)]
