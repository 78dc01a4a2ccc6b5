"""Deliveries in the formats that a study file may declare, from their bytes to accepted rows."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from tests.landing.readers.examples import cell, sheet, workbook, zipped
from tests.validation.deliver import deliver

HEADER = ["id", "user", "ts", "role", "verb", "module", "seconds"]
EVENT = ["e1", "A1", "2026-01-05T10:00:00Z", "system", "logged_in", None, None]


def protocol(folder: Path, read: str) -> Protocol:
    """The built-in study whose sites log their usage in another format."""
    text = (SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8")
    assert "read: {format: jsonl}" in text
    path = folder / "study.yaml"
    path.write_text(text.replace("read: {format: jsonl}", read).replace('"*.jsonl*"', '"*.log"'), encoding="utf-8")
    return load_protocol(path)


def test_a_workbook_is_read_and_what_excel_spoilt_is_set_aside(tmp_path: Path) -> None:
    spoilt = "".join(
        f'<row r="{row}">{cell(f"A{row}", "e" + str(row))}{cell(f"B{row}", user)}{cell(f"C{row}", "46027.5", style)}'
        f"{cell(f'D{row}', 'system')}{cell(f'E{row}', 'logged_in')}</row>"
        for row, user, style in ((3, "A1", 0), (4, "A1", 2), (5, "1.23E+25", 2))
    )
    content = workbook(sheet(HEADER, EVENT, extra=spoilt))
    for name, data in (("u.log", content), ("u.log.zip", zipped({"u.xlsx": content}))):
        read = deliver(tmp_path, protocol(tmp_path, "read: {format: xlsx}"), data, "oxford", "usage", name)
        assert read.refused() == [(2, "unreadable_time", "ts"), (4, "bad_identifier", "user")]
        assert read.accepted["event_id"].to_list() == ["e1", "e4"]
        assert read.accepted["line_no"].to_list() == [2, 4]


def test_a_workbook_that_excel_spoilt_as_a_whole_is_rejected(tmp_path: Path) -> None:
    content = workbook(sheet(HEADER, EVENT), sheet(["canary"]), states=["visible", "hidden"])
    read = deliver(tmp_path, protocol(tmp_path, "read: {format: xlsx}"), content, "oxford", "usage", "u.log")
    assert read.rows.rejected is not None and "hidden sheets (S2)" in read.rows.rejected


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz", "f.csv.zip", "F.CSV.ZIP"])
def test_the_house_format_is_known_however_it_is_packed(tmp_path: Path, ict_sad: Protocol, name: str) -> None:
    content = b"event_id,subject_id,occurred_at,actor,event,module,duration_s\ne1,A1,2026-01-05T10:00Z,system,login,,\n"
    ending = name.lower()[5:]
    packed = {"": content, ".gz": gzip.compress(content), ".zip": zipped({"x/f.csv": content})}[ending]
    assert deliver(tmp_path, ict_sad, packed, "oxford", "usage", name).counts == (1, 1, 0, 0)


def test_an_archive_that_attacks_is_rejected(tmp_path: Path, ict_sad: Protocol) -> None:
    content = zipped({"../f.sav": b"$FL2"})
    read = deliver(tmp_path, ict_sad, content, "hong_kong", "participants", "f.sav.zip")
    assert read.rows.rejected is not None and "points outside" in read.rows.rejected
