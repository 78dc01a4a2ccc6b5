"""A trial of 24 people at two sites, small enough to publish in seconds, with a token in everything that is private."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipelines.quality.check_table import write_check_results
from pipelines.quality.pack import record_pack
from pipelines.study.load import SCHEMAS
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.database import open_build
from pipelines.warehouse.graph import load_graph
from pipelines.warehouse.published import current_snapshot
from pipelines.workspace import Workspace
from tests.faults import night

NOW = datetime(2026, 3, 30, 2, tzinfo=UTC)
ARMS = ("ZQARMGIVEN", "ZQARMUSUAL")
# Where each token is planted; none may come out in the report, in text or in bytes.
TOKENS = {
    "participant": "ZQPERSON",
    "arm": "ZQARM",
    "stratum": "ZQSTRATUM",
    "free text": "ZQFREETEXT",
    "mail": "zq.mail@example.org",
    "name in CP932": "髙橋ZQ花子",
    "therapist": "ZQTHERAPIST",
    "event": "ZQEVENT",
    "adverse event": "ZQADVERSE",
    "file": "ZQFILENAME",
}
PEOPLE = 24


def lay_out(root: Path, given: int, log: bool) -> Workspace:
    """Every second one is `given` the programme and uses it, with or without a `log` of that: just enough people for
    the log's quality to be told of all sites together."""
    study = (SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8")
    study = study.replace("{arm: ICT,", f"{{arm: {ARMS[0]},").replace("{arm: TAU,", f"{{arm: {ARMS[1]},")
    study = study.replace("arms: [ICT]", f"arms: [{ARMS[0]}]")
    file = root.with_name(f"{root.name}.yaml")
    file.write_text(study, encoding="utf-8")
    workspace = Workspace(root)
    make_trial_folder(workspace, file)
    for site in ("oxford", "hong_kong"):
        people = [(f"{TOKENS['participant']}{site[0]}{i:02}", i) for i in range(PEOPLE // 2)]
        put(workspace, site, "participants", [participant(person, i) for person, i in people])
        put(workspace, site, "allocation", [allocated(person, i, given) for person, i in people])
        put(workspace, site, "questionnaires", [line for person, i in people for line in forms(person, i)])
        if log:
            put(workspace, site, "usage", [used(person, i) for person, i in people if i % 2 == 0])
            put(workspace, site, "contacts", [called(person, i) for person, i in people if i % 2 == 0])
            put(workspace, site, "adverse_events", [fell_ill(person, i) for person, i in people if i % 2 == 0])
    return workspace


def put(workspace: Workspace, site: str, feed: str, lines: list[str]) -> None:
    headers = {
        "participants": "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason",
        "allocation": "subject_id,arm,randomised_on,stratum",
        "questionnaires": "subject_id,instrument,visit,completed_at,item,value",
        "usage": "event_id,subject_id,occurred_at,actor,event,module,duration_s",
        "contacts": "contact_id,subject_id,occurred_at,kind,direction,minutes,therapist_id",
        "adverse_events": "ae_id,subject_id,onset_date,reported_on,term,serious,severity,related,outcome",
    }
    file = workspace.landing / site / feed / f"{TOKENS['file']}{feed}.csv"
    file.write_text("\n".join([headers[feed], *lines]) + "\n", encoding="utf-8")


def entered(i: int) -> date:
    return date(2025, 9, 1) + timedelta(days=7 * i)


def participant(person: str, i: int) -> str:
    reason = f"{TOKENS['free text']} {TOKENS['mail']} {TOKENS['name in CP932']}"
    status = "withdrawn" if i == 3 else "randomised"
    return f"{person},,,{entered(i)},19{60 + i},F,{status},{entered(i) + timedelta(days=30)},{reason}"


def allocated(person: str, i: int, given: int) -> str:
    return f"{person},{ARMS[0] if i % 2 == given else ARMS[1]},{entered(i) + timedelta(days=2)},{TOKENS['stratum']}"


def forms(person: str, i: int) -> list[str]:
    """Baseline and week 8 of all but some, with items missing and a value out of range."""
    days = {"BASELINE": 1, "WEEK 8": 58}
    lines = []
    for visit, after in days.items():
        if (i + after) % 5:
            on = entered(i) + timedelta(days=after)
            lines += [f"{person},phq9,{visit},{on},{n},{9 if n == i else n % 4}" for n in range(1, 10 - i % 3)]
    return lines


def used(person: str, i: int) -> str:
    return f"{TOKENS['event']}{person},{person},{entered(i) + timedelta(days=9)}T10:00:00Z,participant,login,,"


def called(person: str, i: int) -> str:
    when = entered(i) + timedelta(days=9)
    return f"{TOKENS['event']}{person},{person},{when}T11:00:00Z,call,to_participant,20,{TOKENS['therapist']}"


def fell_ill(person: str, i: int) -> str:
    when = entered(i) + timedelta(days=9)
    return f"{TOKENS['event']}{person},{person},{when},{when},{TOKENS['adverse event']},N,2,U,recovered"


def publish(workspace: Workspace) -> str:
    """One night without the verdicts of checks; returns its snapshot."""
    protocol = workspace.protocol()
    start_build(workspace, protocol, night.take_in(workspace, protocol, NOW), night.AS_OF)
    graph = load_graph()
    for table in graph.order:
        derive(workspace, table, graph)
    with open_build(workspace) as con:
        night.write_audit_trail(con, night.build_file(workspace))
        write_check_results(con, [])
        for name in night.REPORT_TABLES:
            night.write_report_table(con, protocol, name)
    night.make_public(workspace, protocol, NOW)
    snapshot_id = current_snapshot(workspace) or ""
    record_pack(workspace, protocol, snapshot_id)
    return snapshot_id
