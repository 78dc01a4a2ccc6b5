"""Tonight's tables, built aside where nobody sees them: `store/build/build.duckdb`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import build_file, close_build, create_table, insert_rows, open_build, transaction
from pipelines.warehouse.dictionary import LAYERS, Dictionary, Table, load_dictionary
from pipelines.warehouse.engines import answered, begin_build, on_spark
from pipelines.warehouse.errors import WarehouseError, reason
from pipelines.warehouse.inputs import Acknowledgement, Answer, Delivery, create_inputs
from pipelines.warehouse.kept import LAYER as KEPT
from pipelines.warehouse.kept import forget, note_given, parts_read, reopen, take_over
from pipelines.warehouse.quoting import identifier
from pipelines.warehouse.study_tables import create_study_tables
from pipelines.warehouse.touched import People, note_row_files
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.warehouse.graph import Graph, Query

_INTEGERS = r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?"
_WIDENED = {  # declared type → types that may stand in for it: the same values in another width
    "BIGINT": re.compile(_INTEGERS),
    "DOUBLE": re.compile(rf"FLOAT|DECIMAL\(.*\)|{_INTEGERS}"),
}
_NAMES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", '"NULL"': "NULL"}


@dataclass(frozen=True)
class Derived:
    """What came of one SQL file; `changed` where the table holds something else than the last night, `n_touched` where
    only so many people's rows were made anew."""

    table: str
    n_rows: int
    seconds: float
    taken_over: bool
    changed: bool
    n_touched: int | None = None


def start_build(
    workspace: Workspace,
    protocol: Protocol,
    deliveries: Iterable[Delivery],
    as_of: date,
    answers: Iterable[Answer] = (),
    acknowledgements: Iterable[Acknowledgement] = (),
) -> Path:
    """The build database with the protocol (`study.*`), and what was delivered, answered and acknowledged (`input.*`).

    It is last night's, whose tables are taken over where they are what tonight's would be, or a fresh one.
    """
    import duckdb

    known = list(deliveries)
    close_build(workspace)
    begin_build(workspace)
    if not reopen(workspace):
        close_build(workspace)
        effects.remove(workspace.build)
        effects.make_directory(workspace.build)
    file = build_file(workspace)
    try:
        with open_build(workspace) as con:
            effects.settle(file, effects.PRIVATE_FILE)
            with transaction(con):  # at each of two hundred small statements the disk would be waited for
                for given in (layer for layer, rank in LAYERS.items() if rank == 0):
                    effects.execute(con, f"DROP SCHEMA IF EXISTS {identifier(given)} CASCADE", file=file)
                for layer in (*LAYERS, KEPT):
                    effects.execute(con, f"CREATE SCHEMA IF NOT EXISTS {identifier(layer)}", file=file)
                create_study_tables(con, protocol, as_of, code_version(), file=file)
                create_inputs(con, known, answers, acknowledgements, file=file)
                note_given(con, file=file)
                note_row_files(con, {d.receipt.delivery_id: d.rows.accepted for d in known}, file=file)
    except duckdb.Error as error:
        raise WarehouseError(f"the build could not be started: {reason(error)}") from None
    return file


def derive(workspace: Workspace, name: str, graph: Graph | None = None) -> Derived:
    """Run the SQL file of table `name` in the build database, where the table is not already what would come of it.

    Raises WarehouseError when the columns are not those of the dictionary, in its order, or DuckDB refuses.
    """
    import duckdb

    from pipelines.warehouse.graph import load_graph

    graph = graph or load_graph()
    query, started, file = graph.queries[name], time.perf_counter(), build_file(workspace)
    table = graph.dictionary.get(name)
    rule = repr((query.sql, table and (table.types, table.materialise, table.person, table.by_person)))
    try:
        with open_build(workspace) as con:
            view = table is not None and table.materialise == "view"
            asked = query

            def make() -> None:
                nonlocal asked
                asked = answered(workspace, con, query)
                effects.execute(con, _statement(asked, table), file=file)
                if view:
                    mend("")

            def mend(columns: str) -> bool:
                """To ask the SQL for its columns beforehand would plan it twice for each table."""
                if table is None or _are_of(con, table, columns):
                    return False
                effects.execute(con, _statement(asked, table, _cast_columns(con, asked, table)), file=file)
                return True

            people = None
            if table is not None and table.person:
                people = People(con, table, query.reads, graph.dictionary, lambda: _select(query), file)
            anew = on_spark(workspace, query)  # what it answers lies in files that another night does away with
            reads = parts_read(query)
            made = take_over(con, name, reads, rule, make, file=file, anew=anew, people=people, is_view=view, mend=mend)
    except duckdb.Error as error:
        raise WarehouseError(f"sql/{query.layer}/{query.path.name} could not be run: {reason(error)}") from None
    return Derived(name, made.n_rows, time.perf_counter() - started, made.taken_over, made.changed, made.n_touched)


def put_rows(
    workspace: Workspace, name: str, rows: Iterable[Sequence[Any]], dictionary: Dictionary | None = None
) -> int:
    """Make the table `name` of the dictionary out of rows computed in Python; returns how many."""
    import duckdb

    table = (dictionary or load_dictionary())[name]
    file = build_file(workspace)
    try:
        with open_build(workspace) as con:
            forget(con, name, file=file)
            create_table(con, name, table.types, file=file)
            return insert_rows(con, name, rows, file=file)
    except duckdb.Error as error:
        raise WarehouseError(f"{name} could not be written: {reason(error)}") from None


def _statement(query: Query, table: Table | None, columns: str = "*") -> str:
    kind = "VIEW" if table is not None and table.materialise == "view" else "TABLE"
    return f"CREATE OR REPLACE {kind} {identifier(query.name)} AS {_select(query, columns)}"


def _select(query: Query, columns: str = "*") -> str:
    inner = query.sql.rstrip().rstrip(";")
    return f"SELECT {columns} FROM (\n{inner}\n) AS made"  # noqa: S608


def _are_of(con: Any, table: Table, columns: str) -> bool:
    """Whether what was made has the columns of the dictionary; `columns` are what DuckDB wrote of it, or nothing."""
    declared = list(table.types.items())
    plain = columns.replace('"', "").replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    known = plain == f"STRUCT({', '.join(map(' '.join, declared))})"
    return known or _columns(con, identifier(table.table)) == declared


def _cast_columns(con: Any, query: Query, table: Table) -> str:
    """The dictionary's columns, each cast to its type where only the width differs."""
    made = dict(_columns(con, f"({_select(query)})"))
    _same_columns(table, list(made))
    wrong = [
        f"{name} is {made[name]}, the dictionary says {kind}"
        for name, kind in table.types.items()
        if not _fits(made[name], kind)
    ]
    if wrong:
        raise WarehouseError(f"{table.table}: {'; '.join(wrong)}")
    return ", ".join(f"CAST({identifier(n)} AS {kind}) AS {identifier(n)}" for n, kind in table.types.items())


def _columns(con: Any, selected: str) -> list[tuple[str, str]]:
    """The columns of a table or query with their types, in their order."""
    described = con.execute(f"DESCRIBE SELECT * FROM {selected}").fetchall()  # noqa: S608
    return [(str(row[0]), _NAMES.get(str(row[1]), str(row[1]))) for row in described]


def _same_columns(table: Table, made: list[str]) -> None:
    declared = list(table.columns)
    if made == declared:
        return
    parts = [
        f"{verb} {', '.join(names)}"
        for verb, names in (
            ("the SQL lacks", [name for name in declared if name not in made]),
            ("the dictionary lacks", [name for name in made if name not in declared]),
        )
        if names
    ]
    said = "; ".join(parts) or f"the order differs: the SQL has {', '.join(made)}"
    raise WarehouseError(f"{table.table}: columns differ from schemas/tables: {said}")


def _fits(made: str, declared: str) -> bool:
    if made in (declared, "NULL"):
        return True
    wider = _WIDENED.get(declared)
    return wider is not None and wider.fullmatch(made) is not None
