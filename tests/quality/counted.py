"""What the checks count in a trial of a few literal rows."""

from __future__ import annotations

import duckdb

from pipelines.warehouse.graph import load_graph
from tests.sql.trial import Trial


def counted(trial: Trial) -> duckdb.DuckDBPyConnection:
    """The database of the trial with every table up to `quality.metric`."""
    con = trial.tables().con
    graph = load_graph()
    for name in (n for n in graph.order if n.startswith("quality.")):
        con.execute(f"CREATE TABLE IF NOT EXISTS {name} AS {graph.queries[name].sql}")
    return con


def counts(con: duckdb.DuckDBPyConnection, check_name: str, site_id: str = "oxford") -> tuple[int | None, int | None]:
    """(n_checked, n_failed)."""
    rows = con.execute(
        "SELECT n_checked, n_failed FROM quality.metric WHERE check_name = ? AND site_id = ?", [check_name, site_id]
    ).fetchall()
    assert len(rows) == 1, f"{check_name} has {len(rows)} rows for {site_id}"
    return rows[0]
