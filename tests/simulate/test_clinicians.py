"""Answers that may tell of danger are rare, and rarer once people are treated; clinicians take most of them in time."""

from __future__ import annotations

import polars as pl

from pipelines.safety.acknowledgement import load_acknowledgements
from pipelines.simulate.trial import Trial
from tests.simulate.conftest import Simulated


def test_such_answers_are_rare_and_get_rarer(big: Trial) -> None:
    answers = big.answers.filter(instrument="phq9", item="9").with_columns(pl.col("value").cast(pl.Int64))
    shares = dict(answers.drop_nulls("value").group_by("visit").agg((pl.col("value") > 0).mean()).iter_rows())
    urgent = answers.select((pl.col("value") > 1).mean()).item()
    assert 0.08 < shares["BASELINE"] < 0.25
    assert shares["WEEKLY"] < shares["BASELINE"] and shares["FOLLOW-UP"] < shares["BASELINE"]
    assert urgent < 0.05


def test_each_alert_is_acknowledged_once_and_by_somebody(clean: Simulated) -> None:
    given = load_acknowledgements(clean.workspace)
    assert len(given) > 20
    assert len({one.alert_id for one in given}) == len(given)
    assert {one.given_by for one in given} <= {f"Clinician of {s}" for s in ("oxford", "hong_kong", "miyazaki")}
