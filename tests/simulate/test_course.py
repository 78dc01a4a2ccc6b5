"""The simulated trial resembles the published ones."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.simulate.calendar import Calendar
from pipelines.simulate.trial import Trial, run_trial
from pipelines.study.load import Protocol
from tests.simulate.conftest import TODAY


def totals(trial: Trial, instrument: str) -> pl.DataFrame:
    """Sums of complete forms: form, person, visit, arm, total."""
    forms = trial.answers.filter(instrument=instrument).with_columns(pl.col("value").cast(pl.Int64, strict=False))
    return (
        forms.group_by("form", "person", "visit")
        .agg(pl.col("value").sum().alias("total"), pl.col("value").null_count().alias("missing"))
        .filter(missing=0)
        .join(trial.people.select("person", "arm"), on="person")
    )


def mean(forms: pl.DataFrame, arm: str, visit: str) -> float:
    value = forms.filter(arm=arm, visit=visit)["total"].mean()
    assert isinstance(value, float)
    return value


def test_lsas_falls_by_some_fifty_points_with_the_programme_and_little_without(big: Trial) -> None:
    lsas = totals(big, "lsas_sr")
    assert 80 <= mean(lsas, "ICT", "BASELINE") <= 90
    assert 80 <= mean(lsas, "TAU", "BASELINE") <= 90
    assert 42 <= mean(lsas, "ICT", "BASELINE") - mean(lsas, "ICT", "WEEK 15") <= 58
    assert 0 <= mean(lsas, "TAU", "BASELINE") - mean(lsas, "TAU", "WEEK 15") <= 10
    part = mean(lsas, "ICT", "BASELINE") - mean(lsas, "ICT", "WEEK 8")
    assert 18 <= part <= 38
    assert abs(mean(lsas, "ICT", "FOLLOW-UP") - mean(lsas, "ICT", "WEEK 15")) < 6


@pytest.mark.parametrize("instrument", ["phq9", "gad7", "wsas", "spin"])
def test_other_measures_go_with_it(big: Trial, instrument: str) -> None:
    other, lsas = totals(big, instrument), totals(big, "lsas_sr")
    key = ["person", "visit"]
    both = other.filter(visit="BASELINE").join(lsas.filter(visit="BASELINE"), on=key)
    assert both.select(pl.corr("total", "total_right")).item() > 0.2
    assert mean(other, "ICT", "BASELINE") > mean(other, "ICT", "WEEK 15")


def test_randomisation_is_balanced_in_every_site(big: Trial) -> None:
    counts = big.people.filter(pl.col("arm").is_not_null()).group_by("site", "arm").len()
    assert counts["len"].to_list() == [100] * 6
    assert set(big.people["site"].unique()) == {"oxford", "hong_kong", "miyazaki"}


def test_some_are_screened_only_and_some_leave(big: Trial) -> None:
    people = big.people
    assert people.filter(pl.col("failed_on").is_not_null()).height == pytest.approx(0.12 * 600, abs=3)
    assert people.filter(pl.col("consent_date").is_null()).height > 10
    assert 0.05 <= people.filter(pl.col("withdrew_on").is_not_null()).height / 600 <= 0.15


def test_use_falls_and_lies_in_the_evening(big: Trial) -> None:
    usage = big.usage.join(big.people.select("person", "reference", "arm"), on="person")
    assert usage["arm"].unique().to_list() == ["ICT"]
    logins = usage.filter(event="login").with_columns(
        ((pl.col("day") - pl.col("reference")).dt.total_days() // 7 + 1).alias("week")
    )
    by_week = dict(logins.group_by("week").len().iter_rows())
    assert by_week[2] > by_week[8] > by_week[14] > 3 * by_week.get(20, 0)
    tokyo = logins.filter(site="miyazaki").select(pl.col("utc").dt.convert_time_zone("Asia/Tokyo").dt.hour())
    assert 0.6 < tokyo.select(pl.col("utc").is_between(18, 23).mean()).item() < 0.85


def test_events_follow_the_number_asked_for(big: Trial, ict_sad: Protocol) -> None:
    users = big.people.filter("access").height
    assert big.usage.height / users == pytest.approx(1100, rel=0.15)
    busy = run_trial(ict_sad, 600, Calendar(TODAY), 3300, seed=5)
    assert busy.usage.height / users == pytest.approx(3300, rel=0.15)


def test_therapists_spend_some_twenty_five_minutes_a_week(big: Trial) -> None:
    contacts = big.contacts.join(big.people.select("person", "reference"), on="person").with_columns(
        ((pl.col("day") - pl.col("reference")).dt.total_days() // 7 + 1).alias("week")
    )
    weekly = contacts.filter(pl.col("week") <= 14).group_by("person", "week").agg(pl.col("minutes").sum())
    assert weekly["minutes"].mean() == pytest.approx(25, abs=4)


def test_answers_stay_in_range_and_only_those_without_work_answer_na(big: Trial) -> None:
    answers = big.answers.with_columns(pl.col("value").cast(pl.Int64, strict=False).alias("number"))
    assert answers.filter(pl.col("number") < 0).is_empty()
    assert answers.filter(instrument="lsas_sr")["number"].max() == 3
    na = answers.filter(value="NA").join(big.people.select("person", "employed"), on="person")
    assert na.height > 50
    assert na.select(pl.col("instrument", "item").n_unique()).row(0) == (1, 1)
    assert not na["employed"].any()


def test_nothing_lies_after_the_cut(big: Trial) -> None:
    cut = pl.date(2025, 11, 13)
    assert big.usage.filter(pl.col("day") > cut).is_empty()
    assert big.contacts.filter(pl.col("day") > cut).is_empty()
    assert big.answers.filter(pl.col("local").dt.date() > cut).is_empty()
    assert big.adverse_events.filter(pl.col("reported_on") > cut).is_empty()
