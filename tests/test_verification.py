"""`ict-trial verify`: a snapshot built again from the originals is the same, or is said not to be; the report tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines import data_cut, rebuild, verification
from pipelines.cli import cli
from pipelines.report.board.sections.machinery import build
from pipelines.report.board.source import open_source
from pipelines.report.board.trial import trial_of
from pipelines.verification import verifications
from pipelines.warehouse.database import close_build
from pipelines.warehouse.published import UNBLINDED, UNBLINDED_MANIFEST, current_snapshot
from pipelines.workspace import Workspace
from tests.end_to_end.loaded_once import judge_here, keep_readers
from tests.faults import night
from tests.faults.night import copy_of, new_trial


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One night without verdicts, which take as long as all the tables; a whole one is in end_to_end/test_nightly."""
    workspace, protocol = new_trial(tmp_path_factory.mktemp("verified") / "trial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(night, "judge", no_verdicts)
        night.run_night(workspace, protocol, night.FIRST_NIGHT)
    close_build(workspace)
    return workspace


def no_verdicts(con: object, protocol: object) -> list[object]:
    return []


@pytest.fixture(autouse=True)
def unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "judge", no_verdicts)
    judge_here(monkeypatch)
    keep_readers(monkeypatch)


@pytest.fixture
def trial(published: Workspace, tmp_path: Path) -> Workspace:
    return copy_of(published, tmp_path / "trial")


def run(workspace: Workspace, *words: str) -> Result:
    return CliRunner().invoke(cli, ["verify", "--workspace", str(workspace.root), *words])


def said_of_machinery(workspace: Workspace) -> str:
    protocol = workspace.protocol()
    with open_source(workspace, protocol, current_snapshot(workspace) or "") as source:
        figures = build(source, trial_of(source, protocol.study)).figures
    return str([figure.table for figure in figures])


def test_built_again_from_a_backup_it_is_the_same_and_the_report_says_so(trial: Workspace, tmp_path: Path) -> None:
    backup = copy_of(trial, tmp_path / "backup")
    held = sorted(path.name for path in backup.store.iterdir())
    (trial.store / "receipts").rename(trial.store / "receipts.lost")
    before = said_of_machinery(trial)
    assert "never done; the command ict-trial verify --backup" in before
    done = run(trial, "--backup", str(backup.root))
    assert done.exit_code == 0, done.output
    assert f"Built again from the copy in {backup.root}, every table is the same." in done.stdout
    assert "its head is " in done.stdout
    (made,) = verifications(trial)
    assert made.holds and made.from_backup and made.snapshot_id == current_snapshot(trial)
    assert "every table was the same" in said_of_machinery(trial)
    assert not list((trial.store / "rebuild").glob("*")) and not (backup.store / "rebuild").exists()
    assert sorted(path.name for path in backup.store.iterdir()) == held, "a backup is only read"


def test_an_altered_original_is_found(trial: Workspace) -> None:
    original = next(trial.originals.glob("*/*"))
    original.chmod(0o600)
    original.write_bytes(original.read_bytes() + b"\n")
    done = run(trial)
    assert done.exit_code == 1 and "1 of its stored originals are lost, or no longer the bytes" in done.stdout, (
        done.output
    )
    (made,) = verifications(trial)
    assert made.rebuilt == "impossible" and made.digests_hold and made.chain_holds
    assert "COULD NOT BE DONE" in said_of_machinery(trial)


def test_by_another_version_of_the_program_nothing_is_built_and_the_report_does_not_count_it(
    trial: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = said_of_machinery(trial)
    n_before = len(verifications(trial))
    monkeypatch.setattr(data_cut, "code_version", lambda: "another")
    done = run(trial)
    assert done.exit_code == 1 and "It was not built again: snapshot " in done.stdout, done.output
    assert "Ask with that version of the program" in done.stdout
    *earlier, made = verifications(trial)
    assert len(earlier) == n_before
    assert made.rebuilt == "other_rules" and made.digests_hold and made.chain_holds and not made.holds
    assert said_of_machinery(trial) == before and "COULD NOT BE DONE" not in before


def test_a_table_that_comes_out_otherwise_is_named(trial: Workspace) -> None:
    manifest = trial.snapshots / (current_snapshot(trial) or "") / UNBLINDED_MANIFEST
    manifest.chmod(0o600)
    said = json.loads(manifest.read_bytes())
    said["files"][UNBLINDED]["tables"]["analysis.adqs"]["digest"] = "0" * 64
    manifest.write_text(json.dumps(said))
    done = run(trial)
    other = done.stdout.partition("other than published: ")[2]
    assert done.exit_code == 1 and "analysis.adqs" in other and "analysis.adsl" not in other, done.output
    assert verifications(trial)[-1].rebuilt == "differs" and "NOT THE SAME" in said_of_machinery(trial)


def test_an_altered_file_is_found(trial: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "differing_tables", lambda *_: [])
    file = trial.snapshots / (current_snapshot(trial) or "") / UNBLINDED
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b" ")
    done = run(trial)
    assert done.exit_code == 1 and f"{UNBLINDED}: its bytes are not those that were published" in done.stdout
    assert not verifications(trial)[-1].holds


def test_another_study_file_is_said_to_be_in_the_way(trial: Workspace) -> None:
    trial.study_file.write_text(trial.study_file.read_text() + "\n# changed\n")
    done = run(trial)
    assert done.exit_code == 1 and "another study file" in done.stdout
    assert verifications(trial)[-1].rebuilt == "other_rules"


def test_usage(trial: Workspace, tmp_path: Path) -> None:
    assert run(trial, "none").exit_code == 2
    assert run(trial, "--backup", str(tmp_path)).exit_code == 2
    (trial.audit / verification.RECORDS).write_text('{"cut sho\n' + json.dumps({"other": 1}) + "\n")
    assert verifications(trial) == []
