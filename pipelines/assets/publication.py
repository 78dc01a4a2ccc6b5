"""From tonight's tables to what readers see: written aside, verified, switched by one rename."""

from collections.abc import Callable, Iterator
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
from pipelines.quality.audit_ledger import record_nights
from pipelines.quality.pack import try_record_pack
from pipelines.report.board.pdf import DRAWER
from pipelines.report.board.write import begin_open_report, try_open_report
from pipelines.report.packs import show_pack
from pipelines.report.site_lists import write_site_lists
from pipelines.validation.pruning import prune_rows
from pipelines.warehouse.checks import Finding, dictionary_gaps
from pipelines.warehouse.database import open_build
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.kept import begin_to_keep, keep_begun
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
PRIORITY_TAG = "dagster/priority"


# By 04:00 UTC, two hours after the schedule, each day needs a snapshot that is not of the day before.
EVERY_NIGHT = dg.FreshnessPolicy.cron(deadline_cron="0 4 * * *", lower_bound_delta=timedelta(hours=24))


def publication_assets(graph: Graph) -> list[dg.AssetsDefinition]:
    """The dictionary of what was built, the snapshot aside, the snapshot published, and what is rendered from it."""
    return [_dictionary(graph), _candidate(graph), _snapshot(), *_for_people()]


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


def _candidate(graph: Graph) -> dg.AssetsDefinition:
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
                description="Read back from the files, every table holds the rows that its digest was computed of.",
            )
        ],
    )
    def candidate(night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values():
            written = write_snapshot(night.workspace, night.protocol(), night.day, graph.dictionary, keep=False)
            differences = verify_snapshot(written.folder, written.rows)
        finding = Finding(len(differences), "; ".join(differences) or "every table was read back and is the same")
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


def _for_people() -> list[dg.AssetsDefinition]:
    """What is made of a published snapshot. What goes wrong there is told, and takes back nothing that is published."""
    return [
        _made_of_snapshot(
            PACK,
            after=SNAPSHOT,
            kinds={"json"},
            description="What the board's report needs beside the snapshot: weeks, why numbers moved, handles.",
            check=("kept", "It could be written.", "the history of weeks is complete"),
            make=_record_pack,
        ),
        _made_of_snapshot(
            SITE_LISTS,
            after=PACK,
            kinds={"html"},
            description="Each site's own list of data queries, `reports/latest/sites/<site>/queries.html` and `.csv`.",
            check=("written", "Every site's list could be written.", "every site has its list"),
            make=_site_lists,
            first=True,  # while the report's PDF is drawn, with which the pack is whole
        ),
        _made_of_snapshot(
            OPEN_REPORT,
            after=PACK,
            kinds={"html", "pdf"},
            description="The board's report, `reports/latest/open.html` and `open.pdf`, from the blinded file alone.",
            check=("written", "The report and its PDF were made.", "the report is there, and its PDF"),
            make=_open_report,
        ),
    ]


def _record_pack(night: NightResource, snapshot_id: str) -> list[str]:
    """Readers have the snapshot: the report can be begun, and the build be closed, which `_site_lists` keeps."""
    said = try_record_pack(night.workspace, night.protocol(), snapshot_id)
    _begin_report(night, snapshot_id)
    begin_to_keep(night.workspace)
    return said


def _site_lists(night: NightResource, snapshot_id: str) -> list[str]:
    """Meanwhile the bytes of the closed build are read, of which the next night goes on."""
    said = write_site_lists(night.workspace, night.protocol(), snapshot_id)
    keep_begun(night.workspace)
    return said


def _begin_report(night: NightResource, snapshot_id: str) -> None:
    """Of all that is still to do the report's PDF takes the longest: it is drawn while the rest is done."""
    if DRAWER.waits:
        with suppress(Exception):  # what is wrong the report itself will say
            night.begun[snapshot_id] = begin_open_report(night.workspace, night.protocol(), snapshot_id)


def _open_report(night: NightResource, snapshot_id: str) -> list[str]:
    said = try_open_report(night.workspace, night.protocol(), snapshot_id, night.begun.get(snapshot_id))
    return [*said, *show_pack(night.workspace, snapshot_id)]


def _made_of_snapshot(
    key: dg.AssetKey,
    *,
    after: dg.AssetKey,
    kinds: set[str],
    description: str,
    check: tuple[str, str, str],
    make: Callable[[NightResource, str], list[str]],
    first: bool = False,
) -> dg.AssetsDefinition:
    """An asset that `make` makes, which returns what went wrong. `check`: its name, what it means, and what it says
    when nothing did. `first`: before the others that could be made at the same time."""
    name, meaning, fine = check

    @dg.asset(
        key=key,
        deps=[after],
        group_name="report",
        op_tags={PRIORITY_TAG: "1"} if first else None,
        kinds=kinds,
        description=description,
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=meaning)],
    )
    def made(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values():
            record = night.record(context.run_id)
            failures = make(night, record.snapshot_id or "")
            if failures:
                record.messages += failures
                record.save(night.workspace)
        result = dg.AssetCheckResult(
            check_name=name,
            passed=not failures,
            severity=dg.AssetCheckSeverity.WARN,
            description=" ".join(failures) or fine,
        )
        yield dg.MaterializeResult(check_results=[result])

    return made


def _hidden(workspace: Workspace) -> list[Path]:
    return sorted(workspace.snapshots.glob(f".*{WRITING}"))
