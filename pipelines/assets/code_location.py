"""Dagster's definitions as a function of a workspace."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.ingest import ingest_assets
from pipelines.assets.jobs import drop_sensor, ingest_job, nightly_job, nightly_schedule
from pipelines.assets.night_resource import NightResource
from pipelines.assets.owners import owned
from pipelines.assets.publication import publication_assets
from pipelines.assets.safety import safety_assets
from pipelines.assets.sites import site_assets
from pipelines.assets.tables import table_assets
from pipelines.assets.watch import watching_sensors
from pipelines.deployment.settings import Deployment
from pipelines.warehouse.graph_facts import kept_graph
from pipelines.workspace import Workspace


def definitions_of(workspace: Workspace, deployment: Deployment | None = None) -> dg.Definitions:
    """Assets, checks, jobs, schedule and sensors for one trial. Without `deployment` those of the default settings,
    which a night needs and no more. Raises InvalidFileError, ExecutorError."""
    study, deployment = workspace.protocol().study, deployment or Deployment()
    graph = kept_graph(workspace.store)
    made = [*ingest_assets(study), *table_assets(graph), *safety_assets(), *publication_assets(graph)]
    return dg.Definitions(
        assets=owned([*site_assets(study), *made], deployment.owners),
        jobs=[nightly_job(), ingest_job(deployment.ingest)],
        schedules=[nightly_schedule(study)],
        sensors=[drop_sensor(workspace), *watching_sensors(workspace)],
        resources={"night": NightResource(root=str(workspace.root))},
    )
