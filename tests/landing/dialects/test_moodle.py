"""Moodle's log report: whose event it is, who did it, and a number for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.landing.dialects.moodle import Occurrences
from pipelines.study.load import Protocol
from tests.landing.dialects.site import csv_text, sent, site_with

HEADER = ["Time", "User full name", "Affected user", "Event context", "Component", "Event name", "Description"]
HEADER += ["Origin", "IP address"]
EVENTS = {
    "User has logged in": "login",
    "Course module viewed": "module_opened",
    "Course activity completion updated": "module_completed",
    "Message sent": "message_sent",
}
SOURCE: dict[str, Any] = {
    "dialect": {"name": "moodle", "staff": ["3"]},
    "dates": {"occurred_at": "%d/%m/%y, %H:%M:%S"},
    "only": {"Event name": list(EVENTS)},
    "values": {"event": EVENTS, "module": {"Lesson: Module {n}": "core_0{n}"}},
}


def row(description: str, event: str = "Course module viewed", time: str = "5/01/26, 10:00:00") -> list[str]:
    return [time, "Canary Person", "-", "Lesson: Module 1", "Lesson", event, description, "web", "192.0.2.99"]


OPENED = "The user with id '5' viewed the 'lesson' activity with course module id '12'."


def test_whose_event_and_who_did_it(tmp_path: Path, ict_sad: Protocol) -> None:
    rows = [
        row("The user with id '5' has logged in.", "User has logged in"),
        row(OPENED, time="5/01/26, 10:00:01"),
        row("The user with id '3' sent a message to the user with id '5'.", "Message sent", "5/01/26, 10:00:02"),
        row("The user with id '5' sent a message to the user with id '3'.", "Message sent", "5/01/26, 10:00:03"),
        row("The user with id '3' viewed the 'lesson' activity with course module id '12'.", time="5/01/26, 10:00:04"),
        row("The user with id '0' updated the completion state for the course module with id '12' for the user with "
            "id '5'.", "Course activity completion updated", "5/01/26, 10:00:05"),
        row("The attempt with id '2' for the user with id '6' is now graded.", "Course activity completion updated",
            "5/01/26, 10:00:06"),
        row("The user with id '5' viewed the log report for the course with id '2'.", "Log report viewed"),
    ]  # fmt: skip
    read = sent(tmp_path, site_with(ict_sad, ("usage", SOURCE)), "usage", csv_text(HEADER, rows))
    assert read.counts == (8, 8, 0, 0)
    found = read.accepted.select("subject_id", "actor", "event", "module").rows()
    assert found == [
        ("5", "participant", "login", "core_01"),
        ("5", "participant", "module_opened", "core_01"),
        ("5", "therapist", "message_sent", "core_01"),
        ("5", "participant", "message_sent", "core_01"),
        ("5", "system", "module_completed", "core_01"),
        ("6", "system", "module_completed", "core_01"),
    ]
    assert read.rows.unknown_columns == []
    assert read.folder is not None
    stored = b"".join(path.read_bytes() for path in read.folder.iterdir())
    assert b"Canary" not in stored and b"192.0.2.99" not in stored


def test_an_event_has_one_number_however_often_it_is_sent(tmp_path: Path, ict_sad: Protocol) -> None:
    protocol = site_with(ict_sad, ("usage", SOURCE))
    twice = [row(OPENED), row(OPENED)]  # two clicks within a second
    earlier = sent(tmp_path / "1", protocol, "usage", csv_text(HEADER, twice))
    later = sent(tmp_path / "2", protocol, "usage", csv_text(HEADER, [row(OPENED, time="6/01/26, 08:00:00"), *twice]))
    first, again = earlier.accepted["event_id"], later.accepted["event_id"]
    assert first.n_unique() == 2 and again.n_unique() == 3
    assert set(first) < set(again)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(1, 12))
def test_numbers_do_not_depend_on_how_a_file_is_cut(said: list[str], size: int) -> None:
    whole = Occurrences().numbers(pl.DataFrame({"said": said}, schema={"said": pl.String})).to_list()
    cut = Occurrences()
    pieces = [said[i : i + size] for i in range(0, len(said), size)]
    found = [n for piece in pieces for n in cut.numbers(pl.DataFrame({"said": piece})).to_list()]
    assert found == whole and len(set(found)) == len(said)


def test_columns_in_another_language_are_named_in_the_study_file(tmp_path: Path, ict_sad: Protocol) -> None:
    own = {"Time": "時間", "Event context": "コンテクスト", "Event name": "イベント名", "Description": "説明"}
    facts = {
        "dialect": {"name": "moodle", "description": "説明"},
        "columns": {"occurred_at": "時間", "event": "イベント名", "module": "コンテクスト"},
        "dates": {"occurred_at": "%Y/%m/%d %H:%M"},
        "values": {"event": {"コースモジュールが閲覧されました": "module_opened"}},
        "ignore": ["*"],
    }
    cells = row(OPENED, "コースモジュールが閲覧されました", "2026/01/05 19:00")
    content = csv_text([own.get(name, name) for name in HEADER], [cells])
    read = sent(tmp_path, site_with(ict_sad, ("usage", facts)), "usage", content)
    assert read.accepted.select("subject_id", "event").rows() == [("5", "module_opened")]


def test_a_column_of_the_site_may_say_who_it_was(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {**SOURCE, "columns": {"subject_id": "ID number"}}
    content = csv_text([*HEADER, "ID number"], [[*row(OPENED), "OX-17"]])
    read = sent(tmp_path, site_with(ict_sad, ("usage", facts)), "usage", content)
    assert read.accepted["subject_id"].to_list() == ["OX-17"]


@pytest.mark.parametrize("lacking", ["Description", "Event name"])
def test_a_log_without_a_column_that_is_needed_is_refused(tmp_path: Path, ict_sad: Protocol, lacking: str) -> None:
    content = csv_text([name.replace(lacking, "x") for name in HEADER], [row(OPENED)])
    read = sent(tmp_path, site_with(ict_sad, ("usage", SOURCE)), "usage", content)
    assert lacking in str(read.rows.rejected)
