"""Of which days use is known, and how long it lasted; see `pipelines.simulate.truth`."""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.simulate.state import State
from pipelines.study.load import Protocol

DAYS = ["usubjid", "paramcd", "startdt", "adt", "cnsr"]


def treatment_dropout(protocol: Protocol, subjects: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """TRTDROP of adtte: no site of the simulator records that somebody stopped treatment, so that all are censored."""
    weeks = protocol.study.treatment.weeks if protocol.study.treatment else 0
    planned = pl.col("since") + pl.duration(days=7 * weeks)
    return (
        subjects.filter("access", "enrolled", pl.col("since").is_not_null())
        .with_columns(
            pl.lit("TRTDROP").alias("paramcd"),
            pl.col("since").alias("startdt"),
            pl.min_horizontal(planned, "eosdt", pl.lit(as_of)).alias("adt"),
            pl.lit(1, pl.Int64).alias("cnsr"),
        )
        .select(DAYS)
    )


def use_life(non_usage: pl.DataFrame, usage: pl.DataFrame) -> pl.DataFrame:
    """USELIFE of adtte: NONUSE counted from the first own event, of those who have one. `non_usage` has the person's
    start, and `known`, the day up to which their use is known."""
    own = usage.filter(pl.col("actor") == "participant", pl.col("utc").is_not_null()).select("usubjid", "day")
    first = (
        own.join(non_usage.select("usubjid", "startdt", "known"), on="usubjid")
        .filter(pl.col("day").is_between("startdt", "known"))
        .group_by("usubjid")
        .agg(pl.col("day").min().alias("first"))
    )
    return (
        non_usage.drop("first", strict=False)
        .join(first, on="usubjid")
        .with_columns(pl.lit("USELIFE").alias("paramcd"), pl.col("first").alias("startdt"))
        .select(DAYS)
    )


def day_states(state: State, subjects: pl.DataFrame, usage: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """engagement.day_state up to the day before as-of, which a delivery of that very day may or may not tell to its
    end. No log of the simulator is out, and no clock wrong."""
    first = pl.max_horizontal(pl.col("since") - pl.duration(days=90), pl.min_horizontal("rficdt", "since"))
    days = (
        subjects.filter("access", pl.col("since").is_not_null())
        .with_columns(first.alias("first"))
        .filter(pl.col("first") < as_of)
        .with_columns(pl.date_ranges("first", pl.lit(as_of), closed="left").alias("day"))
        .explode("day")
    )
    own = usage.filter(pl.col("actor") == "participant", pl.col("utc").is_not_null())
    used = own.select("usubjid", "day", pl.lit(True).alias("used")).unique()
    known = usage.group_by("usubjid").agg(pl.col("day").min().alias("known_since"))
    days = days.join(used, on=["usubjid", "day"], how="left").join(known, on="usubjid", how="left")
    told = pl.lit(False)
    for (site, feed), end in state.log_ends.items():
        if feed == "usage":
            told |= (pl.col("siteid") == site) & (pl.col("day") <= (end or as_of))
    ended = pl.col("eosdt") < pl.col("day")
    which = (
        pl.when(pl.col("day") < pl.col("since"))
        .then(pl.lit("before_start"))
        .when(ended & (pl.col("eosstt") == "COMPLETED"))
        .then(pl.lit("after_completion"))
        .when(ended)
        .then(pl.lit("after_withdrawal"))
        .when("used")
        .then(pl.lit("used"))
        .when(~told)
        .then(pl.lit("not_delivered"))
        .when((pl.col("day") >= pl.col("known_since")).fill_null(False))
        .then(pl.lit("no_use"))
        .otherwise(pl.lit("no_account"))
    )
    return days.select("usubjid", "day", which.alias("state")).sort("usubjid", "day")
