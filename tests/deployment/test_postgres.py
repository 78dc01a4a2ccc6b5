"""The ingest of two sites at once, their runs recorded in a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from pipelines.assets.names import INGEST
from pipelines.assets.sites import site_key
from pipelines.night import nights
from pipelines.study.load import SCHEMAS
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace
from tests.deployment.postgres import postgres, programs

SETTINGS = Path(__file__).parents[2] / "docs" / "deployment" / "dagster.yaml"
RUN = """
import sys
import dagster as dg
from pipelines.definitions import definitions
with dg.DagsterInstance.get() as instance:
    job = definitions.resolve_job_def("ingest")
    sys.exit(not job.execute_in_process(instance=instance, partition_key=sys.argv[1], raise_on_error=False).success)
"""


def test_two_sites_are_taken_in_at_once_by_runs_of_their_own(tmp_path: Path) -> None:
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("no PostgreSQL is installed here (initdb), or nobody but root could run it")
    workspace = Workspace(tmp_path / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    study = workspace.study_file.read_text(encoding="utf-8").replace("settle_seconds: 600", "settle_seconds: 0")
    workspace.study_file.write_text(study, encoding="utf-8")
    for n, site in enumerate(("oxford", "miyazaki")):
        (workspace.landing / site / "adverse_events" / "a.csv").write_text(
            "ae_id,subject_id,onset_date,reported_on,term,serious,severity,related,outcome\n"
            + f"{n},1,,,x,N,1,N,\n" * 2
        )
    storage = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))["storage"]
    settings = {"storage": storage, "telemetry": {"enabled": False}}
    (workspace.dagster_home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with postgres(bin_folder) as url:
        environment = os.environ | {
            "ICT_TRIAL_DAGSTER_DB": url,
            "DAGSTER_HOME": str(workspace.dagster_home),
            "ICT_TRIAL_WORKSPACE": str(workspace.root),
        }
        runs = [
            subprocess.Popen([sys.executable, "-c", RUN, site], env=environment, stderr=subprocess.PIPE, text=True)
            for site in ("oxford", "miyazaki")
        ]
        said = [run.communicate()[1] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], said
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("ICT_TRIAL_DAGSTER_DB", url)
            with dg.DagsterInstance.from_config(str(workspace.dagster_home)) as instance:
                recorded = {run.tags["dagster/partition"]: run for run in instance.get_runs()}
                rows = instance.fetch_materializations(dg.AssetKey(["rows", "adverse_events"]), limit=9).records
                arrived = [instance.fetch_materializations(site_key(s), limit=9).records for s in recorded]
    assert {site: (run.job_name, run.status) for site, run in recorded.items()} == {
        site: (INGEST, dg.DagsterRunStatus.SUCCESS) for site in ("oxford", "miyazaki")
    }
    counts = [m.metadata["dagster/row_count"].value for r in rows if (m := r.asset_materialization)]
    assert (counts, [len(events) for events in arrived]) == ([1, 1], [1, 1])
    assert {night.outcome for night in nights(workspace)} == {"ingested"} and len(nights(workspace)) == 2
    assert not list(workspace.dagster_home.rglob("*.db")), "no run is recorded in SQLite"
