"""Which epochs people were in, worked out from the records that stand; see `pipelines.simulate.truth`."""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.simulate.state import State
from pipelines.study.epoch import Epoch
from pipelines.study.load import Protocol
from pipelines.study.study import Study, Visit

SCHEMA = pl.Schema({"usubjid": pl.String, "epoch_no": pl.Int64, "arm": pl.String, "start_on": pl.Date})


def epochs(protocol: Protocol, state: State, subjects: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """usubjid, epoch_no, arm, start_on, next_start_on, access; one row a person and epoch begun."""
    study = protocol.study
    begun = [
        subjects.select("usubjid", pl.lit(1, pl.Int64).alias("epoch_no"), "arm", pl.col("reference").alias("start_on"))
    ]
    for number, epoch in enumerate(study.epochs[1:], 2):
        theirs = subjects if epoch.arms is None else subjects.filter(pl.col("arm").is_in(epoch.arms))
        found = _starts(study, epoch, state, theirs, as_of).filter(pl.col("start_on") > pl.col("reference"))
        begun.append(found.select("usubjid", pl.lit(number, pl.Int64).alias("epoch_no"), "arm", "start_on"))
    with_access = [arm.arm for arm in study.arms if arm.programme_access]
    access = pl.col("arm").is_in(with_access).fill_null(False) if study.arms else pl.lit(True)
    return (
        pl.concat([part.cast(SCHEMA) for part in begun])
        .filter(pl.col("start_on").is_not_null())
        .sort("usubjid", "epoch_no")
        .with_columns(pl.col("start_on").shift(-1).over("usubjid").alias("next_start_on"), access.alias("access"))
    )


def with_programme(subjects: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """`access`: whether the person was ever given the programme; `since`: from when weeks of its use are counted."""
    later = begun.filter("access", pl.col("epoch_no") > 1).unique("usubjid", keep="first", maintain_order=True)
    given = pl.col("given").is_not_null() & pl.col("start").is_not_null()
    return subjects.join(
        later.select("usubjid", pl.col("start_on").alias("given")), on="usubjid", how="left", maintain_order="left"
    ).with_columns(
        pl.when("access").then("start").otherwise(pl.when(given).then("given").otherwise("start")).alias("since"),
        (pl.col("access") | given).alias("access"),
    )


def _starts(study: Study, epoch: Epoch, state: State, theirs: pl.DataFrame, as_of: date) -> pl.DataFrame:
    starts = epoch.starts
    assert starts is not None, "the study file was checked: a later epoch says when it starts"
    if starts.weeks is not None:
        day = pl.col("reference") + pl.duration(days=7 * starts.weeks)
        come = day <= pl.min_horizontal("eosdt", pl.lit(as_of))
        return theirs.with_columns(pl.lit(epoch.arm, pl.String).alias("arm"), pl.when(come).then(day).alias("start_on"))
    if starts.second_allocation:
        again = state.allocation.select(
            pl.col("site").alias("siteid"), "subject_id", "second_arm", pl.col("second_randomised_on").alias("start_on")
        )
        return theirs.drop("arm").join(again, on=["siteid", "subject_id"], how="left").rename({"second_arm": "arm"})
    visit = next(visit for visit in study.visits if visit.avisit == starts.last_form_of)
    last = _last_forms(visit, state, theirs)
    return theirs.with_columns(pl.lit(epoch.arm, pl.String).alias("arm")).join(last, on="usubjid", how="left")


def _last_forms(visit: Visit, state: State, people: pl.DataFrame) -> pl.DataFrame:
    """usubjid, start_on: the day of the last form in the visit's window that was no weekly one."""
    day, first, last = pl.col("local").dt.date(), *(_days(end) for end in visit.window)
    known = people.select(pl.col("siteid").alias("site"), "subject_id", "usubjid", "reference", "arm")
    forms = state.answers.filter(pl.col("value").is_not_null(), ~pl.col("weekly")).join(
        known, on=["site", "subject_id"]
    )
    theirs = pl.lit(True) if visit.arms is None else pl.col("arm").is_in(visit.arms)
    inside = (day - pl.col("reference")).dt.total_days().is_between(first, last)
    return forms.filter(inside & theirs).group_by("usubjid").agg(day.max().alias("start_on"))


def _days(study_day: int) -> int:
    """Days from the first day of the epoch; there is no study day 0."""
    return study_day - int(study_day > 0)
