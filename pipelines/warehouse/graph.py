"""The SQL files as a graph: which table each makes, what it reads, and where each column comes from.

`sql/<layer>/<table>.sql` makes `<layer>.<table>`; nothing else has to be registered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.schema import MappingSchema

from pipelines.warehouse.dictionary import LAYERS, TABLES, Dictionary, State, load_dictionary, state_of
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.inputs import input_columns
from pipelines.warehouse.lint import chance, unportable
from pipelines.warehouse.settings_read import settings_read
from pipelines.warehouse.study_tables import study_columns

SQL = Path(__file__).parents[2] / "sql"
Source = tuple[str, str]  # table, column
Lineage = dict[str, list[Source]]  # by column, the columns that it is computed from

_TABLE_FUNCTIONS = (exp.GenerateSeries, exp.Unnest, exp.GenerateDateArray, exp.ExplodingGenerateSeries)
_TABLE_FUNCTION_NAMES = {"range", "generate_series", "unnest"}


class GraphError(WarehouseError):
    """The SQL files do not fit together; `problems` lists why, by file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Query:
    """One SQL file: a single SELECT that makes the table `name` out of the tables `reads`."""

    name: str
    path: Path
    sql: str
    reads: tuple[str, ...]
    settings: tuple[str, ...] = ()  # columns of study.setting that it may read

    @cached_property
    def tree(self) -> exp.Query:
        """The SELECT, parsed when it is first asked for."""
        return _parse(self.sql, self.where)

    @property
    def where(self) -> str:
        return f"sql/{self.layer}/{self.path.name}"

    @property
    def layer(self) -> str:
        return self.name.split(".")[0]

    @property
    def header(self) -> str:
        """The comment at the head of the file: what one row is, and which rule of the protocol it follows."""
        lines = []
        for line in self.sql.splitlines():
            if not line.startswith("--"):
                break
            lines.append(line.removeprefix("--").strip())
        return "\n".join(lines)


@dataclass(frozen=True)
class Graph:
    """All SQL files, with the dictionary of what they make."""

    queries: Mapping[str, Query]
    dictionary: Dictionary
    _lineage: dict[str, Lineage] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def order(self) -> list[str]:
        """Every table that a SQL file makes, each after all that it reads."""
        return _in_order(self.queries)

    def column_lineage(self, name: str) -> Lineage:
        """Each column of `name` with the columns of other tables that it is computed from."""
        if name not in self._lineage:
            self._lineage[name] = _column_lineage(self.queries[name], self.schema)
        return self._lineage[name]

    @cached_property
    def schema(self) -> MappingSchema:
        """Every table's columns and types, as sqlglot wants them."""
        columns = study_columns() | input_columns()
        columns |= {name: table.types for name, table in self.dictionary.items()}
        for name, query in self.queries.items():
            columns.setdefault(name, dict.fromkeys(query.tree.named_selects, "UNKNOWN"))
        layers: dict[str, dict[str, dict[str, str]]] = {layer: {} for layer in LAYERS}
        for name, types in columns.items():
            layer, table = name.split(".")
            layers[layer][table] = types
        return MappingSchema(dict(layers), dialect="duckdb")


def load_graph(folder: Path = SQL, tables: Path = TABLES) -> Graph:
    """Read all SQL files under `folder` and the dictionary under `tables`.

    Raises GraphError with every problem of the SQL, InvalidFileError with every problem of the dictionary.
    """
    return _load_graph(folder, tables, state_of(folder, "*.sql"), state_of(tables, "*.yaml"))


@lru_cache(maxsize=4)
def _load_graph(folder: Path, tables: Path, _sql: State, _yaml: State) -> Graph:
    dictionary = load_dictionary(tables)
    paths = {f"{path.parent.name}.{path.stem}": path for path in sorted(folder.glob("*/*.sql"))}
    known = set(paths) | set(dictionary) | set(study_columns()) | set(input_columns())
    queries: dict[str, Query] = {}
    problems: list[str] = []
    for name, path in paths.items():
        try:
            queries[name] = _read_query(name, path, known)
        except GraphError as error:
            problems += error.problems
    if not problems:
        problems = _cycles(queries)
    if problems:
        raise GraphError(problems)
    return Graph(queries, dictionary)


def _read_query(name: str, path: Path, known: set[str]) -> Query:
    sql = path.read_text(encoding="utf-8")
    where = f"sql/{path.parent.name}/{path.name}"
    tree = _parse(sql, where)
    reads = sorted({f"{table.db}.{table.name}" for table in _tables(tree) if table.db})
    problems = [*_complaints(name, tree, reads, known), *chance(tree)]
    if name.startswith("engagement."):
        problems += unportable(tree)
    if problems:
        raise GraphError([f"{where}: {problem}" for problem in problems])
    query = Query(name, path, sql, tuple(reads), settings_read(tree))
    vars(query)["tree"] = tree  # it need not be parsed again
    return query


def _parse(sql: str, where: str) -> exp.Query:
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


def _sorter(queries: Mapping[str, Query]) -> TopologicalSorter[str]:
    return TopologicalSorter({name: [r for r in query.reads if r in queries] for name, query in queries.items()})


def _in_order(queries: Mapping[str, Query]) -> list[str]:
    sorter, order = _sorter(queries), list[str]()
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda name: (LAYERS[name.split(".")[0]], name))
        order += ready
        sorter.done(*ready)
    return order


def _cycles(queries: Mapping[str, Query]) -> list[str]:
    try:
        _sorter(queries).prepare()
    except CycleError as error:
        return [f"these tables read each other in a circle: {' → '.join(error.args[1])}"]
    return []


def _column_lineage(query: Query, schema: MappingSchema) -> Lineage:
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
