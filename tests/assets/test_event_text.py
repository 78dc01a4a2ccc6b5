"""The text of an event: what Dagster itself would have written."""

from collections.abc import Iterator

import dagster as dg
from dagster._serdes import serialize_value

from pipelines.assets.event_text import text_of

LINEAGE = dg.TableColumnLineage({"id": [dg.TableColumnDep(dg.AssetKey(["raw", "rows"]), "id")], "n": []})
SCHEMA = dg.TableSchema([dg.TableColumn("id", "VARCHAR", "Ünique", tags={"kept": ""}), dg.TableColumn("n", "BIGINT")])


@dg.multi_asset(
    specs=[dg.AssetSpec("first", metadata={"dagster/column_schema": SCHEMA}), dg.AssetSpec("second", deps=["first"])],
    check_specs=[dg.AssetCheckSpec("fits", asset="first")],
)
def tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    context.log.info("one word\nand another, “quoted”")
    check = dg.AssetCheckResult(asset_key="first", check_name="fits", passed=False, severity=dg.AssetCheckSeverity.WARN)
    yield dg.MaterializeResult(
        asset_key="first",
        metadata={"dagster/row_count": 3, "seconds": 0.25, "taken over": True, "dagster/column_lineage": LINEAGE},
        check_results=[check],
    )
    yield dg.MaterializeResult(
        asset_key="second",
        tags={"of": "this"},
        metadata={
            "schema": SCHEMA,
            "file": dg.MetadataValue.path("a/b"),
            "found": dg.MetadataValue.json({"n": [1, None]}),
            "at": dg.MetadataValue.timestamp(0.0),
            "nothing": None,
        },
    )


@dg.asset(deps=["second"])
def broken() -> None:
    raise ValueError("not tonight")


def test_every_event_of_a_run_is_written_as_dagster_writes_it() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([tables, broken], instance=instance, raise_on_error=False)
        events = instance.all_logs(run.run_id)
    kinds = {event.dagster_event.event_type for event in events if event.dagster_event}
    assert {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.STEP_FAILURE} < kinds
    assert [text_of(event) for event in events] == [serialize_value(event) for event in events]
