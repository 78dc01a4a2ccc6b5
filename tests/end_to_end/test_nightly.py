"""The nightly as people and timers run it: exit codes, repeatability, faults, what it leaves behind."""

from __future__ import annotations

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.assets import publication
from pipelines.landing.readers.packed import HARMLESS
from pipelines.lock import run_lock
from pipelines.night import nights
from pipelines.report.board import pdf, write
from pipelines.validation import isolation
from pipelines.warehouse.checks import Finding
from tests.end_to_end.trial import COMMAND, Trial

AS_OF = ("--as-of", "2026-03-31")
CANARY = "Zx9Qcanary"


def house(trial: Trial, site: str, feed: str, name: str, text: str) -> Path:
    path = trial.folder(site, feed) / name
    path.write_text(text, encoding="utf-8")
    return path


def participants(*rows: str) -> str:
    header = "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason"
    return "\n".join([header, *rows]) + "\n"


def has_pango() -> bool:
    try:
        import weasyprint  # noqa: F401
    except OSError:
        return False
    return True


def phq9(subject: str, visit: str, day: str, value: int) -> str:
    return "".join(f"{subject},phq9,{visit},{day},{item},{value}\n" for item in range(1, 10))


QUESTIONNAIRES = "subject_id,instrument,visit,completed_at,item,value\n"
COUNTED = ("dagster/row_count", "arrived", "accepted", "quarantined", "duplicate")
USAGE = "event_id,subject_id,occurred_at,actor,event,module,duration_s\n"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Two sites that dropped something, and one night."""
    trial = Trial(tmp_path_factory.mktemp("nightly") / "trial", report_pdf=True)
    house(trial, "oxford", "participants", "p.csv", participants("001,,,2026-01-01,1990,F,randomised,2026-01-05,"))
    house(trial, "oxford", "allocation", "a.csv", "subject_id,arm,randomised_on,stratum\n001,ICT,2026-01-05,\n")
    house(trial, "oxford", "questionnaires", "q.csv", QUESTIONNAIRES + phq9("001", "BASELINE", "2026-01-04", 2))
    house(
        trial,
        "oxford",
        "usage",
        "u.csv",
        USAGE + "e1,001,2026-01-06T10:00:00Z,participant,login,,\ne2,001,2026-01-06T10:05:00Z,participant,logout,,\n",
    )
    rows = [
        f"M1,,,2026-01-01,1990,{CANARY},randomised,2026-01-05,,{CANARY}@x.org",
        f"M2,,,{CANARY},1990,F,randomised,2026-01-05,{CANARY},{CANARY}@x.org",
        f"M3,,,2026-01-01,1990,F,withdrawn,2026-01-09,{CANARY} is tired,{CANARY}@x.org",
    ]
    text = participants(*rows).replace("status_reason\n", "status_reason,email\n")
    house(trial, "miyazaki", "participants", "p.csv", text)
    house(trial, "miyazaki", "questionnaires", "q.csv", QUESTIONNAIRES + f"M3,phq9,BASELINE,2026-01-04,1,{CANARY}\n")
    (trial.folder("miyazaki", "usage") / "bomb.jsonl.gz").write_bytes(gzip.compress(bytes(HARMLESS + 1)))
    (trial.folder("hong_kong", "participants") / "broken.sav").write_bytes(b"$FL2 " + CANARY.encode())
    trial.nightly(*AS_OF)
    return trial


def test_a_second_night_without_news_comes_to_the_same(trial: Trial) -> None:
    latest = trial.workspace.reports / "latest"
    before, report = trial.tables_digest, {path.name: path.read_bytes() for path in latest.glob("open.*")}
    trial.nightly(*AS_OF)
    assert trial.tables_digest == before
    assert len(list(trial.workspace.snapshots.iterdir())) == 2
    assert "open.html" in report and ("open.pdf" in report or not has_pango())
    assert {path.name: path.read_bytes() for path in latest.glob("open.*")} == report
    trial.workspace.deployment_file.write_text("report_pdf: false\n")  # of no later test's concern


@pytest.mark.skipif(not has_pango(), reason="without the system library Pango there is no PDF")
def test_the_pdf_is_drawn_beside_the_rest_of_the_night_and_nothing_of_one_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    drawn_here: list[str] = []
    monkeypatch.setattr(write, "begin_pdf", lambda page, day: (begun.append(page), pdf.begin_pdf(page, day)))
    monkeypatch.setattr(pdf, "_draw", lambda page, _day: drawn_here.append(page))
    trial = Trial(tmp_path / "trial", report_pdf=True)
    house(trial, "oxford", "participants", "p.csv", participants("001,,,2026-01-01,1990,F,randomised,2026-01-05,"))
    with monkeypatch.context() as patch:
        patch.setattr(publication, "verify_snapshot", lambda *_: ["blinded.duckdb: made up"])
        trial.night_here(*AS_OF, expect=3)
    assert begun == [] and pdf.DRAWER.blocks == []
    assert not [*trial.workspace.reports.rglob("open.*")] and not [*trial.workspace.reports.rglob("queries.*")]
    trial.night_here("--full", *AS_OF)
    latest = trial.workspace.reports / "latest"
    assert begun == [(latest / "open.html").read_text(encoding="utf-8")]
    assert drawn_here == [] and (latest / "open.pdf").read_bytes().startswith(b"%PDF")


def test_dagster_has_numbers_of_rows_and_quarantine_to_plot_over_nights(trial: Trial) -> None:
    with dg.DagsterInstance.from_config(str(trial.workspace.dagster_home)) as instance:

        def recorded(*key: str, partition: str | None = None) -> list[dg.AssetMaterialization]:
            found = instance.fetch_materializations(dg.AssetKey(key), limit=99).records
            made = [record.asset_materialization for record in found]
            return [one for one in made if one and one.partition == partition]

        read = recorded("rows", "participants", partition="miyazaki")
        assert {one.metadata["quarantined"].value for one in read} == {2}
        assert all(isinstance(one.metadata[name], dg.IntMetadataValue) for one in read for name in COUNTED)
        made = recorded("analysis", "adqs")
        assert {one.metadata["dagster/row_count"].value for one in made} == {1}
        lineage = made[0].metadata["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage) and lineage.deps_by_column["aval"]


def test_a_published_night_is_built_again_from_its_originals(trial: Trial) -> None:
    done = trial.run("verify", expect=0)
    assert "Built again from the stored originals, every table is the same." in done.stdout
    assert "verify" not in done.stderr and not (trial.workspace.store / "rebuild").exists()


def test_reading_every_original_again_comes_to_the_same_in_another_time_zone(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = trial.tables_digest
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "C")
    trial.nightly("--full", *AS_OF)
    assert trial.tables_digest == before


def test_one_site_s_broken_file_stops_nobody(trial: Trial) -> None:
    rows = trial.query("SELECT site_id, feed, status, n_rows FROM quality.delivery ORDER BY site_id, feed")
    assert [(r["site_id"], r["feed"], r["status"], r["n_rows"]) for r in rows] == [
        ("hong_kong", "participants", "rejected", None),
        ("miyazaki", "participants", "partial", 3),
        ("miyazaki", "questionnaires", "partial", 1),
        ("miyazaki", "usage", "rejected", None),
        ("oxford", "allocation", "accepted", 1),
        ("oxford", "participants", "accepted", 1),
        ("oxford", "questionnaires", "accepted", 9),
        ("oxford", "usage", "accepted", 2),
    ]


def test_no_cell_of_a_file_is_in_a_log_a_message_or_an_orchestrator_s_record(trial: Trial) -> None:
    """The canary stands in cells that are refused, in free text, in a column nobody asked for, in a broken file."""
    private = [trial.workspace.originals, trial.workspace.rows, trial.workspace.build, trial.workspace.landing]
    searched = 0
    for path in trial.workspace.root.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in private):
            searched += 1
            assert CANARY.encode() not in path.read_bytes(), path
    assert searched > 10
    for rows in trial.workspace.rows.rglob("*"):
        if rows.name in ("result.json", "quarantine.parquet"):
            assert CANARY.encode() not in rows.read_bytes(), rows
    status = trial.run("status", "--json", expect=0)
    assert CANARY not in status.stdout + status.stderr


def test_modes(trial: Trial) -> None:
    root = trial.workspace.root
    for path in [trial.workspace.store, *trial.workspace.store.rglob("*"), trial.workspace.closed]:
        assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path
    current = trial.workspace.published / "current"
    modes = {
        name: stat.S_IMODE((root / name).stat().st_mode)
        for name in ("published", "published/snapshots", "published/current", "store", "store/keys", "closed")
    }
    assert modes == {
        "published": 0o750,
        "published/snapshots": 0o750,
        "published/current": 0o750,
        "store": 0o700,
        "store/keys": 0o700,
        "closed": 0o700,
    }
    assert not [*trial.workspace.closed.iterdir()]  # the closed report is not the nightly's to make
    assert stat.S_IMODE((current / "unblinded.duckdb").stat().st_mode) == 0o400
    assert stat.S_IMODE((current / "blinded.duckdb").stat().st_mode) == 0o440


def test_an_answer_to_a_query_is_shown_at_once(trial: Trial) -> None:
    """The nights of the next test take it in."""
    (query,) = trial.query("SELECT query_id, status FROM quality.data_query WHERE subject_id = 'M2'")
    assert query["status"] == "open"
    words = ("--by", "D. Manager", "--status", "confirmed", "--note", f"{CANARY} it is")
    trial.run("queries", "answer", query["query_id"], *words, expect=0)
    listed = json.loads(trial.run("queries", "list", "--format", "json", expect=0).stdout)
    (answered,) = [row for row in listed if row["query_id"] == query["query_id"]]
    assert (answered["status"], answered["answer"], answered["answered_by"]) == ("answered", "confirmed", "D. Manager")
    assert trial.run("queries", "answer", "Q-0", *words).returncode == 2


def test_only_the_named_site_takes_in_new_drops(trial: Trial) -> None:
    house(
        trial, "oxford", "contacts", "c.csv", "contact_id,subject_id,occurred_at,kind,direction,minutes,therapist_id\n"
    )
    house(
        trial,
        "hong_kong",
        "contacts",
        "c.csv",
        "contact_id,subject_id,occurred_at,kind,direction,minutes,therapist_id\n",
    )
    trial.night_here("--site", "hong_kong", *AS_OF)
    rows = trial.query("SELECT DISTINCT site_id FROM quality.delivery WHERE feed = 'contacts'")
    assert [row["site_id"] for row in rows] == ["hong_kong"]
    assert len(trial.query("SELECT * FROM analysis.adsl WHERE siteid = 'oxford'")) == 1
    trial.night_here(*AS_OF)
    assert len(trial.query("SELECT * FROM quality.delivery WHERE feed = 'contacts'")) == 2


def test_the_night_takes_in_what_was_answered_and_keeps_the_note_to_itself(trial: Trial) -> None:
    (query,) = trial.query("SELECT * FROM quality.data_query WHERE subject_id = 'M2'")
    assert (query["status"], query["answer"], query["answered_by"]) == ("answered", "confirmed", "D. Manager")
    for folder in (trial.workspace.published, trial.workspace.reports):
        assert not any(CANARY.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_second_run_says_so_and_exits_4(trial: Trial) -> None:
    with run_lock(trial.workspace):
        done = trial.nightly(expect=4)
    assert "Another run holds" in done.stderr


def test_usage_errors_exit_2(trial: Trial, tmp_path: Path) -> None:
    assert "No site narnia" in trial.nightly("--site", "narnia", expect=2).stderr
    assert trial.run("query", "SELECT nothing FROM nowhere", expect=2).stderr.count("\n") <= 2
    for words in (["nightly"], ["status"], ["query", "SELECT 1"], ["simulate"], ["up"]):
        done = subprocess.run(
            [COMMAND, words[0], "--workspace", str(tmp_path / "none"), *words[1:]], capture_output=True, text=True
        )
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), words
        assert "ict-trial init" in done.stderr


@pytest.fixture
def held(trial: Trial) -> Iterator[str]:
    """What is current before and must be after."""
    before = os.readlink(trial.workspace.published / "current")
    yield before
    assert os.readlink(trial.workspace.published / "current") == before
    assert trial.query("SELECT count(*) AS n FROM analysis.adqs") == [{"n": 1}]


def said(night: subprocess.CompletedProcess[str]) -> str:
    return night.stdout + night.stderr


def status_page(trial: Trial) -> str:
    return (trial.workspace.reports / "latest" / "status.html").read_text(encoding="utf-8")


def test_a_failing_blocking_check_holds_publication_back(
    trial: Trial, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.assets.tables.duplicate_keys", lambda _con, table: Finding(3, f"{table.table}: 3"))
    assert "the check `unique_key` of " in said(trial.night_here(*AS_OF, expect=3))
    last = json.loads(trial.run("status", "--json", expect=0).stdout)["last_run"]
    assert last["outcome"] == "held_back"
    assert "was held back by a blocking check" in status_page(trial)


def test_a_failure_exits_1_and_its_words_are_not_stored(
    trial: Trial, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_words: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("pipelines.assets.tables.start_build", fail)
    output = said(trial.night_here(*AS_OF, expect=1))
    assert "Not published: input__deliveries: ValueError" in output
    assert CANARY not in output and CANARY not in status_page(trial)
    assert "failed, and readers see the night before" in status_page(trial)
    for folder in (trial.workspace.dagster_home, trial.workspace.nights):
        for path in (path for path in folder.rglob("*") if path.is_file()):
            assert CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("step", ["rows.usage", "core.contested", "publication.candidate"])
def test_a_killed_night_leaves_yesterday_and_the_next_one_needs_no_hand(trial: Trial, held: str, step: str) -> None:
    command = [COMMAND, "nightly", "--workspace", str(trial.workspace.root), "--settle", "0", *AS_OF]
    night = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert night.stderr is not None
    for line in night.stderr:
        if step in line:
            time.sleep(0.05)
            night.send_signal(signal.SIGKILL)
            break
    assert night.wait() == -signal.SIGKILL
    assert os.readlink(trial.workspace.published / "current") == held


def test_after_all_that_the_next_night_comes_to_the_same(trial: Trial) -> None:
    before = trial.tables_digest
    trial.nightly(*AS_OF)
    assert trial.tables_digest == before
    assert not list(trial.workspace.snapshots.glob(".*"))
    assert f"Readers see the snapshot {os.readlink(trial.workspace.published / 'current')[10:]}" in status_page(trial)


def test_what_was_killed_is_recorded_as_interrupted(trial: Trial) -> None:
    """Else scheduled runs would wait for it for ever."""
    with dg.DagsterInstance.from_config(str(trial.workspace.dagster_home)) as instance:
        assert all(run.is_finished for run in instance.get_runs())
    interrupted = [night for night in nights(trial.workspace) if "interrupted" in " ".join(night.messages)]
    assert len(interrupted) == 3
    assert {night.outcome for night in interrupted} == {"failed"}


def test_a_file_over_which_its_reader_crashes_is_refused_alone(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "COMMAND", (sys.executable, "-m", "tests.validation.faulty_reader"))
    text = USAGE + f"e9,M1,2026-01-06T10:00:00Z,participant,login,,{CANARY}\n"
    house(trial, "hong_kong", "usage", "segfault_1.csv", text)
    house(trial, "miyazaki", "usage", "chatter_1.csv", text)
    assert CANARY not in said(trial.night_here(*AS_OF))
    sql = "SELECT site_id, status, reason FROM quality.delivery WHERE feed = 'usage' ORDER BY received_at DESC, site_id"
    crashed, read, *_ = trial.query(sql)
    assert (crashed["site_id"], crashed["status"]) == ("hong_kong", "rejected")
    assert "broke down over the file (SIGSEGV)" in crashed["reason"]
    assert (read["site_id"], read["status"]) == ("miyazaki", "partial")
