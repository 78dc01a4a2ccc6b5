"""One night without the orchestrator: the functions that the assets call, one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pipelines import effects
from pipelines.landing.receipt import Receipt
from pipelines.landing.receive import receive
from pipelines.landing.scan import scan
from pipelines.quality.audit_chain import AUDIT_TRAIL, write_audit_trail
from pipelines.quality.audit_ledger import record_nights
from pipelines.quality.check_table import write_check_results, write_table
from pipelines.quality.judge import judge
from pipelines.quality.report_tables import REPORT_TABLES, write_report_table
from pipelines.study.load import SCHEMAS, Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.validation.deliveries import all_deliveries
from pipelines.validation.delivery import Delivery
from pipelines.validation.intake import read_delivery
from pipelines.validation.rows import Rows
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.database import build_file, open_build
from pipelines.warehouse.dictionary import Dictionary, load_dictionary
from pipelines.warehouse.graph import load_graph
from pipelines.warehouse.publish import publish
from pipelines.warehouse.snapshot import write_snapshot
from pipelines.warehouse.verify import verify_snapshot
from pipelines.workspace import Workspace
from tests.sql.trial import needed

ALWAYS = {"quality.change", "quality.shown_delivery"}  # what the audit trail, and what is shown blinded, is made of
AS_OF = date(2026, 3, 31)
FIRST_NIGHT = datetime(2026, 3, 30, 2, tzinfo=UTC)
SECOND_NIGHT = datetime(2026, 3, 31, 2, tzinfo=UTC)


def new_trial(root: Path) -> tuple[Workspace, Protocol]:
    """A small trial at its first night's beginning."""
    workspace = Workspace(root)
    protocol = make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    oxford = workspace.landing / "oxford"
    (oxford / "participants" / "p.csv").write_text(
        "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason\n"
        "001,,,2026-01-01,1990,F,randomised,2026-01-05,\n002,,,2026-01-01,1980,M,randomised,2026-01-05,\n"
    )
    (oxford / "allocation" / "a.csv").write_text(
        "subject_id,arm,randomised_on,stratum\n001,ICT,2026-01-05,\n002,TAU,2026-01-05,\n"
    )
    answers = [f"001,phq9,BASELINE,2026-01-04,{item},2" for item in range(1, 10)]
    header = "subject_id,instrument,visit,completed_at,item,value"
    (oxford / "questionnaires" / "q1.csv").write_text("\n".join([header, *answers]) + "\n")
    return workspace, protocol


def second_drop(workspace: Workspace) -> None:
    """What arrives between the nights: a correction, a log, a file that cannot be read."""
    oxford = workspace.landing / "oxford"
    (oxford / "questionnaires" / "q2.csv").write_text(
        "subject_id,instrument,visit,completed_at,item,value\n001,phq9,BASELINE,2026-01-04,1,3\n"
    )
    (oxford / "usage" / "u.csv").write_text(
        "event_id,subject_id,occurred_at,actor,event,module,duration_s\n"
        "e1,001,2026-01-06T10:00:00Z,participant,login,,\ne2,001,2026-01-06T10:05:00Z,participant,login,,\n"
    )
    (workspace.landing / "miyazaki" / "usage" / "u.jsonl.gz").write_bytes(b"\x1f\x8bcut")


def take_in(workspace: Workspace, protocol: Protocol, now: datetime) -> list[Delivery]:
    landing = scan(workspace.landing, protocol.study)
    for site in protocol.study.sites:
        receive(workspace, site, landing, 0, now)
    return all_deliveries(workspace, protocol, read_here)


def read_here(workspace: Workspace, protocol: Protocol, receipts: Sequence[Receipt]) -> dict[str, Rows]:
    """In this process, whose effects on disk can be made to fail."""
    return {receipt.delivery_id: read_delivery(workspace, protocol, receipt) for receipt in receipts}


def build(workspace: Workspace, protocol: Protocol, deliveries: list[Delivery]) -> None:
    build_unjudged(workspace, protocol, deliveries)
    with open_build(workspace) as con:
        write_check_results(con, judge(con, protocol))
        for name in REPORT_TABLES:
            write_report_table(con, protocol, name)


def build_unjudged(
    workspace: Workspace,
    protocol: Protocol,
    deliveries: list[Delivery],
    as_of: date = AS_OF,
    dictionary: Dictionary | None = None,
) -> None:
    """Every table, or what `dictionary` says is published and is made of, with no verdict on any; the verdicts take
    as long as all the tables."""
    start_build(workspace, protocol, deliveries, as_of)
    graph = load_graph()
    published = {name for name, table in dictionary.items() if table.published} if dictionary else set(graph.queries)
    wanted = needed(graph, ALWAYS | (published & set(graph.queries)))
    for table in [name for name in graph.order if name in wanted]:
        derive(workspace, table, graph)
    with open_build(workspace) as con:
        write_audit_trail(con, build_file(workspace))
        write_check_results(con, [])
        for name in REPORT_TABLES:
            write_table(con, name, [])


def make_public(
    workspace: Workspace,
    protocol: Protocol,
    now: datetime,
    dictionary: Dictionary | None = None,
    as_of: date = AS_OF,
) -> None:
    """What `dictionary` says is published; everything where it is not given."""
    for hidden in workspace.snapshots.glob(".*"):
        effects.remove(hidden)
    written = write_snapshot(workspace, protocol, as_of, dictionary, now)
    assert verify_snapshot(written.folder, written.rows) == []
    publish(workspace, protocol, written.folder)
    record_nights(workspace)


def few_published(*more: str) -> Dictionary:
    """One table of each kind, and `more`, for tests that publish often and look at no others."""
    wanted = {"analysis.adsl", "engagement.session", "quality.delivery", AUDIT_TRAIL, *more}
    return {
        name: table.model_copy(update={"published": table.published and (name in wanted or name.startswith("meta."))})
        for name, table in load_dictionary().items()
    }


def run_night(workspace: Workspace, protocol: Protocol, now: datetime) -> None:
    build(workspace, protocol, take_in(workspace, protocol, now))
    make_public(workspace, protocol, now)


def copy_of(workspace: Workspace, root: Path) -> Workspace:
    shutil.copytree(workspace.root, root, symlinks=True)
    return Workspace(root)
