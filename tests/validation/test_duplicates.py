"""The same record more than once in one delivery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.study.load import Protocol
from pipelines.validation import duplicates
from schemas.feeds import FEEDS
from tests.validation.deliver import Read, deliver
from tests.validation.test_mapping import PHQ, table

OPEN_DATABASE = duplicates._database


def read(tmp_path: Path, protocol: Protocol, feed: str, *rows: str) -> Read:
    return deliver(tmp_path, protocol, "\n".join([",".join(FEEDS[feed].header), *rows]), "oxford", feed)


def test_the_same_again_is_a_duplicate_of_the_first(tmp_path: Path, ict_sad: Protocol) -> None:
    same = "e1,A1,2026-01-05T10:00:00Z,system,login,,2"
    again = "e1,A1,2026-01-05T11:00:00+01:00,system,login,,2.0"
    found = read(tmp_path, ict_sad, "usage", same, "e2,A1,2026-01-05T10:00Z,system,login,,", again, same)
    assert found.counts == (4, 2, 0, 2)
    assert found.accepted["row_no"].to_list() == [1, 2]
    assert found.accepted.schema["occurred_at"] == pl.Datetime("us", "UTC")


def test_two_versions_in_one_file_are_both_refused(tmp_path: Path, ict_sad: Protocol) -> None:
    a, b = "e1,A1,2026-01-05T10:00Z,system,login,,2", "e1,A1,2026-01-05T10:00Z,system,logout,,2"
    found = read(tmp_path, ict_sad, "usage", a, "e2,,,,,,", b, a)
    assert found.counts == (4, 1, 3, 0)
    assert found.refused() == [(n, "conflicting_duplicate", "") for n in (1, 3, 4)]
    assert found.quarantine["record_key"].to_list() == ["e1"] * 3
    assert found.quarantine["line_no"].to_list() == [2, 4, 5]
    assert found.accepted["row_no"].to_list() == [2]


def test_a_missing_value_is_another_content(tmp_path: Path, ict_sad: Protocol) -> None:
    found = read(tmp_path, ict_sad, "allocation", "A1,ICT,2026-01-05,", "A1,,2026-01-05,")
    assert found.counts == (2, 0, 2, 0)


def test_a_version_that_is_refused_anyway_still_conflicts(tmp_path: Path, ict_sad: Protocol) -> None:
    for cell in ("nobody,login,,2", "system,login,,abc", "system,login,,-2"):
        rows = ["e1,A1,2026-01-05T10:00Z,system,login,,2", f"e1,A1,2026-01-05T10:00Z,{cell}"]
        found = read(tmp_path, ict_sad, "usage", *rows)
        assert found.counts == (2, 0, 2, 0)
        assert [(n, rule) for n, rule, _ in found.refused()].count((1, "conflicting_duplicate")) == 1
        assert sum(rule == "conflicting_duplicate" for _, rule, _ in found.refused()) == 2
        assert found.quarantine.height == 3


def test_two_unreadable_versions_conflict_and_the_same_one_twice_does_not(tmp_path: Path, ict_sad: Protocol) -> None:
    found = read(tmp_path, ict_sad, "usage", "e1,A1,x,system,login,,", "e1,A1,y,system,login,,")
    assert {rule for _, rule, _ in found.refused()} == {"unreadable_time", "conflicting_duplicate"}
    found = read(tmp_path, ict_sad, "usage", "e1,A1,x,system,login,,", "e1,A1,x,system,login,,")
    assert {rule for _, rule, _ in found.refused()} == {"unreadable_time"}
    assert found.counts == (2, 0, 2, 0)


def test_rows_whose_key_cannot_be_read_are_never_duplicates(tmp_path: Path, ict_sad: Protocol) -> None:
    found = read(tmp_path, ict_sad, "usage", *[",A1,2026-01-05T10:00Z,system,login,,"] * 2, *["e 1,,,,,,"] * 2)
    assert {rule for _, rule, _ in found.refused()} == {"missing_key", "bad_identifier"}
    assert found.quarantine["record_key"].null_count() == 4


def test_answers_with_and_without_a_visit_are_different(tmp_path: Path, ict_sad: Protocol) -> None:
    rows = ["A1,phq9,,2026-01-05,1,2", "A1,phq9,BASELINE,2026-01-05,1,3", "A1,phq9,,2026-01-05T00:00Z,1,1"]
    assert read(tmp_path, ict_sad, "questionnaires", *rows).counts == (3, 3, 0, 0)


def test_a_wide_record_is_a_duplicate_when_everything_in_it_is(tmp_path: Path, ict_sad: Protocol) -> None:
    row = ["M1", "開始時", "2026/01/05", *"012301230"]
    partly = [*row[:11], "1"]
    header = ["症例番号", "時期", "回答日", *PHQ]

    def wide(*rows: list[str]) -> Read:
        content = table(header, *rows).encode("cp932")
        return deliver(tmp_path, ict_sad, content, "miyazaki", "questionnaires", "x.csv")

    assert wide(row, row).counts == (2, 1, 0, 1)
    found = wide(row, partly)
    assert found.counts == (2, 0, 2, 0)
    assert found.refused() == [(1, "conflicting_duplicate", "PHQ9"), (2, "conflicting_duplicate", "PHQ9")]
    assert found.accepted["item"].to_list() == [str(n) for n in range(1, 9)]
    assert found.accepted["row_no"].unique().to_list() == [1]


def test_duplicates_are_found_across_batches(tmp_path: Path, ict_sad: Protocol) -> None:
    rows = [f"e{i % 150_000},A{i % 7},2026-01-05T10:00:00Z,participant,login,core_01,{i % 9}" for i in range(150_000)]
    twice = [*rows, "e5,A5,2026-01-05T10:00:00Z,participant,logout,core_01,5", *rows[100:]]
    found = read(tmp_path, ict_sad, "usage", *twice)
    assert found.counts == (299_901, 149_999, 2, 149_900)
    assert found.accepted["row_no"].is_sorted()
    assert {(n, rule) for n, rule, _ in found.refused()} == {
        (6, "conflicting_duplicate"),
        (150_001, "conflicting_duplicate"),
    }


def test_more_than_the_process_s_own_database_has_room_for_comes_to_the_same(
    tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"e{n % 3000},A{n % 3000},2026-01-05T10:00Z,system,login,core_{n % 3000:0300},2" for n in range(6000)]
    found = {}
    for memory in (duplicates.KEPT_MEMORY, "1MB"):
        monkeypatch.setattr(duplicates, "KEPT_MEMORY", memory)
        duplicates._kept_database.cache_clear()
        opened: list[Path | None] = []
        monkeypatch.setattr(duplicates, "_database", noted(opened))
        one = read(tmp_path / memory, ict_sad, "usage", *rows)
        found[memory] = (one.counts, one.accepted.rows(), len(opened))
    duplicates._kept_database.cache_clear()
    (roomy, small) = found.values()
    assert roomy[0] == (6000, 3000, 0, 3000)
    assert small[:2] == roomy[:2] and (roomy[2], small[2]) == (1, 2)


def noted(opened: list[Path | None]) -> Callable[[str, Path | None], Any]:
    def note(memory: str, spill: Path | None) -> Any:
        opened.append(spill)
        return OPEN_DATABASE(memory, spill)

    return note
