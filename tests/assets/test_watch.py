"""Runs that Dagster started are recorded, shown and told of as the command line's nights are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.assets import ingest
from pipelines.assets.code_location import definitions_of
from pipelines.assets.jobs import every_site
from pipelines.assets.names import NIGHTLY
from pipelines.assets.outcome import what_went_wrong
from pipelines.assets.run_records import BY_COMMAND_LINE, DAGSTER_SETTINGS
from pipelines.assets.watch import record_failure
from pipelines.night import Night, load_night
from pipelines.study.load import SCHEMAS
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace
from tests.notices.servers import WebServer, web_server

CANARY = "Zx9Qcanary"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("watch") / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    return workspace


@pytest.fixture(scope="module")
def definitions(workspace: Workspace) -> dg.Definitions:
    return definitions_of(workspace)


@pytest.fixture(scope="module")
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


@pytest.fixture(scope="module")
def failed_run(workspace: Workspace, definitions: dg.Definitions, instance: dg.DagsterInstance) -> dg.DagsterRun:
    """A night whose first step fails over something that must not be repeated."""

    def fail(*_given: object) -> None:
        raise ValueError(CANARY)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ingest, "receive", fail)
        result = definitions.resolve_job_def(NIGHTLY).execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=every_site(workspace.protocol().study),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.status is dg.DagsterRunStatus.FAILURE
    return run


@pytest.fixture
def web(workspace: Workspace) -> Iterator[WebServer]:
    with web_server() as server:
        workspace.deployment_file.write_text(f"notices: {{webhook: [{{url: '{server.url}'}}]}}\n")
        yield server
        workspace.deployment_file.unlink()


def test_a_night_that_failed_is_recorded_shown_and_told(
    workspace: Workspace,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    failed_run: dg.DagsterRun,
    web: WebServer,
) -> None:
    failures = [e.dagster_event for e in instance.all_logs(failed_run.run_id) if e.dagster_event]
    (event,) = [e for e in failures if e.event_type is dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context("failed", event, instance, failed_run).for_run_failure()
    sensor = definitions.resolve_sensor_def("failed")
    sensor(context)
    night = load_night(workspace, failed_run.run_id)
    assert night is not None and night.outcome == "failed" and night.finished_at
    assert night.messages[0].startswith("Not published: landing__deliveries: ValueError at assets/ingest.py")
    page = (workspace.reports / "latest" / "status.html").read_text(encoding="utf-8")
    assert "failed, and readers see the night before" in page
    ((content, _),) = web.posts
    assert content["occasion"] == "failed" and content["run_id"] == failed_run.run_id
    assert CANARY not in page + str(content) + str(night)


def test_a_night_that_died_before_it_wrote_anything_is_recorded(
    workspace: Workspace, instance: dg.DagsterInstance, failed_run: dg.DagsterRun
) -> None:
    (workspace.nights / f"{failed_run.run_id}.json").unlink(missing_ok=True)
    record_failure(workspace, instance, failed_run)
    night = load_night(workspace, failed_run.run_id)
    assert night is not None and night.outcome == "failed" and night.started_at and night.as_of


@pytest.mark.parametrize(("was", "becomes"), [("published", "published"), ("held_back", "held_back")])
def test_what_was_published_stays_published(
    workspace: Workspace, instance: dg.DagsterInstance, failed_run: dg.DagsterRun, was: str, becomes: str
) -> None:
    """A report that could not be made does not take a snapshot back."""
    night = Night(failed_run.run_id, "2026-07-20T02:00:00+00:00", "2026-07-20", [], outcome=was)  # type: ignore[arg-type]
    night.save(workspace)
    record_failure(workspace, instance, failed_run)
    after = load_night(workspace, failed_run.run_id)
    assert after is not None and after.outcome == becomes
    assert not any(message.startswith("Not published") for message in after.messages)


def test_a_blocking_check_that_failed_holds_the_night_back() -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("unique_key", asset="table", blocking=True)])
    def table():  # type: ignore[no-untyped-def]
        failed = dg.AssetCheckResult(check_name="unique_key", passed=False, description="3 keys twice")
        return dg.MaterializeResult(check_results=[failed])

    result = dg.materialize([table], raise_on_error=False, instance=dg.DagsterInstance.ephemeral())
    assert what_went_wrong(result.all_events) == (
        "held_back",
        ["Not published: the check `unique_key` of table failed. 3 keys twice"],
    )


def test_a_night_that_never_began_is_told_while_dagster_runs(
    workspace: Workspace, definitions: dg.Definitions, web: WebServer
) -> None:
    for path in workspace.nights.glob("*.json"):
        path.unlink()
    Night("old", "2026-07-18T02:00:00+00:00", "2026-07-18", [], outcome="published").save(workspace)
    sensor = definitions.resolve_sensor_def("night_missing")
    for _ in range(2):
        tick = sensor.evaluate_tick(dg.build_sensor_context(repository_def=definitions.get_repository_def()))
        assert not tick.run_requests
    assert [content["occasion"] for content, _ in web.posts] == ["missing"]
    assert "NO DATA" in (workspace.reports / "latest" / "status.html").read_text(encoding="utf-8")


def test_all_that_watches_is_on(definitions: dg.Definitions) -> None:
    for name in ("drops", "failed", "published", "night_missing"):
        assert definitions.resolve_sensor_def(name).default_status is dg.DefaultSensorStatus.RUNNING, name
    assert definitions.resolve_schedule_def("every_night").default_status is dg.DefaultScheduleStatus.RUNNING


def test_runs_are_monitored_and_only_those_whose_process_died_begun_again(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(DAGSTER_SETTINGS)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_monitoring_enabled and instance.run_monitoring_max_runtime_seconds == 21600
        assert instance.run_retries_enabled and instance.run_retries_max_retries == 1
        assert not instance.run_retries_retry_on_asset_or_op_failure and not instance.telemetry_enabled
        assert "FRESHNESS_DAEMON" in instance.get_required_daemon_types()
    assert BY_COMMAND_LINE["dagster/max_retries"] == "0", "whoever typed the command tries again"
