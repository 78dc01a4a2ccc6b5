"""Dagster's record files: held open through a night, whole and let go of after it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from pipelines.assets.run_records import written_without_waiting


def test_one_connection_keeps_each_file_open_and_the_last_one_leaves_it_whole(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with written_without_waiting():
        for number in range(3):
            with engine.begin() as connection:
                assert connection.execute(text("PRAGMA synchronous")).scalar() == 1
                connection.execute(text("CREATE TABLE IF NOT EXISTS event (number INTEGER)"))
                connection.execute(text("INSERT INTO event VALUES (:number)"), {"number": number})
        assert (tmp_path / "records.db-wal").stat().st_size > 0, "no checkpoint while the night goes on"
    assert not (tmp_path / "records.db-wal").exists()
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (3,)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2, "nothing is left behind"
