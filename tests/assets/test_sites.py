"""Each site is an asset of its own, fresh as long as it sends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions import freshness_evaluator
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.loader import LoadingContextForTest

from pipelines.assets import ingest
from pipelines.assets.code_location import definitions_of
from pipelines.assets.names import INGEST
from pipelines.assets.sites import silent_days, site_assets, site_key
from pipelines.lock import sites_locked
from pipelines.night import nights, overdue_night
from pipelines.study.load import SCHEMAS, Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace

PARTICIPANTS = "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    text = workspace.study_file.read_text(encoding="utf-8").replace("settle_seconds: 600", "settle_seconds: 0")
    workspace.study_file.write_text(text, encoding="utf-8")
    return workspace


def drop(workspace: Workspace, site: str, name: str = "p.csv") -> None:
    row = "001,,,2026-01-01,1990,F,randomised,2026-01-05,\n"
    (workspace.landing / site / "participants" / name).write_text(PARTICIPANTS + row, encoding="utf-8")


def ingest_run(workspace: Workspace, instance: dg.DagsterInstance, site: str) -> dg.ExecuteInProcessResult:
    job = definitions_of(workspace).resolve_job_def(INGEST)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(instance=instance, partition_key=site, raise_on_error=False, run_config=quiet)


def state_of(workspace: Workspace, instance: dg.DagsterInstance, site: str) -> FreshnessState:
    node = definitions_of(workspace).resolve_asset_graph().get(site_key(site))
    evaluator = freshness_evaluator.TimeWindowFreshnessPolicyEvaluator()
    return asyncio.run(evaluator.evaluate_freshness(LoadingContextForTest(instance), node))


def test_a_site_is_late_with_the_source_that_it_sends_most_often(ict_sad: Protocol) -> None:
    oxford = ict_sad.study.site_by_id["oxford"]
    expected = [s.expected_every_days for sources in oxford.feeds.values() for s in sources if s.expected_every_days]
    assert silent_days(oxford) == min(expected) + 1
    assert silent_days(oxford.model_copy(update={"feeds": {}})) is None
    (asset,) = site_assets(ict_sad.study.model_copy(update={"sites": [oxford.model_copy(update={"feeds": {}})]}))
    assert asset.freshness_policy is None and "does not say how often" in (asset.description or "")


def test_the_site_that_stopped_sending_turns_stale_and_the_others_stay_fresh(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = dg.DagsterInstance.ephemeral()
    drop(workspace, "oxford")
    assert ingest_run(workspace, instance, "oxford").success
    assert ingest_run(workspace, instance, "miyazaki").success, "nothing lies there"
    (event,) = instance.fetch_materializations(site_key("oxford"), limit=9).records
    metadata = event.asset_materialization.metadata if event.asset_materialization else {}
    assert metadata["files"].value == 1 and metadata["bytes"].value > 0
    assert state_of(workspace, instance, "oxford") is FreshnessState.PASS
    assert state_of(workspace, instance, "miyazaki") is FreshnessState.UNKNOWN
    later = datetime.now(UTC) + timedelta(days=silent_days(workspace.protocol().study.site_by_id["oxford"]) or 0)
    monkeypatch.setattr(freshness_evaluator, "get_current_timestamp", later.timestamp)
    assert state_of(workspace, instance, "oxford") is FreshnessState.FAIL


def test_what_storage_gets_over_is_tried_again_and_nothing_received_is_lost(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(workspace, "oxford")
    attempts = failing(monkeypatch, [OSError(5, "Input/output error"), OSError(116, "Stale file handle")])
    instance = dg.DagsterInstance.ephemeral()
    result = ingest_run(workspace, instance, "oxford")
    assert result.success and len(attempts) == 3
    (record,) = nights(workspace)
    assert len(record.received) == 1 and len(list(workspace.receipts.glob("*.json"))) == 1
    assert len(instance.fetch_materializations(site_key("oxford"), limit=9).records) == 1


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError(13, "no"), ValueError("CANARY")])
def test_what_will_not_change_is_not_tried_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    attempts = failing(monkeypatch, [error] * 3)
    result = ingest_run(workspace, dg.DagsterInstance.ephemeral(), "oxford")
    assert not result.success and len(attempts) == 1
    assert "CANARY" not in str(result.all_events)


def failing(monkeypatch: pytest.MonkeyPatch, errors: list[Exception]) -> list[int]:
    """Let the look at a site's folder fail so, once it has taken everything in; every attempt is counted."""
    attempts: list[int] = []
    receive = ingest.receive

    def spoilt(*given: object) -> object:
        attempts.append(len(attempts))
        received = receive(*given)  # type: ignore[arg-type]
        if len(attempts) <= len(errors):
            raise errors[len(attempts) - 1]
        return received

    monkeypatch.setattr(ingest, "receive", spoilt)
    monkeypatch.setattr(ingest, "AGAIN", dg.RetryPolicy(max_retries=2))
    return attempts


def test_sites_are_taken_in_at_once_and_a_drop_taken_in_is_no_night(workspace: Workspace) -> None:
    """One site's lock does not stop another's run; and what is no night must not hide that the night is missing."""
    drop(workspace, "oxford")
    with sites_locked(workspace, ["hong_kong"]):
        assert ingest_run(workspace, dg.DagsterInstance.ephemeral(), "oxford").success
    assert (workspace.site_locks / "oxford").exists()
    assert not workspace.lock.exists(), "only a night takes the lock of the workspace"
    (record,) = nights(workspace)
    assert (record.outcome, record.sites, len(record.received)) == ("ingested", ["oxford"], 1)
    assert record.finished_at is not None
    assert overdue_night([record], datetime.now(UTC) + timedelta(days=3)) is None
