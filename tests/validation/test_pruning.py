"""Rows of earlier readings go once the delivery has been read anew, and nothing else does."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import effects
from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.validation.intake import read_delivery, rows_folder
from pipelines.validation.pruning import prune_rows
from pipelines.validation.rows import RESULT
from pipelines.workspace import Workspace
from tests.validation.deliver import receipt_of

CONTENT = b"subject_id,arm,randomised_on,stratum\nA1,ICT,2026-01-05,\n"


@pytest.fixture
def read_twice(tmp_path: Path, ict_sad: Protocol) -> tuple[Workspace, Protocol, Receipt, Path]:
    """A delivery that was read by two protocols, and the folder of the first reading."""
    workspace = Workspace(tmp_path)
    receipt = receipt_of(CONTENT, "oxford", "allocation", "a.csv")
    original = workspace.original(receipt.content_sha256)
    original.parent.mkdir(parents=True)
    original.write_bytes(CONTENT)
    effects.make_directory(workspace.receipts)
    receipt.save(workspace.receipts)
    other = replace(ict_sad, instruments={})
    for protocol in (ict_sad, other):
        read_delivery(workspace, protocol, receipt)
    return workspace, other, receipt, rows_folder(workspace, ict_sad, receipt)


Twice = tuple[Workspace, Protocol, Receipt, Path]


def test_only_the_rows_that_count_stay(read_twice: Twice) -> None:
    workspace, protocol, receipt, former = read_twice
    (workspace.rows / "of nobody" / "x").mkdir(parents=True)
    assert prune_rows(workspace, protocol) == 1
    assert not former.exists()
    assert list((workspace.rows / receipt.delivery_id).iterdir()) == [rows_folder(workspace, protocol, receipt)]
    assert (workspace.rows / "of nobody" / "x").exists()
    assert prune_rows(workspace, protocol) == 0


def test_nothing_goes_before_the_new_reading_is_complete(read_twice: Twice) -> None:
    workspace, protocol, receipt, former = read_twice
    (rows_folder(workspace, protocol, receipt) / RESULT).unlink()
    assert prune_rows(workspace, protocol) == 0
    assert (former / RESULT).exists()


@pytest.mark.parametrize("kind", ["rename", "fsync", "remove"])
def test_what_is_half_removed_is_no_longer_taken_for_rows(read_twice: Twice, kind: str) -> None:
    workspace, protocol, receipt, former = read_twice

    def fail(what: str, path: Path) -> None:
        if what == kind:
            raise OSError(5, "Input/output error", str(path))

    with effects.watched(fail), suppress(OSError):
        prune_rows(workspace, protocol)
    assert former.exists() == (kind == "rename")
    prune_rows(workspace, protocol)
    assert len(list((workspace.rows / receipt.delivery_id).iterdir())) == 1
