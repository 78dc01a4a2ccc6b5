"""The nightly list for a site's clinician: right, private, and nowhere that a report is."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.report import clinician_list
from pipelines.report.clinician_list import write_clinician_lists
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace
from tests.sql.trial import Trial, at, day

NIGHT = at("2026-05-01T22:00")
AS_OF = date(2026, 5, 4)


def lists(folder: Path, trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Write the lists of a trial's tables."""
    db = trial.tables("safety.alert", "safety.serious_event")

    class Opened:
        def __enter__(self) -> duckdb.DuckDBPyConnection:
            return db.con

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(clinician_list, "open_build", lambda _workspace: Opened())
    workspace = Workspace(folder)
    write_clinician_lists(workspace, trial.protocol)
    return workspace


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    trial = Trial(ict_sad, as_of=AS_OF)
    for site in ("oxford", "miyazaki"):
        trial.delivery(site, "questionnaires", received_at=NIGHT, scope="incremental")
        subject = f"{site[:2]}<b>"
        facts = {"subject_id": subject, "instrument": "phq9", "visit": "WEEKLY", "item": "9", "value": "2"}
        trial.add("questionnaires", site, completed_at=day(30), **facts)
    trial.delivery("oxford", "adverse_events", received_at=at("2026-05-03T22:00"))
    trial.add(
        "adverse_events", "oxford", ae_id="a1", subject_id="ox1", serious="Y", onset_date=day(20),
        reported_on=day(20) + timedelta(9),
    )  # fmt: skip
    return trial


def test_a_site_sees_its_own_people_and_no_others(
    tmp_path: Path, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = lists(tmp_path, trial, monkeypatch)
    latest = workspace.safety / "latest"
    assert latest.readlink() == Path("2026-05-04")
    page = (latest / "oxford" / "alerts.html").read_text()
    assert "ox&lt;b&gt;" in page and "ox<b>" not in page and "mi&lt;" not in page
    rows = list(csv.DictReader(io.StringIO((latest / "oxford" / "alerts.csv").read_text("utf-8-sig"))))
    assert [(row["person"], row["severity"], row["status"]) for row in rows] == [
        ("ox<b>", "urgent", "overdue"),
        ("ox1", "urgent", "open"),
    ]
    assert rows[0]["acknowledge_by"] == "2026-05-02 23:00"  # 24 hours later, by the clock in Oxford
    assert "serious adverse event" in page and ">9</td>" in page
    there = (latest / "hong_kong" / "alerts.html").read_text()
    assert "No alert waits to be acknowledged" in there


def test_nobody_else_may_read_them_and_no_report_shows_them(
    tmp_path: Path, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = lists(tmp_path, trial, monkeypatch)
    folder = workspace.safety / "2026-05-04" / "oxford"
    modes = [path.stat().st_mode & 0o777 for path in (workspace.safety, folder, *sorted(folder.iterdir()))]
    assert modes == [0o700, 0o700, 0o600, 0o600]
    for shown in (workspace.reports, workspace.published, workspace.exports, workspace.landing):
        assert not workspace.safety.is_relative_to(shown)
