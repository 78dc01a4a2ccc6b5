"""One asset a table: every SQL file is one, found by its name, with its lineage read from the SQL."""

from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg

from pipelines.assets.boundary import without_values
from pipelines.assets.ingest import rows_key
from pipelines.assets.made_in_python import MADE_IN_PYTHON, METRIC, Made
from pipelines.assets.night_resource import NightResource
from pipelines.assets.table_key import key_of
from pipelines.quality.answers import load_answers
from pipelines.quality.check_table import CHECK_RESULT
from pipelines.quality.engine import ENGINE
from pipelines.quality.judge import judge_ahead
from pipelines.report.board.pdf import DRAWER
from pipelines.safety.acknowledgement import load_acknowledgements
from pipelines.validation.deliveries import all_deliveries
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.checks import SUBJECTS, Finding, duplicate_keys, rows_without_subject
from pipelines.warehouse.database import one_thread_a_statement, open_build
from pipelines.warehouse.dictionary import Table
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.side_by_side import side_by_side
from schemas.feeds import FEEDS

INPUTS = dg.AssetKey(["input", "deliveries"])
GIVEN = ("study", "input")  # layers that the build starts with
STEP = "tables"


def table_assets(graph: Graph) -> list[dg.AssetsDefinition]:
    """The inputs, and every table that is derived from them."""
    return [_inputs(), _tables(graph)]


def _inputs() -> dg.AssetsDefinition:
    @dg.asset(
        key=INPUTS,
        deps=[rows_key(feed) for feed in FEEDS],
        group_name="input",
        kinds={"duckdb"},
        description="A fresh build database with the protocol (study.*) and every delivery (input.*) in it.",
    )
    def deliveries(night: NightResource) -> dg.MaterializeResult[None]:
        with without_values():
            resolved = all_deliveries(night.workspace, night.protocol())
            said = load_answers(night.workspace), load_acknowledgements(night.workspace)
            start_build(night.workspace, night.protocol(), resolved, night.day, *said)
        statuses = Counter[str](delivery.status for delivery in resolved)
        return dg.MaterializeResult(metadata={"dagster/row_count": len(resolved), **statuses})

    return deliveries


def _tables(graph: Graph) -> dg.AssetsDefinition:
    """Every table an asset of its own, and all of them one step: a step costs Dagster more than most tables do.

    A table that breaks ends the step; a blocking check that fails, fails it at its end, so that what would have
    been published is not.
    """
    names = _in_order(graph)

    @dg.multi_asset(
        name=STEP,
        specs=[_spec(graph, name) for name in names],
        check_specs=[spec for name in names for spec in _check_specs(graph.dictionary[name])],
        can_subset=True,
    )
    def tables(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        chosen = [name for name in names if key_of(name) in context.selected_asset_keys]
        needs = {name: _needs(graph, name) for name in chosen}
        with one_thread_a_statement(night.workspace):
            # Dagster writes down what is made while more is.
            yield from side_by_side(chosen, needs, lambda name: _made(night, graph, name))

    return tables


def _made(night: NightResource, graph: Graph, name: str) -> dg.MaterializeResult[None]:
    with without_values():
        return _make(night, graph, name)


def _in_order(graph: Graph) -> list[str]:
    """Every derived table, each after all that it needs: first what is judged, last what waits for the verdicts."""
    made = [*graph.order, *MADE_IN_PYTHON]
    needs = {name: _needs(graph, name) for name in made}
    behind: dict[str, set[str]] = {}
    for name in TopologicalSorter({name: sorted(needs[name]) for name in made}).static_order():
        of_it = needs.get(name, set())
        behind[name] = of_it.union(*(behind[read] for read in of_it))
    judged = {METRIC, *behind[METRIC]}

    def turn(name: str) -> int:
        return 0 if name in judged else 2 if CHECK_RESULT in (name, *behind[name]) else 1

    return sorted((name for name in behind if name in needs), key=turn)


def _spec(graph: Graph, name: str) -> dg.AssetSpec:
    table, query = graph.dictionary[name], graph.queries.get(name)
    return dg.AssetSpec(
        key_of(name),
        deps=sorted({_upstream(read) for read in _needs(graph, name)}),
        group_name=table.layer,
        kinds={"duckdb", "sql"} if query else MADE_IN_PYTHON[name].kinds,
        description=_description(table, query.header if query else ""),
        metadata=_column_metadata(table),
    )


def _description(table: Table, header: str) -> str:
    """What the head of the SQL file says, and what the dictionary says beyond that."""
    first, _, more = table.description.partition(". ")
    if header.partition(":")[0].replace("\n", " ") != first.partition(":")[0].rstrip("."):
        return f"{table.description}\n\n{header}".rstrip()
    return f"{header}\n\n{more}" if more and more not in header else header


def _make(night: NightResource, graph: Graph, name: str) -> dg.MaterializeResult[None]:
    if name in MADE_IN_PYTHON:
        made = MADE_IN_PYTHON[name].make(night)
        metadata: dict[str, Any] = {"dagster/row_count": made.n_rows}
    else:
        derived = derive(night.workspace, name, graph)
        made = Made(derived.n_rows)
        if derived.changed:
            _prepare(night, name)
        metadata = {
            "dagster/row_count": derived.n_rows,
            "seconds": round(derived.seconds, 3),
            "taken over": derived.taken_over,
            "dagster/column_lineage": _lineage(graph, name),
        }
    checks = made.verdicts or _judge_table(night, graph.dictionary[name])
    return dg.MaterializeResult(asset_key=key_of(name), metadata=metadata, check_results=checks)


def _prepare(night: NightResource, name: str) -> None:
    """A table holds something else than the last night: there will be something to judge, and a report to draw."""
    ENGINE.load()
    DRAWER.load()
    if name == METRIC:
        with open_build(night.workspace) as con:
            judge_ahead(con, night.protocol())


def _upstream(table: str) -> dg.AssetKey:
    return INPUTS if table.split(".")[0] in GIVEN else key_of(table)


def _needs(graph: Graph, name: str) -> set[str]:
    """What the table is made of, and, for an analysis table, the subjects that its rows are checked against."""
    reads = MADE_IN_PYTHON[name].reads if name in MADE_IN_PYTHON else graph.queries[name].reads
    subjects = {SUBJECTS} if graph.dictionary[name].layer == "analysis" else set()
    return {*reads, *subjects} - {name}


def _column_metadata(table: Table) -> dict[str, Any]:
    columns = [
        dg.TableColumn(name, column.type, f"{column.label}. {column.description} [{column.blinding}]")
        for name, column in table.columns.items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns), "dagster/table_name": table.table}


def _lineage(graph: Graph, name: str) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(key_of(table), source) for table, source in sources]
            for column, sources in graph.column_lineage(name).items()
        }
    )


def _check_specs(table: Table) -> list[dg.AssetCheckSpec]:
    """What blocks publication (keys that are not unique, analysis rows of nobody), and verdicts about the data,
    which never do."""
    key = key_of(table.table)
    in_python = MADE_IN_PYTHON.get(table.table)
    if in_python is not None and in_python.verdicts is not None:
        return in_python.verdicts(key)
    if not table.published:
        return []
    specs = [
        dg.AssetCheckSpec(
            "unique_key", asset=key, blocking=True, description=f"One row for each {', '.join(table.key)}."
        )
    ]
    if table.layer == "analysis":
        specs.append(
            dg.AssetCheckSpec(
                "belongs_to_adsl", asset=key, blocking=True, description="Every row's subject is in analysis.adsl."
            )
        )
    return specs


def _judge_table(night: NightResource, table: Table) -> list[dg.AssetCheckResult]:
    if not table.published:
        return []
    key = key_of(table.table)
    with open_build(night.workspace) as con:
        results = [blocking_result("unique_key", duplicate_keys(con, table), key)]
        if table.layer == "analysis":
            results.append(blocking_result("belongs_to_adsl", rows_without_subject(con, table), key))
    return results


def blocking_result(name: str, finding: Finding, key: dg.AssetKey) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=finding.holds,
        severity=dg.AssetCheckSeverity.ERROR,
        description=finding.message,
        metadata={"count": finding.count},
    )
