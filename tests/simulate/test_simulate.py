"""The same arguments give the same bytes; nothing of anyone else's is overwritten."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.simulate import SimulationError, simulate
from pipelines.simulate.people import recruit
from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from pipelines.workspace import Workspace
from tests.simulate.conftest import TODAY, Simulated

OPEN_TRIAL = Path(__file__).parent / "studies" / "open_trial.yaml"
KINDS = {
    "after_the_end",
    "implausible_event",
    "late_consent",
    "odd_use",
    "wrong_total",
    "ambiguous_time",
    "byte_order_mark",
    "conflicting_duplicate",
    "corrected",
    "duplicate",
    "future_time",
    "half_copied",
    "illegible",
    "late",
    "nonexistent_time",
    "not_whole_number",
    "out_of_range",
    "overlap",
    "private_column",
    "ragged_row",
    "reordered_columns",
    "repeat",
    "shrunken",
    "spoiled_later",
    "taken_back",
    "unknown_item",
    "unknown_subject",
    "unreadable_file",
    "unreadable_row",
    "withdrawn",
    "wrong_code",
    "wrong_site",
}


def fingerprint(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("study", ["ict_sad", "open_trial"])
def test_the_same_seed_gives_the_same_bytes(ict_sad: Protocol, tmp_path: Path, study: str) -> None:
    protocol = ict_sad if study == "ict_sad" else load_protocol(OPEN_TRIAL)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(Workspace(tmp_path / name), protocol, 12, seed, faults=True, today=TODAY, events=100)
    one, same, other = (fingerprint(tmp_path / name) for name in "abc")
    assert one == same
    assert one.keys() & other.keys()
    assert one != other


def test_faults_are_planted_on_the_same_trial(clean: Simulated, faulty: Simulated) -> None:
    assert {fault["kind"] for fault in faulty.faults} == KINDS
    without = clean.truth("adsl").join(faulty.truth("adsl"), on="usubjid", how="anti")
    struck = {fault["expected"]["subject_id"] for fault in faulty.faults if fault["kind"] == "wrong_code"}
    assert set(without["usubjid"].str.split("-").list.slice(2).list.join("-")) < struck
    assert faulty.truth("delivery").group_by("status").len().height == 5


def test_what_is_true_changes_only_where_a_fault_says_so(clean: Simulated, faulty: Simulated) -> None:
    """A missing answer more, a corrected one not at all."""
    key = ["usubjid", "paramcd", "adt", "srcform", "visit"]
    both = clean.truth("score").join(faulty.truth("score"), on=key, nulls_equal=True)
    changed = both.filter(pl.col("nmiss") != pl.col("nmiss_right"))
    missing = [fault for fault in faulty.faults if fault["expected"].get("counts_as") == "missing"]
    assert (changed["nmiss_right"] - changed["nmiss"]).unique().to_list() == [1]
    assert changed.select("usubjid", "adt").unique().height == len(missing)


@pytest.mark.parametrize("study", ["ict_sad", "open_trial"])
@pytest.mark.parametrize(
    ("participants", "seed", "faults"),
    [(9, 3, False), (9, 3, True), (2, 1, False), (2, 1, True), (1, 3, True), (3, 5, False), (15, 2, True)],
)
def test_a_trial_may_be_tiny(
    ict_sad: Protocol, tmp_path: Path, study: str, participants: int, seed: int, faults: bool
) -> None:
    """A site may have people and no forms at an export, and nobody may have the programme."""
    protocol = ict_sad if study == "ict_sad" else load_protocol(OPEN_TRIAL)
    truth = simulate(Workspace(tmp_path), protocol, participants, seed, faults, today=TODAY, events=20)
    analysed = pl.read_parquet(truth / "adsl.parquet").height
    assert faults or analysed >= participants  # a refused row may cost a person
    delivered = pl.read_parquet(truth / "delivery.parquet")
    assert delivered["site_id"].is_in([site.site for site in protocol.study.sites]).all()


def test_a_second_call_finds_its_own_work_done(ict_sad: Protocol, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    truth = simulate(workspace, ict_sad, 6, 1, today=TODAY, events=50)
    before = fingerprint(tmp_path)
    assert simulate(workspace, ict_sad, 6, 1, events=50) == truth
    assert fingerprint(tmp_path) == before
    for changed in ({"seed": 2}, {"participants": 7}, {"today": date(2025, 11, 16)}):
        asked = {"participants": 6, "seed": 1, "events": 50} | changed
        with pytest.raises(SimulationError, match="already holds files"):
            simulate(workspace, ict_sad, **asked)
    assert fingerprint(tmp_path) == before


def test_a_sites_own_drop_is_never_mixed_with_a_simulation(ict_sad: Protocol, tmp_path: Path) -> None:
    drop = tmp_path / "landing" / "oxford" / "usage" / "real.jsonl"
    drop.parent.mkdir(parents=True)
    drop.write_text("{}\n")
    with pytest.raises(SimulationError, match="new workspace"):
        simulate(Workspace(tmp_path), ict_sad, 6, 1)
    assert fingerprint(tmp_path).keys() == {"landing/oxford/usage/real.jsonl"}


def test_a_format_that_is_only_read_is_not_simulated(ict_sad: Protocol, tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    text = (SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8")
    study.write_text(text.replace("read: {format: jsonl}", "read: {format: xlsx}"), encoding="utf-8")
    with pytest.raises(SimulationError, match="platform_log is read as xlsx, which cannot be simulated; what can: del"):
        simulate(Workspace(tmp_path / "trial"), load_protocol(study), 6, 1)
    assert not (tmp_path / "trial" / "landing").exists()


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("ict-trial")
    workspace = ["--workspace", str(tmp_path / "trial")]
    asked = ["simulate", *workspace, "--participants", "3", "--seed"]
    for words, code in (["init", *workspace], 0), ([*asked, "1"], 0), ([*asked, "1"], 0), ([*asked, "2"], 2):
        done = subprocess.run([command, *words], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
    assert "already holds files" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("participants", [1, 2, 5])
def test_very_small_trials_can_be_simulated(ict_sad: Protocol, tmp_path: Path, participants: int) -> None:
    truth = simulate(Workspace(tmp_path), ict_sad, participants, 1, faults=True, today=TODAY, events=20)
    assert pl.read_parquet(truth / "adsl.parquet").height >= participants - 2


def test_people_are_recruited_in_proportion_to_targets(ict_sad: Protocol) -> None:
    import numpy as np

    from pipelines.simulate.calendar import Calendar

    people = recruit(ict_sad.study, 61, Calendar(TODAY), np.random.default_rng(1))
    assert sorted(people.filter(pl.col("arm").is_not_null()).group_by("site").len()["len"]) == [20, 20, 21]
    assert people.select("site", "subject_id").is_unique().all()
