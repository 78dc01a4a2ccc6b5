"""Jobs, the nightly schedule, and the sensor that sees drops arrive."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import dagster as dg

from pipelines.assets.executor import ingest_executor
from pipelines.assets.ingest import DELIVERIES, rows_key
from pipelines.assets.names import INGEST, NIGHTLY
from pipelines.deployment.settings import Ingest
from pipelines.landing.receive import has_news
from pipelines.landing.scan import scan
from pipelines.study.study import Study
from pipelines.workspace import Workspace
from schemas.feeds import FEEDS


def every_site(study: Study) -> dict[str, str]:
    """The tags that make one run of a partitioned job cover all sites."""
    return {
        "dagster/asset_partition_range_start": study.sites[0].site,
        "dagster/asset_partition_range_end": study.sites[-1].site,
    }


def nightly_job() -> dg.UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,  # one writer, no locks; 20 empty steps cost 3 s instead of 21 s
        description="Take in what sites dropped, derive every table, judge, publish.",
    )


def ingest_job(chosen: Ingest | None = None) -> dg.UnresolvedAssetJobDefinition:
    """Raises ExecutorError."""
    return dg.define_asset_job(
        INGEST,
        selection=dg.AssetSelection.assets(DELIVERIES, *(rows_key(feed) for feed in FEEDS)),
        executor_def=ingest_executor(chosen or Ingest()),
        description="Take in and validate what one site dropped; nothing is published.",
    )


def nightly_schedule(study: Study) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="every_night",
        job_name=NIGHTLY,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="02:00 UTC: the whole materialisation, one run over all sites.",
    )
    def every_night() -> dg.RunRequest:
        return dg.RunRequest(tags=every_site(study))

    return every_night


def drop_sensor(workspace: Workspace) -> dg.SensorDefinition:
    @dg.sensor(
        name="drops",
        job_name=INGEST,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a site's ingest when a drop of it has stood still.",
    )
    def drops() -> Iterator[dg.RunRequest]:
        yield from _requests(workspace)

    return drops


def _requests(workspace: Workspace) -> Iterator[dg.RunRequest]:
    """A run for each site with news; its key is what lies there, so that the same files start one run only."""
    study = workspace.protocol().study
    landing = scan(workspace.landing, study)
    for site in study.sites:
        if has_news(workspace, site, landing, study.deliveries.settle_seconds):
            words = "\n".join(str(file) for file in landing.files if file.site_id == site.site)
            key = f"{site.site}-{sha256(words.encode()).hexdigest()[:16]}"
            yield dg.RunRequest(run_key=key, partition_key=site.site)
