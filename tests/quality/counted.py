"""What the checks count in a trial of a few literal rows."""

from __future__ import annotations

import duckdb

from tests.sql.trial import OURS, Trial


def counted(trial: Trial) -> duckdb.DuckDBPyConnection:
    """The database of the trial with what the checks and the status page read."""
    return trial.tables(*OURS, "quality.metric", "quality.overdue").con


def counts(con: duckdb.DuckDBPyConnection, check_name: str, site_id: str = "oxford") -> tuple[int | None, int | None]:
    """(n_checked, n_failed)."""
    rows = con.execute(
        "SELECT n_checked, n_failed FROM quality.metric WHERE check_name = ? AND site_id = ?", [check_name, site_id]
    ).fetchall()
    assert len(rows) == 1, f"{check_name} has {len(rows)} rows for {site_id}"
    return rows[0]
