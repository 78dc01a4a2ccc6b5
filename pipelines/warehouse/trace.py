"""A derived value walked back: the rules that made it, the rows they worked on, the lines of files these came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.warehouse.database import CLOSED, build_file
from pipelines.warehouse.dictionary import Table
from pipelines.warehouse.errors import reason
from pipelines.warehouse.graph import Graph, load_graph
from pipelines.warehouse.provenance import Behind, is_record, rows_behind
from pipelines.warehouse.published import UNBLINDED, current_snapshot
from pipelines.warehouse.quoting import identifier, identifiers, literal
from pipelines.warehouse.render import Answer
from pipelines.workspace import Workspace

SHOWN = 200  # rows of a step
_START = "traced"
_PLACE = ("delivery_id", "row_no", "line_no")
_TECHNICAL = {"usubjid", "record_key", *_PLACE}


class TraceError(Exception):
    """The value cannot be traced; one sentence says why."""


@dataclass(frozen=True)
class Step:
    """Rows of one table that the value was made of; of delivered records with their file, row and line."""

    table: str
    meaning: str
    rule: str
    n_rows: int
    rows: Answer


@dataclass(frozen=True)
class Trace:
    """A value, what its column means, the steps back to the files, and the replaced versions of the records there."""

    table: str
    column: str
    key: dict[str, Any]
    value: Any
    meaning: str
    steps: list[Step]
    earlier: list[Step]


def trace(
    workspace: Workspace,
    table: str,
    given: Mapping[str, str],
    column: str | None = None,
    snapshot: str | None = None,
) -> Trace:
    """Walk one value of a published table back. `given` names the row by its columns; `column` defaults to aval.
    `snapshot`: whose value it is (default: the current one's); the workspace's build is then of that snapshot.

    Raises TraceError when the row is not named exactly, and when the build is not what was published.
    """
    import duckdb

    graph = load_graph()
    described = _described(graph, table)
    column = _column(described, column)
    try:
        con = _open(workspace)
        try:
            key = _start(con, described, given)
            value = con.execute(f"SELECT {identifier(column)} FROM {_START}").fetchall()[0][0]  # noqa: S608
            _must_be_published(workspace, con, described, column, snapshot or current_snapshot(workspace))
            behind = list(rows_behind(con, graph, table, [column], _START))
            return Trace(
                table,
                column,
                key,
                value,
                described.columns[column].description,
                [_step(con, graph, part) for part in behind],
                [step for part in behind if (step := _earlier(con, graph, part)).n_rows],
            )
        finally:
            con.close()
    except duckdb.Error as error:
        raise TraceError(f"the trace could not be followed: {reason(error)}") from None


def _described(graph: Graph, table: str) -> Table:
    if table not in graph.queries:
        derived = ", ".join(name for name in graph.order if graph.dictionary[name].published)
        raise TraceError(f"there is no derived table {table}; there are {derived}")
    return graph.dictionary[table]


def _column(described: Table, column: str | None) -> str:
    column = column or "aval"
    if column not in described.columns:
        raise TraceError(f"{described.table} has no column {column}; --column is one of {', '.join(described.columns)}")
    return column


def _open(workspace: Workspace) -> Any:
    import duckdb

    file = build_file(workspace)
    if not file.exists():
        raise TraceError("nothing has been built yet; run `ict-trial nightly` first")
    try:
        con = duckdb.connect(str(file), read_only=True, config=dict(CLOSED))
    except duckdb.IOException:
        raise TraceError("a night is at work on the build; trace again when it has ended") from None
    con.execute("SET TimeZone = 'UTC'")
    return con


def _start(con: Any, described: Table, given: Mapping[str, str]) -> dict[str, Any]:
    """Put the row that `given` names into a temporary table; of several the one that the analysis uses."""
    unknown = [name for name in given if name not in described.columns]
    if unknown or not given:
        said = f"has no column {', '.join(unknown)}" if unknown else f"has a row for each {', '.join(described.key)}"
        raise TraceError(f"{described.table} {said}; name the row by its columns: {', '.join(described.columns)}")
    named = " AND ".join(f"CAST({identifier(name)} AS VARCHAR) = ${n}" for n, name in enumerate(given, start=1))
    con.execute(
        f"CREATE TEMP TABLE {_START} AS SELECT * FROM {identifier(described.table)} WHERE {named}",  # noqa: S608
        list(given.values()),
    )
    if "anl01fl" in described.columns and _count(con, _START) > 1:
        con.execute(f"DELETE FROM {_START} WHERE anl01fl IS DISTINCT FROM 'Y'")  # noqa: S608
    keys = con.execute(f"SELECT {identifiers(described.key)} FROM {_START} ORDER BY ALL LIMIT 9").fetchall()  # noqa: S608
    if len(keys) != 1:
        number = "no" if not keys else "more than one"
        raise TraceError(
            f"{number} row of {described.table} is like that; a row is one for each {', '.join(described.key)}"
        )
    return dict(zip(described.key, keys[0], strict=True))


def _must_be_published(workspace: Workspace, con: Any, described: Table, column: str, snapshot: str | None) -> None:
    """The build holds what the last night made; when that was not published, its rows explain nothing people see."""
    if snapshot is None or not described.published:
        return
    file = workspace.snapshots / snapshot / UNBLINDED
    same = " AND ".join(f"p.{identifier(name)} IS NOT DISTINCT FROM b.{identifier(name)}" for name in described.key)
    con.execute(f"ATTACH {literal(str(file))} AS published_ (READ_ONLY)")
    (equal,) = con.execute(
        f"SELECT count(*) FROM published_.{identifier(described.table)} AS p JOIN {_START} AS b "  # noqa: S608
        f"ON {same} AND p.{identifier(column)} IS NOT DISTINCT FROM b.{identifier(column)}"
    ).fetchone()
    con.execute("DETACH published_")
    if not equal:
        raise TraceError(f"the last build differs from snapshot {snapshot} here; run `ict-trial nightly`, then trace")


def _step(con: Any, graph: Graph, behind: Behind) -> Step:
    described, query = graph.dictionary[behind.table], graph.queries[behind.table]
    rows = (
        _records(con, behind.rows, described) if is_record(graph, behind.table) else _rows(con, behind.rows, described)
    )
    return Step(behind.table, described.description, query.header, _count(con, behind.rows), rows)


def _rows(con: Any, rows: str, described: Table) -> Answer:
    return _answer(con, f"SELECT * FROM {rows} ORDER BY {identifiers(described.key)} LIMIT {SHOWN}")  # noqa: S608


def _records(con: Any, rows: str, described: Table) -> Answer:
    """Records as delivered, with the file, data row and line that each stands in."""
    values = [f"r.{identifier(name)}" for name in described.columns if name not in _TECHNICAL]
    return _answer(
        con,
        f"SELECT {', '.join(values)}, d.file_name, r.row_no, r.line_no, r.delivery_id, d.received_at "  # noqa: S608
        f"FROM {rows} AS r JOIN input.delivery AS d ON d.delivery_id = r.delivery_id "
        f"ORDER BY d.sequence, r.row_no, r.record_key LIMIT {SHOWN}",
    )


def _earlier(con: Any, graph: Graph, behind: Behind) -> Step:
    """What stood before in place of the records: versions that a later delivery replaced or withdrew."""
    name = f"{behind.table}_history"
    if not is_record(graph, behind.table) or name not in graph.queries:
        return Step(name, "", "", 0, Answer([], [], []))
    replaced = f"replaced_{behind.rows}"
    con.execute(
        f"CREATE TEMP TABLE {replaced} AS SELECT h.* FROM {identifier(name)} AS h "  # noqa: S608
        f"SEMI JOIN {behind.rows} AS r ON r.site_id = h.site_id AND r.record_key = h.record_key "
        "WHERE h.valid_to_seq IS NOT NULL"
    )
    described = graph.dictionary[name]
    return Step(
        name,
        described.description,
        graph.queries[name].header,
        _count(con, replaced),
        _records(con, replaced, described),
    )


def _answer(con: Any, sql: str) -> Answer:
    rows = con.execute(sql).fetchall()
    described = con.description or []
    return Answer([str(d[0]) for d in described], [str(d[1]) for d in described], rows)


def _count(con: Any, table: str) -> int:
    (count,) = con.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(count)
