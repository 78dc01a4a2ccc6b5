"""One SQL file, read by sqlglot: what it reads, whether it may stand where it does, whence its columns come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.schema import MappingSchema

from pipelines.warehouse.dictionary import LAYERS
from pipelines.warehouse.graph import GraphError, Lineage, Query, Source
from pipelines.warehouse.lint import chance, unportable
from pipelines.warehouse.settings_read import settings_read

_TABLE_FUNCTIONS = (exp.GenerateSeries, exp.Unnest, exp.GenerateDateArray, exp.ExplodingGenerateSeries)
_TABLE_FUNCTION_NAMES = {"range", "generate_series", "unnest"}


def read_query(name: str, path: Path, known: set[str]) -> Query:
    sql = path.read_text(encoding="utf-8")
    where = f"sql/{path.parent.name}/{path.name}"
    tree = parse_select(sql, where)
    reads = sorted({f"{table.db}.{table.name}" for table in _tables(tree) if table.db})
    problems = [*_complaints(name, tree, reads, known), *chance(tree)]
    if name.startswith("engagement."):
        problems += unportable(tree)
    if problems:
        raise GraphError([f"{where}: {problem}" for problem in problems])
    query = Query(name, path, sql, tuple(reads), settings_read(tree))
    vars(query)["tree"] = tree  # it need not be parsed again
    return query


def parse_select(sql: str, where: str) -> exp.Query:
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
    except SqlglotError as error:
        raise GraphError([f"{where}: cannot be read as SQL: {str(error).splitlines()[0]}"]) from None
    if any(isinstance(tree, exp.Semicolon) for tree in trees):
        raise GraphError([f"{where}: has text after its semicolon; comments belong before it"])
    if len(trees) != 1:
        raise GraphError([f"{where}: holds {len(trees)} statements; expected one SELECT"])
    tree = trees[0]
    if not isinstance(tree, exp.Query):
        raise GraphError([f"{where}: is a {tree.key.upper()} statement; expected a SELECT"])
    return tree


def _complaints(name: str, tree: exp.Query, reads: list[str], known: set[str]) -> Iterator[str]:
    layer = name.split(".")[0]
    if layer not in LAYERS or LAYERS[layer] == 0:
        yield f"no layer `{layer}` is made by SQL; there are {', '.join(x for x in LAYERS if LAYERS[x])}"
        return
    if tree.find(exp.Parameter, exp.Placeholder):
        yield "has a parameter; settings come from study.setting"
    yield from _unqualified(tree)
    for read in reads:
        upstream = read.split(".")[0]
        if read not in known:
            yield f"reads {read}, which nothing makes"
        elif LAYERS[upstream] > LAYERS[layer]:
            yield f"reads {read}, which lies in a later layer than {layer}"


def _tables(tree: exp.Query) -> Iterator[exp.Table]:
    return (table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier))


def _unqualified(tree: exp.Query) -> Iterator[str]:
    named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        made = table.this
        if isinstance(made, exp.Identifier):
            if not table.db and table.name.lower() not in named:
                yield f"reads `{table.name}` without its layer; write <layer>.{table.name}"
        elif not isinstance(made, _TABLE_FUNCTIONS) and made.name.lower() not in _TABLE_FUNCTION_NAMES:
            yield f"reads from the function {made.sql('duckdb')[:40]}; only tables may be read"


def column_lineage(query: Query, schema: MappingSchema) -> Lineage:
    try:
        nodes = lineage(None, query.tree, schema=schema, dialect="duckdb", trim_selects=False)
    except SqlglotError as error:
        said = str(error).splitlines()[0]
        raise GraphError([f"{query.name}: where its columns come from cannot be read: {said}"]) from None
    return {column: sorted(_leaves(node)) for column, node in nodes.items()}


def _leaves(node: Node) -> set[Source]:
    """The columns of tables, not of CTEs, at the end of a column's lineage."""
    return {
        (f"{leaf.source.db}.{leaf.source.name}", leaf.name.split(".")[-1].strip('"'))
        for leaf in node.walk()
        if isinstance(leaf.source, exp.Table) and leaf.source.db
    }
