"""Dagster's definitions as a function of a workspace."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.ingest import ingest_assets
from pipelines.assets.jobs import drop_sensor, ingest_job, nightly_job, nightly_schedule
from pipelines.assets.night_resource import NightResource
from pipelines.assets.publication import publication_assets
from pipelines.assets.safety import safety_assets
from pipelines.assets.tables import table_assets
from pipelines.workspace import Workspace


def definitions_of(workspace: Workspace) -> dg.Definitions:
    """Assets, checks, jobs, schedule and sensor for one trial. Raises InvalidFileError."""
    study = workspace.protocol().study
    return dg.Definitions(
        assets=[*ingest_assets(study), *table_assets(), *safety_assets(), *publication_assets()],
        jobs=[nightly_job(), ingest_job()],
        schedules=[nightly_schedule(study)],
        sensors=[drop_sensor(workspace)],
        resources={"night": NightResource(root=str(workspace.root))},
    )
