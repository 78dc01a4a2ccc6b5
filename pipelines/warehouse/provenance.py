"""Which rows of earlier tables a row was made of: found by running the SQL that made it once more, backwards.

Of each SELECT between the row and the records, the FROM, JOIN and WHERE are kept and the select list is replaced
by one of its sources, restricted to the wanted result. Nothing is described a second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from pipelines.warehouse.graph import Graph
from pipelines.warehouse.quoting import identifier

RECORD = {"delivery_id", "row_no", "record_key"}  # what a table of delivered records has
_WANTED = "wanted_"
_MANY_ROWS = (exp.AggFunc, exp.Window, exp.Subquery, exp.Unnest, exp.Explode, exp.GenerateSeries)
_NOT_OF_A_ROW = ("group", "having", "qualify", "order", "limit", "offset", "distinct", "windows")


@dataclass(frozen=True)
class Behind:
    """The rows of one table that a result was made of, in the temporary table `rows`."""

    table: str
    rows: str


def rows_behind(con: Any, graph: Graph, table: str, columns: Iterable[str], rows: str) -> Iterator[Behind]:
    """From the rows of `table` (in the temporary table `rows`) back to delivered records, nearest first.

    Followed is what `columns` are computed from, not what merely joins or filters. `con` may be read-only; temporary
    tables stay in it.
    """
    con.execute("SET disabled_optimizers = 'join_order'")  # it loses rows beside an outer join (DuckDB 2.0.0)
    replay = _Replay(con, graph)
    replay.find(table, rows, set(columns))
    for name in reversed(graph.order):
        if name in replay.found:
            yield (behind := replay.gathered(name))
            if not is_record(graph, name):
                replay.go_back(behind)


def is_record(graph: Graph, table: str) -> bool:
    """Whether the rows of a table are records as delivered, with their delivery and row."""
    described = graph.dictionary.get(table)
    return described is not None and table.startswith("core.") and set(described.columns) >= RECORD


@dataclass(frozen=True)
class _Wanted:
    """Rows of a table or of a part of a query: the temporary table that holds them, the names of its columns in
    the order of the select list, and the ones among them whose origin is asked for."""

    rows: str
    names: Sequence[str]
    needed: set[str]


@dataclass
class _Replay:
    con: Any
    graph: Graph
    found: dict[str, list[str]] = field(default_factory=dict)
    needed: dict[str, set[str]] = field(default_factory=dict)
    n_made: int = 0

    def find(self, table: str, rows: str, needed: set[str]) -> None:
        """Note rows of a table; where none of its columns is named, that they exist is what counts."""
        self.found.setdefault(table, []).append(rows)
        self.needed.setdefault(table, set()).update(needed or self.graph.dictionary[table].key)

    def gathered(self, table: str) -> Behind:
        """All rows of a table that were found on any way, each once."""
        parts = " UNION ".join(f"SELECT * FROM {identifier(part)}" for part in self.found[table])  # noqa: S608
        return Behind(table, self._make(parts))

    def go_back(self, behind: Behind) -> None:
        tree = self.graph.queries[behind.table].tree.copy()
        qualified = qualify(tree, schema=self.graph.schema, dialect="duckdb", identify=False, quote_identifiers=False)
        scope = build_scope(qualified)
        if scope is not None:
            wanted = _Wanted(behind.rows, qualified.named_selects, self.needed[behind.table])
            ctes = qualified.args.get("with_")
            self._visit(scope, ctes.sql("duckdb") if ctes else "", wanted)

    def _visit(self, scope: Scope, ctes: str, wanted: _Wanted) -> None:
        """Every source that the needed columns of a SELECT are computed from, restricted to what made `wanted`."""
        for branch in scope.set_operation_scopes:
            self._visit(branch, ctes, wanted)
        if not isinstance(scope.expression, exp.Select):
            return
        for alias, needed in _columns_needed(scope.expression, scope, wanted).items():
            source = scope.sources[alias]
            if isinstance(source, exp.Table) and f"{source.db}.{source.name}" not in self.graph.queries:
                continue  # the protocol, and what deliveries are, are no rows of data
            rows = self._make(_replayed(scope.expression, ctes, alias, wanted))
            if isinstance(source, Scope):
                part = source.expression
                self._visit(
                    source, ctes, _Wanted(rows, part.named_selects if isinstance(part, exp.Query) else [], needed)
                )
            else:
                self.find(f"{source.db}.{source.name}", rows, needed)

    def _make(self, query: str) -> str:
        self.n_made += 1
        name = f"behind_{self.n_made}"
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        return name


def _columns_needed(select: exp.Select, scope: Scope, wanted: _Wanted) -> dict[str, set[str]]:
    """Of each source of a SELECT, the columns that its needed columns are computed from. Counting rows needs the
    source that the SELECT begins with, and none of its columns in particular."""
    columns: dict[str, set[str]] = defaultdict(set)
    for item, name in zip(select.selects, wanted.names, strict=True):
        if name not in wanted.needed:
            continue
        for column in item.find_all(exp.Column):
            if column.table in scope.selected_sources:
                columns[column.table].add(column.name)
        if any(isinstance(count.this, exp.Star) for count in item.find_all(exp.Count)):
            columns[select.args["from_"].alias_or_name] |= set()
    return columns


def _replayed(select: exp.Select, ctes: str, alias: str, wanted: _Wanted) -> str:
    """SQL for the rows of the source `alias` that the wanted rows were made of; `ctes` is the query's WITH clause.

    One copy of the SELECT is changed in place: sqlglot otherwise copies all of it at every step.
    """
    again = select.copy()
    matches = [
        exp.NullSafeEQ(this=exp.Paren(this=made), expression=exp.column(name, table=_WANTED, quoted=True))
        for made, name in zip((_unaliased(item) for item in again.selects), wanted.names, strict=True)
        if not made.find(*_MANY_ROWS)
    ]
    for part in _NOT_OF_A_ROW:
        again.set(part, None)
    again.set("with_", None)
    again.set("expressions", [exp.Column(this=exp.Star(), table=exp.to_identifier(alias))])
    _require(again, alias)
    on = exp.and_(*matches, copy=False) if matches else exp.true()
    again.join(wanted.rows, on=on, join_alias=_WANTED, dialect="duckdb", copy=False).distinct(copy=False)
    return f"{ctes} {again.sql('duckdb', copy=False)}"


def _unaliased(item: exp.Expr) -> exp.Expr:
    return item.this if isinstance(item, exp.Alias) else item


def _require(select: exp.Select, alias: str) -> None:
    """Make the source's rows necessary, where a join would also give a result without them."""
    for join in select.args.get("joins") or []:
        if join.kind == "SEMI":
            join.set("kind", None)
        if join.alias_or_name == alias:
            join.set("side", "RIGHT" if join.side == "FULL" else None)
        elif join.side == "FULL":
            join.set("side", "LEFT")
