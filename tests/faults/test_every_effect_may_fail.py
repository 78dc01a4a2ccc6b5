"""A night that fails at any of its effects on disk: yesterday's snapshot stays, and a later night makes it good.

Each stage of a night is tried again and again; the n-th try fails at the n-th sort of effect, on top of what
the tries before it left behind. Then one undisturbed night must come to what it would have come to at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from pipelines import effects
from pipelines.landing.receipt import load_receipts
from pipelines.quality.audit_ledger import LEDGER
from pipelines.study.load import Protocol
from pipelines.warehouse.dictionary import Dictionary
from pipelines.warehouse.digest import sha256_of
from pipelines.warehouse.published import current_snapshot, snapshot_ids
from pipelines.warehouse.verify import verify_snapshot
from pipelines.workspace import Workspace
from tests.faults.night import (
    FIRST_NIGHT,
    SECOND_NIGHT,
    build,
    copy_of,
    few_published,
    make_public,
    new_trial,
    run_night,
    second_drop,
    take_in,
)

Step = tuple[str, str]
Stage = Callable[[Workspace, Protocol], object]


def step_of(kind: str, path: Path, root: Path) -> Step:
    """A sort of effect: what is done, and where, without names that differ from file to file."""
    place = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    place = re.sub(r"[0-9a-f]{16,}|\d{8}T\d{6}Z-[0-9a-f]{8}|(?<=originals/)[0-9a-f]{2}", "*", place)
    return kind, re.sub(r"[a-z]+\.[a-z_]+\.parquet$", "*.parquet", place)


def steps_of(stage: Callable[[], object], root: Path) -> list[Step]:
    steps: dict[Step, None] = {}
    with effects.watched(lambda kind, path: steps.setdefault(step_of(kind, path, root))):
        stage()
    return list(steps)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Protocol]:
    """A trial after its first night, with the second night's drops in place."""
    workspace, protocol = new_trial(tmp_path_factory.mktemp("before") / "trial")
    run_night(workspace, protocol, FIRST_NIGHT)
    second_drop(workspace)
    return workspace, protocol


def stages(published: Dictionary | None = None) -> dict[str, Stage]:
    return {
        "taking in": lambda w, p: take_in(w, p, SECOND_NIGHT),
        "building": lambda w, p: build(w, p, take_in(w, p, SECOND_NIGHT)),
        "publishing": lambda w, p: make_public(w, p, SECOND_NIGHT, published),
    }


def digest(workspace: Workspace) -> str:
    return str(json.loads((workspace.published / "current" / "manifest.json").read_bytes())["tables_digest"])


def deliveries(workspace: Workspace) -> set[str]:
    return {receipt.delivery_id for receipt in load_receipts(workspace.receipts)}


def verified() -> Callable[[Path], bool]:
    """Whether a snapshot is what was published. One whose bytes were found so before still is."""
    known: set[str] = set()

    def is_whole(folder: Path) -> bool:
        bytes_of = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
        if str(bytes_of) not in known and verify_snapshot(folder) == []:
            known.add(str(bytes_of))
        return str(bytes_of) in known

    return is_whole


@dataclass(frozen=True)
class Undisturbed:
    """The second night when nothing fails: the steps of each stage, and what it comes to."""

    steps: dict[str, list[Step]]
    digest: str
    deliveries: set[str]


@pytest.fixture(scope="module")
def undisturbed(before: tuple[Workspace, Protocol], tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    source, protocol = before
    workspace = copy_of(source, tmp_path_factory.mktemp("undisturbed") / "trial")
    steps = {name: steps_of(partial(stage, workspace, protocol), workspace.root) for name, stage in stages().items()}
    return Undisturbed(steps, digest(workspace), deliveries(workspace))


def fail_at(stage: Callable[[], object], step: Step, root: Path) -> bool:
    """Run `stage` on a disk that is full from `step` on. Whether it got that far."""
    failed = []

    def full(kind: str, path: Path) -> None:
        if step_of(kind, path, root) == step:
            failed.append(step)
        if failed:
            raise OSError(28, "No space left on device", str(path))

    with effects.watched(full), suppress(OSError):
        stage()
    return bool(failed)


@pytest.mark.parametrize("name", stages())
def test_a_disk_that_is_full_from_any_step_on(
    before: tuple[Workspace, Protocol], undisturbed: Undisturbed, name: str, tmp_path: Path
) -> None:
    source, protocol = before
    yesterday, is_whole = current_snapshot(source), verified()
    disturbed = copy_of(source, tmp_path / "disturbed")
    if name == "publishing":
        stages()["building"](disturbed, protocol)
    assert len(undisturbed.steps[name]) > 3

    # Every sort of effect fails at its first table: the others would only take their time.
    stage = stages(few_published())[name]
    for step in undisturbed.steps[name]:
        assert fail_at(lambda: stage(disturbed, protocol), step, disturbed.root), step
        after_the_switch = name == "publishing" and (
            step == ("fsync", "published") or step[1].startswith("store/audit")
        )
        assert current_snapshot(disturbed) == yesterday or after_the_switch, step
        assert is_whole(disturbed.published / "current"), step

    run_night(disturbed, protocol, SECOND_NIGHT)
    assert digest(disturbed) == undisturbed.digest
    recorded = (disturbed.audit / LEDGER).read_text().splitlines()
    assert [json.loads(line)["snapshot_id"] for line in recorded] == snapshot_ids(disturbed)
    assert [path.name for path in disturbed.published.rglob(".*")] == []
    assert deliveries(disturbed) == undisturbed.deliveries
