"""The truth itself, against cases worked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest

from pipelines.simulate.state import State
from pipelines.simulate.truth import truth_tables
from pipelines.study.load import Protocol

Answer = tuple[str, str, int, str, str | None]
RANDOMISED = date(2025, 1, 6)


def state_of(answers: Sequence[Answer] = (), usage: Sequence[tuple[int, str]] = ()) -> State:
    """One ICT participant in Oxford. Answers: (instrument, visit, days since randomisation, item, value);
    usage: (seconds since noon of the day after randomisation, event)."""
    noon = datetime(2025, 1, 7, 12, tzinfo=UTC)
    one = {"site": "oxford", "subject_id": "1"}
    forms = {key: i for i, key in enumerate(dict.fromkeys(a[:3] for a in answers))}
    return State(
        participants=pl.DataFrame(
            [
                one
                | {
                    "consent_date": date(2024, 12, 20),
                    "birth_year": 1990,
                    "sex": "F",
                    "status": "randomised",
                    "status_date": RANDOMISED,
                }
            ]
        ),
        allocation=pl.DataFrame([one | {"arm": "ICT", "randomised_on": RANDOMISED, "stratum": None}]),
        answers=pl.DataFrame(
            [
                one
                | {
                    "instrument": instrument,
                    "visit": visit,
                    "local": datetime.combine(RANDOMISED + timedelta(days=day), time(10)),
                    "weekly": visit == "WEEKLY",
                    "form": forms[instrument, visit, day],
                    "item": item,
                    "value": value,
                }
                for instrument, visit, day, item, value in answers
            ],
            schema={
                "site": pl.String,
                "subject_id": pl.String,
                "instrument": pl.String,
                "visit": pl.String,
                "local": pl.Datetime("us"),
                "weekly": pl.Boolean,
                "form": pl.Int64,
                "item": pl.String,
                "value": pl.String,
            },
        ),
        usage=pl.DataFrame(
            [
                one
                | {
                    "event_id": f"e{i}",
                    "utc": noon + timedelta(seconds=second),
                    "day": (noon + timedelta(seconds=second)).date(),
                    "actor": "participant",
                    "event": event,
                    "module": None,
                }
                for i, (second, event) in enumerate(usage)
            ],
            schema={
                "site": pl.String,
                "subject_id": pl.String,
                "event_id": pl.String,
                "utc": pl.Datetime("us", "UTC"),
                "day": pl.Date,
                "actor": pl.String,
                "event": pl.String,
                "module": pl.String,
            },
        ),
        contacts=pl.DataFrame(
            schema={
                "site": pl.String,
                "subject_id": pl.String,
                "day": pl.Date,
                "kind": pl.String,
                "minutes": pl.Float64,
            }
        ),
        adverse_events=pl.DataFrame(
            schema={
                "site": pl.String,
                "subject_id": pl.String,
                "ae_id": pl.String,
                "onset_date": pl.Date,
                "reported_on": pl.Date,
                "serious": pl.String,
                "severity": pl.Int64,
                "related": pl.String,
                "outcome": pl.String,
            }
        ),
        by_day=set(),
        log_ends={("oxford", "usage"): date(2025, 1, 19)},
    )


def form(
    instrument: str, visit: str, day: int, values: list[str | None]
) -> list[tuple[str, str, int, str, str | None]]:
    return [(instrument, visit, day, str(i), value) for i, value in enumerate(values, start=1)]


def scores(protocol: Protocol, state: State) -> list[dict[str, object]]:
    return truth_tables(protocol, state, date(2025, 6, 1))["score"].to_dicts()


def test_allowed_missing_items_take_the_mean_of_the_answered(ict_sad: Protocol) -> None:
    (row,) = scores(ict_sad, state_of(form("phq9", "BASELINE", -3, ["2"] * 6 + ["1", None, None])))
    assert row["aval"] == pytest.approx(13 * 9 / 7)
    assert (row["nmiss"], row["dtype"], row["ady"], row["avisit"]) == (2, "PRORATED", -3, "BASELINE")
    assert (row["ablfl"], row["anl01fl"], row["chg"]) == ("Y", "Y", None)


def test_one_more_missing_item_leaves_no_score(ict_sad: Protocol) -> None:
    (row,) = scores(ict_sad, state_of(form("phq9", "BASELINE", -3, ["2"] * 6 + [None] * 3)))
    assert (row["aval"], row["nmiss"], row["dtype"], row["ablfl"], row["anl01fl"]) == (None, 3, None, None, None)


def test_wsas_without_work_counts_the_others_five_fourths(ict_sad: Protocol) -> None:
    (row,) = scores(ict_sad, state_of(form("wsas", "BASELINE", 0, ["NA", "4", "4", "4", "4"])))
    assert (row["aval"], row["nmiss"], row["dtype"], row["ady"]) == (20.0, 0, None, 1)


def test_a_weekly_form_fills_a_visit_only_when_no_form_lies_in_its_window(ict_sad: Protocol) -> None:
    nine = ["1"] * 9
    weekly = form("phq9", "WEEKLY", 55, nine)
    (row,) = scores(ict_sad, state_of(weekly))
    assert (row["avisit"], row["srcform"], row["anl01fl"], row["ady"]) == ("WEEK 8", "weekly", "Y", 56)
    both = scores(ict_sad, state_of([*weekly, *form("phq9", "WEEK 8", 70, nine)]))
    assert {(r["srcform"], r["avisit"], r["anl01fl"]) for r in both} == {
        ("weekly", "UNSCHEDULED", None),
        ("visit", "WEEK 8", "Y"),
    }


def test_the_last_value_before_the_reference_date_is_the_baseline(ict_sad: Protocol) -> None:
    state = state_of(
        [
            *form("phq9", "BASELINE", -20, ["3"] * 9),
            *form("phq9", "BASELINE", -2, ["2"] * 9),
            *form("phq9", "BASELINE", -40, ["1"] * 9),
            *form("phq9", "WEEK 15", 105, ["1"] * 9),
        ]
    )
    rows = {row["ady"]: row for row in scores(ict_sad, state)}
    assert [rows[day]["ablfl"] for day in (-40, -20, -2, 106)] == [None, None, "Y", None]
    assert rows[-40]["avisit"] == "UNSCHEDULED"
    assert (rows[106]["base"], rows[106]["chg"], rows[-20]["chg"]) == (18.0, -9.0, None)


def test_a_gap_of_exactly_the_limit_does_not_end_a_session(ict_sad: Protocol) -> None:
    state = state_of(usage=[(0, "login"), (1800, "page_view"), (3601, "page_view")])
    tables = truth_tables(ict_sad, state, date(2025, 1, 27))
    assert tables["session"]["n_events"].to_list() == [2, 1]
    weeks = tables["participant_week"].select("week_no", "n_sessions", "n_logins", "n_calls").rows()
    assert weeks == [(1, 2, 1, None), (2, 0, 0, None), (3, None, None, None), (4, None, None, None)]
