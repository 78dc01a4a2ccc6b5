"""Nothing in the open report tells an arm or a person: arms are permuted, the log is deleted, tokens are planted."""

from __future__ import annotations

import re
import shutil
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines import effects
from pipelines.quality.check_table import write_check_results
from pipelines.report.board.page import open_page
from pipelines.report.board.pdf import NO_PANGO
from pipelines.report.board.source import open_source
from pipelines.report.board.trial import trial_of
from pipelines.report.board.write import PAGE, PDF, write_open_report
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
Reports = tuple[Path, str, Workspace, Workspace]  # the report, the permuted trial's, and both trials


def lay_out(root: Path, given: int, log: bool) -> Workspace:
    """A trial of 24 people at two sites; every second one is `given` the programme, and half of them use it: too few
    for anything of the log to be told."""
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
            put(workspace, site, "usage", [used(person, i) for person, i in people if i % 4 == 0])
            put(workspace, site, "contacts", [called(person, i) for person, i in people if i % 4 == 0])
            put(workspace, site, "adverse_events", [fell_ill(person, i) for person, i in people if i % 4 == 0])
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
    return current_snapshot(workspace) or ""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The report, and that of the same trial with the arms permuted and no log, no contacts and no adverse events."""
    root = tmp_path_factory.mktemp("told")
    first = lay_out(root / "first", given=0, log=True)
    second = lay_out(root / "second", given=1, log=False)
    snapshot_id = publish(first)
    assert write_open_report(first, first.protocol(), snapshot_id) in ([], [NO_PANGO])
    effects.remove(second.keys)
    shutil.copytree(first.keys, second.keys)  # or the handles would differ, which tell nothing
    with open_source(second, second.protocol(), publish(second)) as source:
        permuted = open_page(source, trial_of(source, second.protocol().study))
    return first.reports / snapshot_id, permuted, first, second


def test_who_is_in_which_arm_and_who_used_the_programme_changes_nothing(reports: Reports) -> None:
    report, permuted, _, _ = reports
    assert (report / PAGE).read_text(encoding="utf-8") == permuted  # and so is the PDF, which is made of it alone


def test_no_blinded_table_differs_but_for_the_snapshots_own_digests(reports: Reports) -> None:
    first, second = (blinded_rows(workspace) for workspace in reports[2:])
    assert first.keys() == second.keys()
    assert [table for table in first if first[table] != second[table]] == ["meta.snapshot"]
    assert sum(len(rows) for rows in first.values()) > 1000


def blinded_rows(workspace: Workspace) -> dict[str, list[str]]:
    with duckdb.connect(str(workspace.published / "current.duckdb"), read_only=True) as con:
        named = "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1"
        return {
            table: sorted(map(repr, con.execute(f"FROM {table}").fetchall()))
            for (table,) in con.execute(named).fetchall()
        }


def test_the_report_has_numbers_to_tell_from(reports: Reports) -> None:
    page = (reports[0] / PAGE).read_text(encoding="utf-8")
    assert "24 people are randomised" in page and "WEEK 8" in page and "ACTION" in page


@pytest.fixture(scope="module")
def written(reports: Reports) -> tuple[bytes, bytes]:
    """Every byte of the report, its PDF as it is, uncompressed and as text; and the blinded file."""
    report, _, workspace, _ = reports
    contents = [(report / PAGE).read_bytes()]
    if (report / PDF).exists():
        pypdf = pytest.importorskip("pypdf")
        document = (report / PDF).read_bytes()
        text = "".join(page.extract_text() for page in pypdf.PdfReader(report / PDF).pages)
        contents += [document, *streams(document), text.encode()]
    return b"\n".join(contents), (workspace.published / "current.duckdb").read_bytes()


@pytest.mark.parametrize("where", TOKENS)
def test_no_planted_token_comes_out(written: tuple[bytes, bytes], where: str) -> None:
    report, blinded = written
    searched = [report] if where in ("participant", "event") else [report, blinded]  # the statistician has the numbers
    for encoding in ("utf-8", "cp932", "utf-16-be", "utf-16-le"):
        assert not [True for content in searched if TOKENS[where].encode(encoding) in content]


def test_no_visit_of_one_arm_is_named(reports: Reports) -> None:
    assert "FOLLOW-UP" not in (reports[0] / PAGE).read_text(encoding="utf-8")


def streams(content: bytes) -> list[bytes]:
    """Every stream of a PDF, uncompressed."""
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            found.append(zlib.decompress(match[1]))
        except zlib.error:
            found.append(match[1])
    return found
