"""Dagster's records in SQLite files, loaded without what they take along for files of an older Dagster (alembic, with
the dialects of three databases and a colourer of source texts), for its daemon, and for runs over many partitions that
were asked for at once: more than a tenth of what a night loads."""

from pipelines.assets.put_off import put_off

NOT_USED = (
    "alembic",
    "alembic.command",
    "alembic.config",
    "alembic.runtime",
    "alembic.runtime.environment",
    "alembic.runtime.migration",
    "alembic.script",
    "dagster._core.execution.backfill",
    "dagster._daemon",
    "tqdm",
)

with put_off(*NOT_USED):
    from dagster._core.storage import sqlite_storage
    from dagster._core.storage.event_log.base import AssetEntry, AssetRecord
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage
    from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
    from dagster._core.storage.sql import check_alembic_revision, get_alembic_config

__all__ = [
    "AssetEntry",
    "AssetRecord",
    "check_alembic_revision",
    "get_alembic_config",
    "sqlite_event_log",
    "sqlite_run_storage",
    "sqlite_schedule_storage",
    "sqlite_storage",
]
