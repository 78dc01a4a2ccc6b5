"""The settings files of docs/deployment/, loaded with the classes that will read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config
from dagster_celery import celery_executor
from dagster_k8s import K8sRunLauncher, k8s_job_executor
from dagster_postgres import DagsterPostgresStorage
from kubernetes.client import ApiClient

from pipelines.assets.code_location import definitions_of
from pipelines.assets.executor import ExecutorError, ingest_executor
from pipelines.assets.names import INGEST, NIGHTLY
from pipelines.deployment.settings import Deployment, Ingest, load_deployment
from pipelines.study.load import SCHEMAS
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace

FILES = Path(__file__).parents[2] / "docs" / "deployment"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    return workspace


def instance_settings() -> dict[str, Any]:
    settings, _ = dagster_instance_config(str(FILES))
    return dict(settings)


def test_dagster_takes_the_settings_of_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICT_TRIAL_DAGSTER_DB", "postgresql://dagster@db.example.org/dagster")
    settings = instance_settings()
    assert settings["run_monitoring"]["enabled"] and settings["freshness"]["enabled"]
    assert not settings["run_retries"]["retry_on_asset_or_op_failure"] and not settings["telemetry"]["enabled"]
    storage = process_config(DagsterPostgresStorage.config_type(), settings["storage"]["postgres"])
    assert storage.success and storage.value["postgres_url"].startswith("postgresql://")


def test_every_run_is_a_job_of_kubernetes_with_the_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = instance_settings()["run_launcher"]
    assert (launcher["module"], launcher["class"]) == ("dagster_k8s", K8sRunLauncher.__name__)
    judged = process_config(K8sRunLauncher.config_type(), launcher["config"])
    assert judged.success, judged.errors
    assert judged.value["volume_mounts"] == [{"name": "trial", "mountPath": "/trial"}]


def test_the_queue_and_the_logs_are_dagsters_own() -> None:
    for part in ("run_coordinator", "compute_logs"):
        settings = instance_settings()[part]
        made = dg._serdes.ConfigurableClassData(  # type: ignore[attr-defined]
            settings["module"], settings["class"], yaml.safe_dump(settings.get("config", {}))
        ).rehydrate(as_type=object)
        assert type(made).__name__ == settings["class"]


def test_a_site_has_one_ingest_at_a_time_and_the_sites_theirs_at_once() -> None:
    queue = instance_settings()["run_coordinator"]["config"]
    assert queue["max_concurrent_runs"] > 1
    (limit,) = queue["tag_concurrency_limits"]
    assert (limit["key"], limit["limit"], limit["value"]["applyLimitPerUniqueValue"]) == ("dagster/partition", 1, True)


def test_the_workspace_names_the_service_of_the_code_location() -> None:
    (served,) = yaml.safe_load((FILES / "workspace.yaml").read_text())["load_from"]
    items = {(item["kind"], item["metadata"]["name"]): item for item in kubernetes_items()}
    service = items["Service", served["grpc_server"]["host"]]
    assert service["spec"]["ports"][0]["port"] == served["grpc_server"]["port"]


def kubernetes_items() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = yaml.safe_load((FILES / "kubernetes.yaml").read_text())["items"]
    return items


@pytest.mark.parametrize("item", kubernetes_items(), ids=lambda item: f"{item['kind']}-{item['metadata']['name']}")
def test_kubernetes_own_classes_take_every_object(item: dict[str, Any]) -> None:
    """All that is said comes back, so nothing in it is misspelt."""
    client = ApiClient()
    made = client._ApiClient__deserialize(item, f"V1{item['kind']}")  # type: ignore[attr-defined]
    assert client.sanitize_for_serialization(made) == item


def test_every_pod_has_the_volume_and_the_same_user() -> None:
    pods = [
        item["spec"].get("jobTemplate", item)["spec"]["template"]["spec"]
        for item in kubernetes_items()
        if item["kind"] in ("Deployment", "CronJob")
    ]
    assert len(pods) == 4
    for pod in pods:
        assert pod["volumes"] == [{"name": "trial", "persistentVolumeClaim": {"claimName": "ict-trial"}}]
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
        assert pod["containers"][0]["volumeMounts"] == [{"name": "trial", "mountPath": "/trial"}]


@pytest.mark.parametrize("name", ["deployment.yaml", "deployment-celery.yaml"])
def test_the_ingest_has_the_executor_and_the_nightly_one_process(workspace: Workspace, name: str) -> None:
    deployment = load_deployment(FILES / name)
    definitions = definitions_of(workspace, deployment)
    assert definitions.resolve_job_def(NIGHTLY).executor_def is dg.in_process_executor
    chosen = definitions.resolve_job_def(INGEST).executor_def
    assert chosen.name == {"deployment.yaml": "in_process", "deployment-celery.yaml": celery_executor.name}[name]


@pytest.mark.parametrize(
    ("ingest", "executor"),
    [
        ({"executor": "k8s_job", "config": {"job_image": "x", "max_concurrent": 4}}, k8s_job_executor),
        ({"executor": "multiprocess"}, dg.multiprocess_executor),
        ({}, dg.in_process_executor),
    ],
)
def test_each_executor_that_may_be_chosen_is_dagsters(ingest: dict[str, Any], executor: dg.ExecutorDefinition) -> None:
    assert ingest_executor(Ingest(**ingest)).name == executor.name


def test_a_configuration_that_does_not_suit_is_told() -> None:
    with pytest.raises(ExecutorError, match=r"does not suit the executor celery: .*brokr"):
        ingest_executor(Ingest(executor="celery", config={"brokr": "x"}))


def test_an_executor_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dagster_k8s", None)
    with pytest.raises(ExecutorError, match=r"pip install 'ict-trial\[cluster\]'"):
        ingest_executor(Ingest(executor="k8s_job"))


def test_without_settings_everything_runs_here(workspace: Workspace) -> None:
    assert workspace.deployment() == Deployment()
