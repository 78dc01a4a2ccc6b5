"""The adverse events and times to an event that the pipeline must publish, out of the simulator's records."""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.simulate.state import State
from pipelines.simulate.truth_engagement import DAYS, treatment_dropout, use_life
from pipelines.study.load import Protocol


def adverse_events(events: pl.DataFrame) -> pl.DataFrame:
    """adae; `events` are those of listed people, with the person's own columns."""
    key = ["onset_date", "reported_on", "ae_id"]
    days = (pl.col("onset_date") - pl.col("reference")).dt.total_days()
    return (
        events.sort("usubjid", *key, nulls_last=True)
        .with_columns((pl.int_range(pl.len(), dtype=pl.Int64).over("usubjid") + 1).alias("aeseq"))
        .select(
            "usubjid",
            "aeseq",
            pl.col("ae_id").alias("aespid"),
            pl.col("onset_date").alias("astdt"),
            (days + (days >= 0).cast(pl.Int64)).alias("astdy"),
            pl.col("serious").alias("aeser"),
            pl.col("severity").alias("aetoxgrn"),
            pl.col("related").alias("aerel"),
            pl.col("outcome").replace({"Recovered": "RECOVERED/RESOLVED"}).alias("aeout"),
            pl.when(pl.col("onset_date") >= pl.col("start")).then(pl.lit("Y")).alias("trtemfl"),
            (pl.col("reported_on") - pl.col("onset_date")).dt.total_days().alias("aerptdly"),
        )
    )


def times(protocol: Protocol, state: State, subjects: pl.DataFrame, usage: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """adtte; `usage` is that of listed people, with the person's own columns."""
    non_usage = _non_usage(protocol, state, subjects, usage, as_of)
    every = pl.concat(
        [
            _dropout(subjects, as_of).select(DAYS),
            treatment_dropout(protocol, subjects, as_of),
            non_usage.select(DAYS),
            use_life(non_usage, usage),
        ]
    )
    days = (pl.col("adt") - pl.col("startdt")).dt.total_days() + 1
    counts = days >= 1
    return every.select(
        "usubjid",
        "paramcd",
        "startdt",
        "adt",
        pl.when(counts).then(days.cast(pl.Float64)).alias("aval"),
        pl.when(counts).then("cnsr").alias("cnsr"),
    ).sort("usubjid", "paramcd")


def _dropout(subjects: pl.DataFrame, as_of: date) -> pl.DataFrame:
    left = (pl.col("eosstt") == "DISCONTINUED") & pl.col("eosdt").is_not_null()
    return subjects.filter("enrolled", pl.col("reference").is_not_null()).with_columns(
        pl.lit("DROPOUT").alias("paramcd"),
        pl.col("reference").alias("startdt"),
        pl.coalesce("eosdt", pl.lit(as_of)).alias("adt"),
        (~left).fill_null(True).cast(pl.Int64).alias("cnsr"),
    )


def _non_usage(
    protocol: Protocol, state: State, subjects: pl.DataFrame, usage: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """The last own event if silence lasts from there to the end of what is known."""
    weeks = protocol.study.treatment.weeks if protocol.study.treatment else 0
    rule = protocol.study.intercurrent_events.non_usage
    treated = subjects.filter(rule is not None, "access", "enrolled", pl.col("since").is_not_null()).with_columns(
        pl.min_horizontal(
            pl.col("since") + pl.duration(days=7 * weeks), "eosdt", pl.lit(as_of), _log_end(state, as_of)
        ).alias("known"),
        _log_end(state, as_of).is_null().alias("unknown"),
    )
    own = usage.filter(pl.col("actor") == "participant", pl.col("utc").is_not_null()).select("usubjid", "day")
    last = (
        own.join(treated.select("usubjid", "since", "known"), on="usubjid")
        .filter(pl.col("day").is_between("since", "known"))
        .group_by("usubjid")
        .agg(pl.col("day").max().alias("used"))
    )
    stopped_on = pl.coalesce("used", "since")
    silent = (pl.col("known") - stopped_on).dt.total_days() >= (rule.days if rule else 0)
    return treated.join(last, on="usubjid", how="left").with_columns(
        pl.lit("NONUSE").alias("paramcd"),
        pl.col("since").alias("startdt"),
        pl.when("unknown").then(None).when(silent).then(stopped_on).otherwise("known").alias("adt"),
        (~silent).cast(pl.Int64).alias("cnsr"),
    )


def _log_end(state: State, as_of: date) -> pl.Expr:
    """The day up to which the site's log speaks; NULL where it has sent none."""
    end = pl.lit(None, pl.Date)
    for (site, feed), day in state.log_ends.items():
        if feed == "usage":
            end = pl.when(pl.col("siteid") == site).then(pl.lit(day or as_of)).otherwise(end)
    return end
