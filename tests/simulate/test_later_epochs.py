"""People whom the protocol leads from waiting to a treatment, and arms of unequal size."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from pipelines.simulate.calendar import Calendar
from pipelines.simulate.people import longest_follow_up
from pipelines.simulate.trial import Trial, run_trial
from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from tests.simulate.conftest import TODAY
from tests.sql.waiting import waiting_list


def run(protocol: Protocol, participants: int) -> Trial:
    return run_trial(protocol, participants, Calendar(TODAY, longest_follow_up(protocol.study)), 200, seed=5)


@pytest.fixture(scope="module")
def ptsd() -> Trial:
    return run(load_protocol(SCHEMAS / "studies" / "ict_ptsd.yaml"), 252)


def test_arms_are_as_large_as_their_ratio_says(ptsd: Trial) -> None:
    arms = ptsd.people.filter(pl.col("arm").is_not_null()).group_by("site", "arm").len()
    for arm, size in (("ICT_PTSD", 36), ("ISTRESS_PTSD", 36), ("WAIT", 12)):
        assert arms.filter(arm=arm)["len"].to_list() == [size] * 3


def test_who_waited_is_allocated_again_one_to_one(ptsd: Trial) -> None:
    again = ptsd.allocation.filter(pl.col("second_arm").is_not_null())
    assert set(again["arm"]) == {"WAIT"} and again.height > 25
    shares = dict(again.group_by("second_arm").len().iter_rows())
    assert abs(shares["ICT_PTSD"] - shares["ISTRESS_PTSD"]) <= 3  # blocks of two at each site
    waited = (again["second_randomised_on"] - again["randomised_on"]).dt.total_days()
    assert waited.min() > 97 and waited.max() < 107  # type: ignore[operator]


def test_they_get_better_once_they_are_treated(ptsd: Trial) -> None:
    totals = (
        ptsd.answers.filter(instrument="pcl5").with_columns(pl.col("value").cast(pl.Int64)).drop_nulls("value")
        .join(ptsd.people.filter(arm="WAIT").select("person"), on="person")
        .group_by("visit", "form").agg(pl.col("value").sum())
        .group_by("visit").agg(pl.col("value").mean())
    )  # fmt: skip
    mean = dict(totals.iter_rows())
    assert mean["BASELINE"] - mean["WEEK 13"] < 6 < mean["WEEK 13"] - mean["AFTER WAITING WEEK 13"]


def test_nobody_uses_what_they_wait_for(ptsd: Trial) -> None:
    people = ptsd.people.filter(arm="WAIT").select("person", "later_start")
    used = ptsd.usage.join(people, on="person")
    assert used.height > 500
    assert used.filter(pl.col("later_start").is_null() | (pl.col("day") < pl.col("later_start"))).is_empty()


def test_many_are_followed_to_the_end(ptsd: Trial) -> None:
    assert 0.3 < ptsd.people.filter(pl.col("completed_on").is_not_null()).height / 252 < 0.8


@pytest.mark.parametrize("starts", [{"weeks": 15}, {"last_form_of": "WEEK 15"}])
def test_other_ways_of_going_on_are_simulated_too(ict_sad: Protocol, starts: dict[str, object]) -> None:
    trial = run(waiting_list(ict_sad, starts), 60)
    gone_on = trial.people.filter(pl.col("later_start").is_not_null())
    assert set(gone_on["arm"]) == {"WAIT"} and set(gone_on["later_arm"]) == {"ICT"}
    assert set(gone_on["later_start"] - gone_on["reference"]) == {timedelta(105)}
    assert trial.answers["visit"].str.starts_with("AFTER").any()
    assert "second_arm" not in trial.allocation.columns
