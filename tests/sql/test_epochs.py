"""People who wait first and are treated later: a second start, a second baseline, visits counted from there."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from pipelines.study.load import Protocol
from pipelines.warehouse.blinding import blinded_contents
from pipelines.warehouse.dictionary import load_dictionary
from tests.sql.test_responses import gad7
from tests.sql.trial import RANDOMISED, Trial, day, phq9, with_study
from tests.sql.waiting import AFTER, waiting_list

START = date(2026, 6, 15)  # 15 weeks after randomisation: study day 106


def waited(protocol: Protocol, forms: list[tuple[date, int]], **allocation: object) -> Trial:
    """Person 001 waits; PHQ-9 forms by date and total."""
    trial = Trial(protocol)
    trial.person("001", None, status="randomised")
    trial.add("allocation", "oxford", subject_id="001", arm="WAIT", randomised_on=RANDOMISED, **allocation)
    for when, total in forms:
        trial.form("001", "phq9", when, phq9(total))
    return trial


@pytest.mark.parametrize(
    ("starts", "arm", "allocation"),
    [
        ({"weeks": 15}, "ICT", {}),
        ({"last_form_of": "WEEK 15"}, "ICT", {}),
        ({"second_allocation": True}, None, {"second_arm": "ICT", "second_randomised_on": START}),
    ],
)
def test_the_second_start_is_known_as_the_study_file_says(
    ict_sad: Protocol, starts: dict[str, object], arm: str | None, allocation: dict[str, object]
) -> None:
    # The last assessment of the wait, on 15 June, closes the first epoch and is the baseline of the second.
    forms = [(day(1), 20), (date(2026, 6, 10), 19), (START, 18), (START + timedelta(56), 9)]
    db = waited(waiting_list(ict_sad, starts, arm), forms, **allocation).tables()
    columns = "avisit, ady, awtdiff, aval, base, chg, ablfl, anl01fl, aphase, aperiod, aperady, ablper"
    assert db.rows(f"SELECT {columns} FROM analysis.adqs ORDER BY aseq") == [
        ("BASELINE", 1, 0, 20.0, 20.0, None, "Y", "Y", "AS RANDOMISED", 1, 1, None),
        ("WEEK 15", 101, -5, 19.0, 20.0, -1.0, None, None, "AS RANDOMISED", 1, 101, None),
        ("WEEK 15", 106, 0, 18.0, 20.0, -2.0, None, "Y", "AS RANDOMISED", 1, 106, 2),
        ("AFTER WEEK 8", 162, 0, 9.0, 18.0, -9.0, None, "Y", AFTER, 2, 57, None),
    ]
    assert db.row("SELECT arm, trt01p, trt02p, ap02sdt FROM analysis.adsl") == (
        "WAIT", "Waiting list", "Internet-delivered cognitive therapy", START,
    )  # fmt: skip


def test_who_does_not_wait_has_one_epoch_and_everybody_without_epochs(ict_sad: Protocol, trial: Trial) -> None:
    for one in (Trial(waiting_list(ict_sad, {"weeks": 15})), trial):
        one.person("001", "ICT")
        one.form("001", "phq9", day(190), phq9(9))
        db = one.tables()
        assert db.row("SELECT avisit, aperiod, aperady, ablper FROM analysis.adqs") == ("FOLLOW-UP", 1, 190, None)
        assert db.row("SELECT trt02p, ap02sdt FROM analysis.adsl") == (None, None)
    assert db.row("SELECT aphase FROM analysis.adqs") == (None,)


@pytest.mark.parametrize(
    ("starts", "as_of", "changes"),
    [
        ({"weeks": 15}, date(2026, 6, 14), {}),  # the day has not come
        ({"weeks": 15}, date(2026, 12, 31), {"status": "withdrawn", "status_date": date(2026, 6, 14)}),
        ({"last_form_of": "WEEK 15"}, date(2026, 12, 31), {}),  # no form of the visit
    ],
)
def test_nobody_has_begun_what_has_not_begun(
    ict_sad: Protocol, starts: dict[str, object], as_of: date, changes: dict[str, object]
) -> None:
    trial = Trial(waiting_list(ict_sad, starts), as_of=as_of)
    trial.person("001", "WAIT", **changes)
    assert trial.tables("core.epoch").rows("SELECT epoch_no FROM core.epoch") == [(1,)]


def test_a_window_of_the_wait_closes_when_treatment_begins(ict_sad: Protocol) -> None:
    # WEEK 15 is open until day 133, but treatment began on day 99.
    trial = waited(waiting_list(ict_sad, {"weeks": 14}), [(day(1), 20), (day(95), 18), (day(110), 3), (day(168), 2)])
    columns = "avisit, aperiod, base, anl01fl"
    assert trial.tables().rows(f"SELECT {columns} FROM analysis.adqs ORDER BY aseq") == [
        ("BASELINE", 1, 20.0, "Y"),
        ("WEEK 15", 1, 20.0, "Y"),
        ("UNSCHEDULED", 2, 18.0, None),
        ("AFTER WEEK 8", 2, 18.0, "Y"),
    ]


def test_an_old_form_or_a_weekly_one_that_fills_nothing_is_no_second_baseline(ict_sad: Protocol) -> None:
    trial = waited(waiting_list(ict_sad, {"weeks": 15}), [(day(1), 20), (day(77), 18), (START + timedelta(56), 9)])
    trial.form("001", "phq9", day(85), phq9(15), visit="WEEKLY")
    db = trial.tables()
    assert db.rows("SELECT base, chg FROM analysis.adqs WHERE aperiod = 2") == [(None, None)]


def test_a_weekly_form_that_fills_a_visit_is_a_second_baseline(ict_sad: Protocol) -> None:
    trial = waited(waiting_list(ict_sad, {"weeks": 15}), [(day(1), 20)])
    trial.form("001", "phq9", date(2026, 6, 12), phq9(17), visit="WEEKLY")
    db = trial.tables()
    columns = "srcform, avisit, aval, ablper"
    assert db.rows(f"SELECT {columns} FROM analysis.adqs WHERE aval = 17") == [("weekly", "WEEK 15", 17.0, 2)]


def test_the_oldest_form_that_may_be_a_second_baseline_and_no_later_one_without_a_value(ict_sad: Protocol) -> None:
    protocol = waiting_list(ict_sad, {"weeks": 15})
    oldest = protocol.study.epochs[1].baseline_from
    for too_old, base in ((0, 18.0), (1, None)):
        trial = waited(protocol, [(day(1), 20), (START + timedelta(oldest - too_old), 18), (START + timedelta(56), 9)])
        trial.form("001", "phq9", START - timedelta(1), {"1": 1}, visit="WEEK 15")
        assert trial.tables().rows("SELECT base FROM analysis.adqs WHERE aperiod = 2") == [(base,)]


def test_the_second_baseline_does_not_stand_for_a_visit_of_the_wait_that_another_form_is_nearer_to(
    ict_sad: Protocol,
) -> None:
    trial = waited(waiting_list(ict_sad, {"weeks": 17}), [(day(1), 20), (day(105), 17), (day(118), 15)])
    found = trial.tables().rows("SELECT ady, avisit, anl01fl, ablper FROM analysis.adqs WHERE ady > 1 ORDER BY ady")
    assert found == [(105, "WEEK 15", "Y", None), (118, "WEEK 15", None, 2)]


def test_recovery_is_judged_from_the_baseline_of_the_visits_own_epoch(ict_sad: Protocol) -> None:
    worse, better = (12, 15), (4, 5)  # GAD-7 and PHQ-9, of which the cut-offs are 8 and 10
    trial = waited(waiting_list(ict_sad, {"weeks": 15}), [])
    trial.person("002", None, status="randomised")
    trial.add("allocation", "oxford", subject_id="002", arm="WAIT", randomised_on=RANDOMISED)
    for subject, *totals in (("001", better, worse, better), ("002", worse, better, better)):
        for when, (gad, phq) in zip((day(1), START, START + timedelta(56)), totals, strict=True):
            trial.form(subject, "gad7", when, gad7(gad))
            trial.form(subject, "phq9", when, phq9(phq))
    sql = """
        SELECT subjid, avisit, avalc FROM analysis.adresp
        WHERE defid = 'nhs_talking_therapies' AND paramcd = 'RECOV' ORDER BY ALL
    """
    assert trial.tables("analysis.adresp").rows(sql) == [
        ("001", "AFTER WEEK 8", "Y"),
        ("001", "WEEK 15", "NA"),  # no case when the wait began
        ("002", "AFTER WEEK 8", "NA"),  # none any more when treatment began
        ("002", "WEEK 15", "Y"),
    ]


def test_weeks_are_counted_from_both_starts(ict_sad: Protocol) -> None:
    trial = waited(waiting_list(ict_sad, {"weeks": 15}), [(START, 18), (START + timedelta(8), 9)])
    columns = "aweek, aperiod, aperweek, nform"
    assert trial.tables("analysis.adqw").rows(f"SELECT {columns} FROM analysis.adqw ORDER BY 1") == [
        (16, 1, 16, 1),
        (17, 2, 2, 1),
    ]


def test_use_of_the_programme_is_counted_since_it_was_given(ict_sad: Protocol) -> None:
    """Weeks, planned weekly forms and the time to non-usage begin with the second epoch of who waited."""
    again = {"second_arm": "ICT", "second_randomised_on": START}
    trial = waited(waiting_list(ict_sad, {"second_allocation": True}, None), [(day(1), 20)], **again)
    trial.as_of = START + timedelta(20)
    place = datetime.combine(START + timedelta(20), time(12), UTC)
    trial.delivery("oxford", "usage", received_at=place)
    for days in (-1, 0, 8):
        trial.event("001", datetime.combine(START + timedelta(days), time(12), UTC))
    trial.contact("001", datetime.combine(START + timedelta(7), time(12), UTC), minutes=10.0)
    db = trial.tables("engagement.participant_week", "analysis.adtte", "quality.expected", "quality.data_query")
    weeks = db.rows("SELECT week_no, n_sessions, n_calls FROM engagement.participant_week ORDER BY week_no")
    assert weeks == [(1, 1, None), (2, 1, 1), (3, 0, None)]
    assert db.row("SELECT startdt, aval FROM analysis.adtte WHERE paramcd = 'NONUSE'") == (START, 21.0)
    sql = "SELECT min(opens_on), max(due_on), count(*) FROM quality.expected WHERE week_no > 0 AND instrument = 'phq9'"
    assert db.row(sql) == (START, START + timedelta(7 * 14 - 1), 14)
    # Only the day before the second start is use without access.
    assert db.rows("SELECT status FROM quality.data_query WHERE rule = 'usage_without_access'") == [("open",)]


def test_use_after_the_second_start_is_no_use_without_access(ict_sad: Protocol) -> None:
    """It was one until the second allocation was known."""
    trial = waited(waiting_list(ict_sad, {"second_allocation": True}, None), [(day(1), 20)])
    trial.delivery("oxford", "usage")
    trial.event("001", datetime.combine(START + timedelta(1), time(12), UTC))
    asked = "SELECT status FROM quality.data_query WHERE rule = 'usage_without_access'"
    assert trial.tables("quality.data_query").rows(asked) == [("open",)]
    known = trial.delivery("oxford", "allocation")
    again = {"second_arm": "ICT", "second_randomised_on": START}
    trial.add("allocation", "oxford", known, subject_id="001", arm="WAIT", randomised_on=RANDOMISED, **again)
    assert trial.tables("quality.data_query").rows(asked) == [("closed",)]


def test_weekly_forms_of_who_still_waits_are_not_due(ict_sad: Protocol) -> None:
    for arm, state in (("WAIT", "not_due"), ("ICT", "overdue")):
        trial = Trial(waiting_list(ict_sad, {"weeks": 15}), as_of=day(50))
        trial.person("001", arm)
        sql = "SELECT DISTINCT state FROM quality.expected WHERE week_no = 1 AND instrument = 'phq9'"
        assert trial.tables("quality.expected").rows(sql) == [(state,)]


def test_nothing_of_a_second_epoch_is_in_the_blinded_file(ict_sad: Protocol) -> None:
    """It exists in one arm only: neither its rows nor the columns that tell of it."""
    trial = waited(waiting_list(ict_sad, {"weeks": 14}), [(day(1), 20), (day(95), 18), (day(110), 3), (day(162), 2)])
    db = trial.tables()
    parts = {part.name: part for part in blinded_contents(load_dictionary(), "statistician", "key")}
    shown = db.records(f"SELECT * FROM ({parts['analysis.adqs'].select}) ORDER BY ady")
    assert [row["ady"] for row in shown] == [1, 95]
    assert not {"aphase", "aperiod", "aperady", "ablper"} & set(shown[0])
    assert not {"trt02p", "ap02sdt"} & set(db.records(f"SELECT * FROM ({parts['analysis.adsl'].select})")[0])
    assert not {"analysis.adqw", "analysis.adae", "analysis.adtte", "analysis.adresp", "analysis.adsg"} & set(parts)


def test_follow_up_is_where_each_study_has_it(ict_sad: Protocol) -> None:
    """Week 26 in the Japanese pilot, for everybody; week 27 in the trial, for one arm."""
    pilot = ict_sad.study.visits[3].model_copy(
        update={"avisitn": 26, "target_day": 183, "window": (169, 204), "arms": None}
    )
    found = []
    for protocol in (with_study(ict_sad, visits=[*ict_sad.study.visits[:3], pilot]), ict_sad):
        trial = Trial(protocol)
        for subject, arm in (("001", "ICT"), ("002", "TAU")):
            trial.person(subject, arm)
            trial.form(subject, "phq9", day(183), phq9(9))
        db = trial.tables("analysis.adqs", "quality.completeness")
        rows = db.rows("SELECT avisit, avisitn, awtdiff FROM analysis.adqs ORDER BY usubjid")
        # What an arm has not is no gap: nothing is expected of it.
        due = "SELECT sum(n_expected) FROM quality.completeness WHERE avisit = 'FOLLOW-UP' AND instrument = 'phq9'"
        found.append((*rows, db.row(due)))
    assert found == [
        (("FOLLOW-UP", 26, 0), ("FOLLOW-UP", 26, 0), (2,)),
        (("FOLLOW-UP", 27, -7), ("UNSCHEDULED", None, None), (1,)),
    ]
