"""From tonight's tables to what readers see: written aside, verified, switched by one rename."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import dagster as dg

from pipelines.assets.boundary import without_values
from pipelines.assets.made_in_python import MADE_IN_PYTHON
from pipelines.assets.night_resource import NightResource
from pipelines.assets.safety import CLINICIAN_LISTS
from pipelines.assets.table_key import key_of
from pipelines.assets.tables import blocking_result
from pipelines.own_words import in_own_words
from pipelines.quality.audit_ledger import record_nights
from pipelines.quality.pack import record_pack
from pipelines.report.board.write import try_open_report
from pipelines.report.site_lists import write_site_lists
from pipelines.validation.pruning import prune_rows
from pipelines.warehouse.checks import Finding, dictionary_gaps
from pipelines.warehouse.database import open_build
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.publish import publish
from pipelines.warehouse.published import WRITING
from pipelines.warehouse.snapshot import write_snapshot
from pipelines.warehouse.verify import verify_snapshot
from pipelines.workspace import Workspace

DICTIONARY = dg.AssetKey(["meta", "dictionary"])
CANDIDATE = dg.AssetKey(["publication", "candidate"])
SNAPSHOT = dg.AssetKey(["publication", "snapshot"])
PACK = dg.AssetKey(["report", "pack"])
SITE_LISTS = dg.AssetKey(["report", "site_lists"])
OPEN_REPORT = dg.AssetKey(["report", "open_report"])


# By 04:00 UTC, two hours after the schedule, each day needs a snapshot that is not of the day before.
EVERY_NIGHT = dg.FreshnessPolicy.cron(deadline_cron="0 4 * * *", lower_bound_delta=timedelta(hours=24))


def publication_assets(graph: Graph) -> list[dg.AssetsDefinition]:
    """The dictionary of what was built, the snapshot aside, the snapshot published, and what is rendered from it."""
    return [_dictionary(graph), _candidate(), _snapshot(), _pack(), _site_lists(), _open_report()]


def _dictionary(graph: Graph) -> dg.AssetsDefinition:
    @dg.asset(
        key=DICTIONARY,
        deps=[key_of(name) for name in (*graph.order, *MADE_IN_PYTHON)],
        group_name="meta",
        kinds={"yaml"},
        description="What every table and column means, and who may see it (schemas/tables/).",
        check_specs=[
            dg.AssetCheckSpec(
                "complete",
                asset=DICTIONARY,
                blocking=True,
                description="Every table and column that was built is described, typed and marked for blinding.",
            )
        ],
    )
    def dictionary(night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values(), open_build(night.workspace) as con:
            finding = dictionary_gaps(con, graph.dictionary)
        rows = sum(len(table.columns) for table in graph.dictionary.values())
        yield dg.MaterializeResult(
            metadata={"dagster/row_count": rows}, check_results=[blocking_result("complete", finding, DICTIONARY)]
        )

    return dictionary


def _candidate() -> dg.AssetsDefinition:
    @dg.asset(
        key=CANDIDATE,
        deps=[DICTIONARY, CLINICIAN_LISTS],  # nobody is told of a night of which the clinicians were not
        group_name="publication",
        kinds={"duckdb"},
        description="The blinded and the unblinded database with their manifests, still hidden.",
        check_specs=[
            dg.AssetCheckSpec(
                "digests",
                asset=CANDIDATE,
                blocking=True,
                description="Read back from the files, every table has the digest it was written with.",
            )
        ],
    )
    def candidate(night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values():
            folder = write_snapshot(night.workspace, night.protocol(), night.day)
            differences = verify_snapshot(folder)
        finding = Finding(len(differences), "; ".join(differences) or "every digest was computed again and is the same")
        yield dg.MaterializeResult(check_results=[blocking_result("digests", finding, CANDIDATE)])

    return candidate


def _snapshot() -> dg.AssetsDefinition:
    @dg.asset(
        key=SNAPSHOT,
        deps=[CANDIDATE],
        group_name="publication",
        kinds={"duckdb"},
        description="What readers see from now on: `published/current` points at it. Stale when no night published.",
        freshness_policy=EVERY_NIGHT,
    )
    def snapshot(context: dg.AssetExecutionContext, night: NightResource) -> dg.MaterializeResult[None]:
        with without_values():
            (hidden,) = _hidden(night.workspace)
            folder = publish(night.workspace, night.protocol(), hidden)
            record_nights(night.workspace)
            record = night.record(context.run_id)
            record.snapshot_id = folder.name
            record.finish(night.workspace, "published")
            with suppress(OSError):  # what cannot be removed now is removed another night
                prune_rows(night.workspace, night.protocol())
        return dg.MaterializeResult(metadata={"snapshot": folder.name})

    return snapshot


def _pack() -> dg.AssetsDefinition:
    @dg.asset(
        key=PACK,
        deps=[SNAPSHOT],
        group_name="report",
        kinds={"json"},
        description="What the board's report needs beside the snapshot: history by week, why numbers moved, handles.",
        check_specs=[dg.AssetCheckSpec("kept", asset=PACK, description="It could be written.")],
    )
    def pack(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        failure = ""
        with without_values():
            record = night.record(context.run_id)
            try:
                record_pack(night.workspace, night.protocol(), record.snapshot_id or "")
            except Exception as error:  # noqa: BLE001 (the night is published; its report says what it lacks)
                failure = f"The week's history could not be kept: {in_own_words(error)}"
                record.messages.append(failure)
                record.save(night.workspace)
        kept = dg.AssetCheckResult(
            check_name="kept",
            passed=not failure,
            severity=dg.AssetCheckSeverity.WARN,
            description=failure or "the history of weeks is complete",
        )
        yield dg.MaterializeResult(check_results=[kept])

    return pack


def _site_lists() -> dg.AssetsDefinition:
    @dg.asset(
        key=SITE_LISTS,
        deps=[PACK],
        group_name="report",
        kinds={"html"},
        description="Each site's own list of data queries, `reports/latest/sites/<site>/queries.html` and `.csv`.",
        check_specs=[dg.AssetCheckSpec("written", asset=SITE_LISTS, description="Every site's list could be written.")],
    )
    def site_lists(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values():
            record = night.record(context.run_id)
            failures = write_site_lists(night.workspace, night.protocol(), record.snapshot_id or "")
            if failures:
                record.messages += failures
                record.save(night.workspace)
        written = dg.AssetCheckResult(
            check_name="written",
            passed=not failures,
            severity=dg.AssetCheckSeverity.WARN,
            description=" ".join(failures) or "every site has its list",
        )
        yield dg.MaterializeResult(check_results=[written])

    return site_lists


def _open_report() -> dg.AssetsDefinition:
    @dg.asset(
        key=OPEN_REPORT,
        deps=[PACK],
        group_name="report",
        kinds={"html", "pdf"},
        description="The board's open report, `reports/latest/open.html` and `open.pdf`, from the blinded file alone.",
        check_specs=[dg.AssetCheckSpec("written", asset=OPEN_REPORT, description="The report and its PDF were made.")],
    )
    def open_report(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values():
            record = night.record(context.run_id)
            failures = try_open_report(night.workspace, night.protocol(), record.snapshot_id or "")
            if failures:
                record.messages += failures
                record.save(night.workspace)
        written = dg.AssetCheckResult(
            check_name="written",
            passed=not failures,
            severity=dg.AssetCheckSeverity.WARN,
            description=" ".join(failures) or "the report is there, and its PDF",
        )
        yield dg.MaterializeResult(check_results=[written])

    return open_report


def _hidden(workspace: Workspace) -> list[Path]:
    return sorted(workspace.snapshots.glob(f".*{WRITING}"))
