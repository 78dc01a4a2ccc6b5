"""One asset a table: every SQL file is one, found by its name, with its lineage read from the SQL."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.assets.boundary import without_values
from pipelines.assets.ingest import rows_key
from pipelines.assets.night_resource import NightResource
from pipelines.quality.answers import load_answers
from pipelines.quality.audit_chain import AUDIT_TRAIL, write_audit_trail
from pipelines.quality.check_table import write_check_results
from pipelines.quality.judge import CheckResult, judge
from pipelines.quality.report_tables import REPORT_TABLES, write_report_table
from pipelines.safety.acknowledgement import load_acknowledgements
from pipelines.study.check import Check, load_checks
from pipelines.validation.deliveries import all_deliveries
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.checks import SUBJECTS, Finding, duplicate_keys, rows_without_subject
from pipelines.warehouse.database import build_file, open_build
from pipelines.warehouse.dictionary import Table
from pipelines.warehouse.graph import Graph, load_graph
from schemas.feeds import FEEDS

INPUTS = dg.AssetKey(["input", "deliveries"])
CHECK_RESULT = "quality.check_result"
CHECK_METRICS = ("quality.metric", "quality.arrival")
MADE_IN_PYTHON = (CHECK_RESULT, AUDIT_TRAIL, *REPORT_TABLES)
GIVEN = ("study", "input")  # layers that the build starts with


def key_of(table: str) -> dg.AssetKey:
    return dg.AssetKey(table.split("."))


def table_assets() -> list[dg.AssetsDefinition]:
    """The inputs, a table for each SQL file, and the verdicts."""
    graph = load_graph()
    return [
        _inputs(),
        *(_table(graph, name) for name in graph.order),
        _audit_trail(graph.dictionary[AUDIT_TRAIL]),
        _check_result(graph.dictionary[CHECK_RESULT]),
        *(_report_table(graph.dictionary[name]) for name in REPORT_TABLES),
    ]


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


def _table(graph: Graph, name: str) -> dg.AssetsDefinition:
    query, table = graph.queries[name], graph.dictionary[name]

    @dg.asset(
        key=key_of(name),
        deps=sorted({_upstream(read) for read in _needs(graph, name)}),
        group_name=table.layer,
        kinds={"duckdb", "sql"},
        description=f"{table.description}\n\n{query.header}",
        metadata=_column_metadata(table),
        check_specs=_check_specs(table),
    )
    def derived(night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values():
            made = derive(night.workspace, name, graph)
            checks = _judge_table(night, table)
            metadata: dict[str, Any] = {
                "dagster/row_count": made.n_rows,
                "seconds": round(made.seconds, 3),
                "dagster/column_lineage": _lineage(graph, name),
            }
        yield dg.MaterializeResult(metadata=metadata, check_results=checks)

    return derived


def _upstream(table: str) -> dg.AssetKey:
    return INPUTS if table.split(".")[0] in GIVEN else key_of(table)


def _needs(graph: Graph, name: str) -> set[str]:
    """What the SQL reads, and, for an analysis table, the subjects that its rows are checked against."""
    subjects = {SUBJECTS} if graph.dictionary[name].layer == "analysis" else set()
    return {*graph.queries[name].reads, *subjects} - {name}


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
    """What blocks publication: keys that are not unique, analysis rows of nobody."""
    key = key_of(table.table)
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
    with open_build(night.workspace) as con:
        results = [blocking_result("unique_key", duplicate_keys(con, table))]
        if table.layer == "analysis":
            results.append(blocking_result("belongs_to_adsl", rows_without_subject(con, table)))
    return results


def blocking_result(name: str, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=finding.holds,
        severity=dg.AssetCheckSeverity.ERROR,
        description=finding.message,
        metadata={"count": finding.count},
    )


def _audit_trail(table: Table) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(AUDIT_TRAIL),
        deps=[key_of("quality.change")],
        group_name="quality",
        kinds={"duckdb"},
        description=table.description,
        metadata=_column_metadata(table),
        check_specs=_check_specs(table),
    )
    def audit_trail(night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values(), open_build(night.workspace) as con:
            n_rows = write_audit_trail(con, build_file(night.workspace))
        checks = _judge_table(night, table)
        yield dg.MaterializeResult(metadata={"dagster/row_count": n_rows}, check_results=checks)

    return audit_trail


def _check_result(table: Table) -> dg.AssetsDefinition:
    """Verdicts about the data: none of them blocks."""
    checks = load_checks()

    @dg.asset(
        key=key_of(CHECK_RESULT),
        deps=[key_of(name) for name in CHECK_METRICS],
        group_name="quality",
        kinds={"greatexpectations"},
        description=table.description,
        metadata=_column_metadata(table),
        check_specs=[
            dg.AssetCheckSpec(check.name, asset=key_of(CHECK_RESULT), description=check.message) for check in checks
        ],
    )
    def check_result(night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values(), open_build(night.workspace) as con:
            results = judge(con, night.protocol(), checks)
            write_check_results(con, results)
        verdicts = [_verdict(check, [r for r in results if r.check_name == check.name]) for check in checks]
        yield dg.MaterializeResult(metadata={"dagster/row_count": len(results)}, check_results=verdicts)

    return check_result


def _report_table(table: Table) -> dg.AssetsDefinition:
    """A table of the board's report that SQL cannot make."""
    name = table.table

    @dg.asset(
        key=key_of(name),
        deps=[key_of(read) for read in REPORT_TABLES[name].reads],
        group_name="quality",
        kinds={"python"},
        description=table.description,
        metadata=_column_metadata(table),
        check_specs=_check_specs(table),
    )
    def report_table(night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values(), open_build(night.workspace) as con:
            n_rows = write_report_table(con, night.protocol(), name)
        yield dg.MaterializeResult(metadata={"dagster/row_count": n_rows}, check_results=_judge_table(night, table))

    return report_table


def _verdict(check: Check, results: list[CheckResult]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=not any(result.status in ("BROKEN", "ACTION", "WATCH") for result in results),
        severity=dg.AssetCheckSeverity.WARN,
        description=check.message,
        metadata={result.site_id: f"{result.status}: {result.n_failed} of {result.n_checked}" for result in results},
    )
