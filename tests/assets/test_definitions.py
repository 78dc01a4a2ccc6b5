"""What Dagster is told: an asset for every table, blocking checks, a schedule over all sites, a sensor for drops."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from pipelines.assets.code_location import definitions_of
from pipelines.assets.made_in_python import MADE_IN_PYTHON, METRIC
from pipelines.assets.names import INGEST, NIGHTLY
from pipelines.assets.tables import _in_order, _needs
from pipelines.deployment.settings import Deployment
from pipelines.own_words import in_own_words
from pipelines.quality.check_table import CHECK_RESULT
from pipelines.quality.report_tables import REPORT_TABLES
from pipelines.study.check import load_checks
from pipelines.study.load import SCHEMAS
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.dictionary import load_dictionary
from pipelines.warehouse.graph import SQL, load_graph
from pipelines.warehouse.graph_facts import kept_graph
from pipelines.workspace import Workspace
from schemas.feeds import FEEDS


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("definitions") / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    return workspace


@pytest.fixture(scope="module")
def definitions(workspace: Workspace) -> dg.Definitions:
    return definitions_of(workspace)


@pytest.fixture(scope="module")
def graph_of_assets(definitions: dg.Definitions) -> dg.AssetSelection:
    return definitions.resolve_asset_graph()  # type: ignore[return-value]


def test_every_sql_file_is_an_asset_and_nothing_else_has_to_be_registered(graph_of_assets) -> None:  # type: ignore[no-untyped-def]
    keys = {key.to_user_string() for key in graph_of_assets.get_all_asset_keys()}
    files = {f"{path.parent.name}/{path.stem}" for path in SQL.glob("*/*.sql")}
    assert files <= keys
    assert keys - files == {
        *(f"site/{site}" for site in ("oxford", "hong_kong", "miyazaki")),
        "landing/deliveries",
        *(f"rows/{feed}" for feed in FEEDS),
        "input/deliveries",
        "quality/audit_trail",
        "quality/check_result",
        "meta/dictionary",
        "safety/clinician_lists",
        "publication/candidate",
        "publication/snapshot",
        "report/pack",
        "report/site_lists",
        "report/open_report",
        *(name.replace(".", "/") for name in REPORT_TABLES),
    }


def test_every_published_table_blocks_on_its_key_and_every_analysis_table_on_its_subjects(graph_of_assets) -> None:  # type: ignore[no-untyped-def]
    blocking = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph_of_assets.asset_check_keys
        if graph_of_assets.get_check_spec(key).blocking
    }
    graph = load_graph()
    tables = [name for name in graph.queries if graph.dictionary[name].published]
    expected = {(name.replace(".", "/"), "unique_key") for name in tables}
    expected |= {(name.replace(".", "/"), "belongs_to_adsl") for name in tables if name.startswith("analysis.")}
    expected |= {(f"rows/{feed}", "conservation") for feed in FEEDS}
    expected |= {("quality/audit_trail", "unique_key")}
    expected |= {(name.replace(".", "/"), "unique_key") for name in REPORT_TABLES}
    expected |= {("meta/dictionary", "complete"), ("publication/candidate", "digests")}
    assert blocking == expected


def test_what_is_judged_is_made_first_and_what_waits_for_the_verdicts_last() -> None:
    graph = kept_graph()
    order = _in_order(graph)
    assert sorted(order) == sorted([*graph.order, *MADE_IN_PYTHON])
    place = {name: n for n, name in enumerate(order)}
    assert all(place[read] < place[name] for name in order for read in _needs(graph, name) if read in place)
    waiting = [name for name in order if place[name] >= place[CHECK_RESULT]]
    assert all(name == CHECK_RESULT or _needs(graph, name) & set(waiting) for name in waiting)
    between = order[place[METRIC] + 1 : place[CHECK_RESULT]]
    assert between, "while these are made, what is judged is judged"


def test_verdicts_about_data_never_block(graph_of_assets) -> None:  # type: ignore[no-untyped-def]
    verdicts = [k for k in graph_of_assets.asset_check_keys if k.asset_key.to_user_string() == "quality/check_result"]
    assert {key.name for key in verdicts} == {check.name for check in load_checks()}
    assert not any(graph_of_assets.get_check_spec(key).blocking for key in verdicts)


def test_sites_are_the_partitions_of_what_is_taken_in(graph_of_assets) -> None:  # type: ignore[no-untyped-def]
    for name in ("landing/deliveries", *(f"rows/{feed}" for feed in FEEDS)):
        partitions = graph_of_assets.get(dg.AssetKey(name.split("/"))).partitions_def
        assert partitions.get_partition_keys() == ["oxford", "hong_kong", "miyazaki"]


def test_assets_carry_description_columns_and_group(graph_of_assets) -> None:  # type: ignore[no-untyped-def]
    dictionary = load_dictionary()
    for name in load_graph().queries:
        node = graph_of_assets.get(dg.AssetKey(name.split(".")))
        assert node.group_name == name.split(".")[0]
        first, _, more = dictionary[name].description.partition(". ")
        said = node.description.replace("\n", " ")
        assert first.partition(":")[0].rstrip(".") in said and more.replace("\n", " ").strip() in said, name
        assert said.count(first) <= 1, f"{name} says its first sentence twice"
        columns = node.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == list(dictionary[name].columns)


def test_every_asset_has_an_owner_a_group_and_a_description(graph_of_assets) -> None:  # type: ignore[no-untyped-def]
    for key in graph_of_assets.get_all_asset_keys():
        node = graph_of_assets.get(key)
        assert node.owners and node.group_name not in (None, "default") and node.description, key
        assert node.kinds, key


def test_owners_are_those_whom_the_settings_name(workspace: Workspace) -> None:
    named = Deployment(owners={"analysis": ["stats@example.org"]})
    graph = definitions_of(workspace, named).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["analysis", "adsl"])).owners == ["stats@example.org"]
    assert graph.get(dg.AssetKey(["safety", "alert"])).owners == ["team:clinical_safety"]


def test_the_snapshot_is_stale_when_no_night_published(graph_of_assets) -> None:  # type: ignore[no-untyped-def]
    policy = graph_of_assets.get(dg.AssetKey(["publication", "snapshot"])).freshness_policy
    assert policy.deadline_cron == "0 4 * * *" and policy.lower_bound_delta.days == 1


def test_the_nightly_runs_every_site_in_one_process(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def(NIGHTLY)
    assert job.executor_def.name == "in_process"
    tick = definitions.resolve_schedule_def("every_night").evaluate_tick(dg.build_schedule_context())
    (request,) = tick.run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == "oxford"
    assert request.tags["dagster/asset_partition_range_end"] == "miyazaki"


def test_the_sensor_starts_the_ingest_of_the_site_that_dropped_something(
    definitions: dg.Definitions, workspace: Workspace
) -> None:
    sensor = definitions.resolve_sensor_def("drops")
    drop = workspace.landing / "hong_kong" / "usage" / "a.csv"
    drop.write_text("x\n")
    assert not sensor.evaluate_tick(
        dg.build_sensor_context(repository_def=definitions.get_repository_def())
    ).run_requests, "it has not stood still yet"
    text = workspace.study_file.read_text(encoding="utf-8").replace("settle_seconds: 600", "settle_seconds: 0")
    workspace.study_file.write_text(text, encoding="utf-8")
    first = (
        sensor.evaluate_tick(dg.build_sensor_context(repository_def=definitions.get_repository_def())).run_requests
        or []
    )
    again = (
        sensor.evaluate_tick(dg.build_sensor_context(repository_def=definitions.get_repository_def())).run_requests
        or []
    )
    assert [request.partition_key for request in first] == ["hong_kong"]
    assert [request.run_key for request in first] == [request.run_key for request in again]
    drop.write_text("y\nz\n")
    changed = (
        sensor.evaluate_tick(dg.build_sensor_context(repository_def=definitions.get_repository_def())).run_requests
        or []
    )
    assert changed[0].run_key != first[0].run_key
    assert sensor.job_name == INGEST


def test_without_a_valid_study_file_the_definitions_are_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import importlib

    monkeypatch.setenv("ICT_TRIAL_WORKSPACE", str(tmp_path))
    (tmp_path / "study.yaml").write_text("study: x\n")
    import pipelines.definitions

    module = importlib.reload(pipelines.definitions)
    assert not list(module.definitions.resolve_asset_graph().get_all_asset_keys())
    assert "study.yaml, line 1: `title` is required and missing" in caplog.text


def test_a_foreign_error_keeps_its_words_to_itself() -> None:
    assert "CANARY" not in in_own_words(ValueError("CANARY of a participant"))
    assert (
        in_own_words(OSError(28, "No space left on device", "store/build")) == "No space left on device (store/build)"
    )
