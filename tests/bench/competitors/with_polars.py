"""Polars: everything in memory, the results as Parquet; with every row checked first where it is told so."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from tests.bench.competitors.checks import check_text, check_times

GAP = pl.duration(minutes=30)
LOG = {name: pl.String for name in ("event_id", "subject_id", "occurred_at", "actor", "event", "module")}
TIME = pl.col("occurred_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")


def run(site_folder: str, result_folder: str, as_of: str, checks: str = "") -> None:
    site, result = Path(site_folder), Path(result_folder)
    people = (
        pl.read_csv(site / "allocation" / "*.csv", try_parse_dates=True)
        .filter(arm="ICT")
        .select("subject_id", starts_on="randomised_on")
    )
    usage = read_checked(site) if checks else read(site)
    session = sessions(usage, people)
    session.write_parquet(result / "session.parquet")
    weeks(usage, session, people, date.fromisoformat(as_of)).write_parquet(result / "participant_week.parquet")


def read(site: Path) -> pl.DataFrame:
    log = pl.scan_csv(site / "usage" / "*.csv", schema={**LOG, "duration_s": pl.Float64})
    return log.with_columns(TIME).collect()


def read_checked(site: Path) -> pl.DataFrame:
    import pandera.polars

    text = pl.read_csv(site / "usage" / "*.csv", schema={**LOG, "duration_s": pl.String})
    check_text(pandera.polars, text)
    log = text.with_columns(TIME, pl.col("duration_s").cast(pl.Float64))
    check_times(pandera.polars, log, datetime.now(UTC))
    return log


def sessions(usage: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    at, who = pl.col("occurred_at"), pl.col("subject_id")
    span = (pl.col("ended_at") - pl.col("started_at")).dt.total_microseconds() / 1e6
    return (
        usage.lazy()
        .filter(actor="participant")
        .select("subject_id", "occurred_at", "event_id", pl.col("duration_s").fill_null(0))
        .sort("subject_id", "occurred_at", "event_id")
        .with_columns(starts=((who != who.shift()) | (at - at.shift() > GAP)).fill_null(True))
        .with_columns(session=pl.col("starts").cum_sum())
        .group_by("subject_id", "session", maintain_order=True)
        .agg(
            started_at=at.first(),
            ended_at=at.last(),
            n_events=pl.len().cast(pl.Int64),
            last_duration_s=pl.col("duration_s").last(),
        )
        .join(people.lazy(), on="subject_id", maintain_order="left")
        .with_columns(
            session_no=pl.int_range(1, pl.len() + 1).over("subject_id"),
            duration_s=span + pl.col("last_duration_s"),
            active_s=span + pl.col("last_duration_s").clip(upper_bound=1800),
            week_no=week_of("started_at"),
        )
        .drop("session", "last_duration_s", "starts_on")
        .collect()
    )


def week_of(column: str) -> pl.Expr:
    day = pl.col(column).dt.convert_time_zone("Europe/London").dt.date()
    return (day - pl.col("starts_on")).dt.total_days() // 7 + 1


def weeks(usage: pl.DataFrame, session: pl.DataFrame, people: pl.DataFrame, as_of: date) -> pl.DataFrame:
    own, event = pl.col("actor") == "participant", pl.col("event")
    module = pl.col("module")
    of_sessions = session.group_by("subject_id", "week_no").agg(
        n_sessions=pl.len(), active_minutes=pl.col("active_s").sum() / 60
    )
    of_usage = (
        usage.lazy()
        .join(people.lazy(), on="subject_id")
        .group_by("subject_id", week_no=week_of("occurred_at"))
        .agg(
            n_logins=(own & (event == "login")).sum(),
            n_modules_opened=module.filter(own & (event == "module_opened")).drop_nulls().n_unique(),
            n_modules_completed=module.filter(event == "module_completed").drop_nulls().n_unique(),
            n_messages_to_therapist=(own & (event == "message_sent")).sum(),
            n_messages_from_therapist=((pl.col("actor") == "therapist") & (event == "message_sent")).sum(),
        )
        .collect()
    )
    last = (pl.lit(as_of) - pl.col("starts_on")).dt.total_days() // 7 + 1
    every = people.select("subject_id", week_no=pl.int_ranges(1, last + 1)).explode("week_no")
    keys = ["subject_id", "week_no"]
    return every.join(of_sessions, on=keys, how="left").join(of_usage, on=keys, how="left").fill_null(0)


if __name__ == "__main__":
    run(*sys.argv[1:])
