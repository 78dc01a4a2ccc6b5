"""What the checks count in a trial of a few literal rows."""

from __future__ import annotations

from tests.sql.trial import Tables, Trial


def counted(trial: Trial, *more: str) -> Tables:
    """What the checks read, and `more` tables."""
    return trial.tables("quality.metric", *more)


def counts(tables: Tables, check_name: str, site_id: str = "oxford") -> tuple[int | None, int | None]:
    """(n_checked, n_failed)."""
    rows = tables.rows(
        f"SELECT n_checked, n_failed FROM quality.metric WHERE check_name = '{check_name}' AND site_id = '{site_id}'"
    )
    assert len(rows) == 1, f"{check_name} has {len(rows)} rows for {site_id}"
    n_checked, n_failed = rows[0]
    return n_checked, n_failed
