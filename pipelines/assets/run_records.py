"""Dagster's own records of runs, kept in SQLite files under DAGSTER_HOME."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


def write_without_waiting() -> None:
    """Let SQLite wait for the disk at its checkpoints instead of at every event; its files stay consistent.

    A night writes some nine hundred times; waiting made up a quarter of it. A crash of the program loses
    nothing and a power cut at most the history of the last runs, on which nothing derived depends.
    """
    if not event.contains(Engine, "connect", _wait_at_checkpoints):
        event.listen(Engine, "connect", _wait_at_checkpoints)


def _wait_at_checkpoints(connection: Any, _record: Any) -> None:
    if type(connection).__module__ == "sqlite3":
        connection.execute("PRAGMA synchronous = NORMAL")
