"""A workspace with a published snapshot in which sites have queries to answer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from pipelines import effects
from pipelines.study.load import SCHEMAS, Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.published import UNBLINDED
from pipelines.workspace import Workspace
from tests.sql.trial import RANDOMISED, Trial, at, day, phq9

SNAPSHOT = "20260701T020000Z-0123abcd"
PUBLISHED = ("quality.data_query", "quality.delivery")


def asked_trial(protocol: Protocol) -> Trial:
    """Oxford: a withdrawal without date, a wrong label, use by somebody without access, a refused row; Miyazaki: a
    withdrawal without date; Hong Kong: nothing."""
    trial = Trial(protocol, as_of=date(2026, 7, 1))
    for site, stream in (("oxford", "redcap_participants"), ("miyazaki", "csv_participants")):
        refused = {"status": "partial", "n_rows": 2, "stream": stream} if site == "oxford" else {"stream": stream}
        delivery = trial.delivery(site, "participants", received_at=at("2026-03-02T12:00"), **refused)
        row = {"subject_id": f"{site}-1", "consent_date": RANDOMISED, "status": "withdrawn"}
        trial.add("participants", site, **row)
        trial.delivery(site, "allocation", received_at=at("2026-03-02T12:00"), blinding="arm")
        trial.add("allocation", site, subject_id=f"{site}-1", arm="TAU", randomised_on=RANDOMISED)
        if site == "oxford":
            trial.refuse("participants", site, delivery, None)
    trial.delivery("oxford", "questionnaires", received_at=at("2026-06-01T12:00"))
    trial.form("oxford-1", "phq9", day(57), phq9(9), visit="WEEK 15")
    trial.form("oxford-1", "gad7", day(57), {"1": 1}, visit="told Ann Other")
    trial.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"), blinding="revealing")
    trial.event("oxford-1", at("2026-03-05T12:00"))
    return trial


def published(root: Path, trial: Trial) -> Workspace:
    """The trial's queries and deliveries as the current snapshot of a workspace of iCT-SAD."""
    workspace = Workspace(root / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    publish(workspace, trial, SNAPSHOT)
    return workspace


def publish(workspace: Workspace, trial: Trial, snapshot_id: str) -> None:
    folder = effects.make_directory(workspace.snapshots / snapshot_id)
    con = trial.tables(*PUBLISHED).con
    con.execute(f"ATTACH '{folder / UNBLINDED}' AS published")
    con.execute("CREATE SCHEMA published.quality")
    for name in PUBLISHED:
        con.execute(f"CREATE TABLE published.{name} AS FROM {name}")
    con.execute("CREATE SCHEMA published.meta")
    con.execute(f"CREATE TABLE published.meta.snapshot AS SELECT DATE '{trial.as_of}' AS as_of")
    con.execute("DETACH published")
    con.close()
    effects.point(workspace.published / "current", f"snapshots/{snapshot_id}")


def asked(workspace: Workspace, rule: str) -> str:
    """The number of the only query of a rule."""
    file = workspace.published / "current" / UNBLINDED
    with duckdb.connect(str(file), read_only=True) as con:
        ((query_id,),) = con.execute("SELECT query_id FROM quality.data_query WHERE rule = ?", [rule]).fetchall()
    return str(query_id)
