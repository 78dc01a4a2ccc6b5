"""The SQL files as a graph: which table each makes, what it reads, and where each column comes from.

`sql/<layer>/<table>.sql` makes `<layer>.<table>`; nothing else has to be registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.warehouse.dictionary import LAYERS, TABLES, Dictionary, State, load_dictionary, state_of
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.inputs import input_columns
from pipelines.warehouse.study_tables import study_columns

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.schema import MappingSchema

SQL = Path(__file__).parents[2] / "sql"
Source = tuple[str, str]  # table, column
Lineage = dict[str, list[Source]]  # by column, the columns that it is computed from


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
        from pipelines.warehouse.sql_file import parse_select

        return parse_select(self.sql, self.where)

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
            from pipelines.warehouse.sql_file import column_lineage

            self._lineage[name] = column_lineage(self.queries[name], self.schema)
        return self._lineage[name]

    @cached_property
    def schema(self) -> MappingSchema:
        """Every table's columns and types, as sqlglot wants them."""
        from sqlglot.schema import MappingSchema

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
    from pipelines.warehouse.sql_file import read_query

    dictionary = load_dictionary(tables)
    paths = {f"{path.parent.name}.{path.stem}": path for path in sorted(folder.glob("*/*.sql"))}
    known = set(paths) | set(dictionary) | set(study_columns()) | set(input_columns())
    queries: dict[str, Query] = {}
    problems: list[str] = []
    for name, path in paths.items():
        try:
            queries[name] = read_query(name, path, known)
        except GraphError as error:
            problems += error.problems
    if not problems:
        problems = _cycles(queries)
    if problems:
        raise GraphError(problems)
    return Graph(queries, dictionary)


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
