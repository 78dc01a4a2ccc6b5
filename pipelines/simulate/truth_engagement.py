"""How long people used the programme, out of the simulator's records; see `pipelines.simulate.truth`."""

from __future__ import annotations

from datetime import date

import polars as pl

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
