"""Damaged files of SAS, which cannot be written here: not of the corpus' own number, and only where real ones are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.study.load import Protocol
from tests.corpus.damage import sas
from tests.validation.deliver import Read, deliver
from tests.validation.test_mapping import with_source

N_ROWS = 37
SOURCE = {
    "read": {"format": "sas7bdat"},
    "columns": {"event_id": "x1", "subject_id": "x2", "duration_s": "x3"},
    "constants": {"occurred_at": "2026-01-05T10:00:00Z", "actor": "participant", "event": "login"},
}


@pytest.fixture
def content(real: Path) -> bytes:
    return (real / "sas7bdat" / "all_rand_normal.sas7bdat").read_bytes()


def read(folder: Path, protocol: Protocol, content: bytes) -> Read:
    return deliver(
        folder, with_source(protocol, "oxford", "usage", **SOURCE), content, "oxford", "usage", "log.sas7bdat"
    )


def test_the_file_is_read_before_it_is_damaged(tmp_path: Path, ict_sad: Protocol, content: bytes) -> None:
    found = read(tmp_path, ict_sad, content)
    assert found.rows.rejected is None and found.rows.n_rows == N_ROWS
    assert {rule for _, rule, _ in found.refused()} <= {"bad_identifier", "out_of_range"}


@pytest.mark.parametrize(
    "damage",
    [sas.cut_in_its_header, sas.cut_within_a_page, sas.cut_between_pages, sas.other_magic, sas.zeros_in_its_middle],
)
def test_damaged_it_is_rejected(
    tmp_path: Path, ict_sad: Protocol, content: bytes, damage: Callable[[bytes], bytes]
) -> None:
    found = read(tmp_path, ict_sad, damage(content))
    assert found.rows.rejected is not None, found.counts
    assert "SAS file" in found.rows.rejected
