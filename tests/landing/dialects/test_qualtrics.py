"""Qualtrics exports: three header rows, previews and tests, unfinished responses, the clock they were made by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.landing.dialects.site import csv_text, sent, site_with

QUESTIONS = [f"Q7_{n}" for n in range(1, 8)]
NAMES = ["StartDate", "EndDate", "Status", "IPAddress", "Finished", "ResponseId", "DistributionChannel", "Subject"]
IDS = ["startDate", "endDate", "status", "ipAddress", "finished", "_recordId", "distributionChannel", "Subject"]
SOURCE: dict[str, Any] = {
    "dialect": "qualtrics",
    "columns": {"subject_id": "Subject", "completed_at": "EndDate"},
    "constants": {"visit": "BASELINE"},
    "forms": [{"instrument": "gad7", "items": {"{n}": "Q7_{n}"}}],
}
GOOD = ["2026-01-05 10:00:00", "2026-01-05 10:10:00", "0", "192.0.2.1", "1", "R_1", "anonymous", "A1", *"1230123"]


def export(*rows: list[str], zone: str | None = None, third: list[str] | None = None) -> str:
    ids = [*IDS, *(f"QID7_{n}" for n in range(1, 8))]
    told = [{"ImportId": own, **({"timeZone": zone} if zone and own.endswith("Date") else {})} for own in ids]
    header = [*NAMES, *QUESTIONS]
    return csv_text(header, [[f"Frage\n{name}" for name in header], third or [json.dumps(t) for t in told], *rows])


def changed(**cells: str) -> list[str]:
    return [cells.get(name, cell) for name, cell in zip([*NAMES, *QUESTIONS], GOOD, strict=True)]


def test_header_rows_are_no_records(tmp_path: Path, ict_sad: Protocol) -> None:
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", SOURCE)), "questionnaires", export(GOOD))
    assert read.counts == (1, 1, 0, 0)
    assert read.accepted["value"].to_list() == list("1230123")
    assert read.accepted["row_no"].unique().to_list() == [1]
    assert read.accepted["line_no"].unique().to_list() == [19]  # the texts in the second row break their lines
    assert read.rows.unknown_columns == []


@pytest.mark.parametrize(
    "cells",
    [
        {"Status": "1"},
        {"Status": "17"},
        {"Status": "2"},
        {"Status": "Survey Preview"},
        {"DistributionChannel": "preview"},
        {"DistributionChannel": "test"},
        {"Finished": "0"},
        {"Finished": "False"},
        {"Finished": ""},
    ],
)
def test_previews_tests_and_unfinished_responses_carry_nothing(
    tmp_path: Path, ict_sad: Protocol, cells: dict[str, str]
) -> None:
    protocol = site_with(ict_sad, ("questionnaires", SOURCE))
    read = sent(tmp_path, protocol, "questionnaires", export(changed(**cells), changed(Subject="A2")))
    assert read.counts == (2, 2, 0, 0)
    assert read.accepted["subject_id"].unique().to_list() == ["A2"]


@pytest.mark.parametrize("status", ["0", "4", "8", "16", "IP Address", "Spam"])
def test_other_responses_are_read(tmp_path: Path, ict_sad: Protocol, status: str) -> None:
    protocol = site_with(ict_sad, ("questionnaires", SOURCE))
    read = sent(tmp_path, protocol, "questionnaires", export(changed(Status=status, Finished="True")))
    assert read.accepted.height == 7


def test_unfinished_responses_are_read_where_the_study_file_says_so(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {**SOURCE, "dialect": {"name": "qualtrics", "unfinished": "read"}}
    protocol = site_with(ict_sad, ("questionnaires", facts))
    read = sent(tmp_path, protocol, "questionnaires", export(changed(Finished="0"), changed(Status="1", Subject="A2")))
    assert read.accepted["subject_id"].unique().to_list() == ["A1"]


def test_a_renamed_question_is_found_by_its_import_id(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {**SOURCE, "forms": [{"instrument": "gad7", "items": {"{n}": "QID7_{n}"}}]}
    facts["columns"] = {"subject_id": "Subject", "completed_at": "endDate"}
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", export(GOOD))
    assert read.accepted["value"].to_list() == list("1230123")
    assert read.accepted["source_column"][0] == "QID7_1"


def test_a_refused_answer_is_told_by_its_own_line(tmp_path: Path, ict_sad: Protocol) -> None:
    protocol = site_with(ict_sad, ("questionnaires", SOURCE))
    read = sent(tmp_path, protocol, "questionnaires", export(GOOD, changed(Subject="A2", Q7_3="9")))
    assert read.refused() == [(2, "out_of_range", "Q7_3")]
    assert read.quarantine["line_no"].to_list() == [20]


@pytest.mark.parametrize(
    ("zone", "source", "ends"),
    [
        ("Europe/London", {}, "read"),
        ("America/Denver", {}, "refused"),
        ("America/Denver", {"timezone": "America/Denver"}, "read"),
        ("Z", {"timezone": "UTC"}, "read"),
        ("Z", {"timezone": "Etc/UTC"}, "read"),
        ("Z", {}, "refused"),
        ("Nowhere/Land", {}, "refused"),
    ],
)
def test_times_are_by_the_clock_that_the_export_names(
    tmp_path: Path, ict_sad: Protocol, zone: str, source: dict[str, str], ends: str
) -> None:
    protocol = site_with(ict_sad, ("questionnaires", {**SOURCE, **source}))
    read = sent(tmp_path, protocol, "questionnaires", export(GOOD, zone=zone))
    assert (read.rows.rejected is None) == (ends == "read")
    if ends == "refused":
        assert "under `timezone` of this source" in str(read.rows.rejected)


def test_an_export_without_its_third_header_row_is_refused(tmp_path: Path, ict_sad: Protocol) -> None:
    protocol = site_with(ict_sad, ("questionnaires", SOURCE))
    for content in (csv_text([*NAMES, *QUESTIONS], [changed(Subject="canary")] * 3), csv_text(NAMES, [])):
        read = sent(tmp_path, protocol, "questionnaires", content)
        assert "the third line is not the row of" in str(read.rows.rejected) and "canary" not in read.texts


def test_an_export_that_cannot_tell_unfinished_responses_is_refused(tmp_path: Path, ict_sad: Protocol) -> None:
    content = export(GOOD).replace("Finished", "Fin").replace('""finished""', '""fin""')
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", SOURCE)), "questionnaires", content)
    assert "no column Finished" in str(read.rows.rejected)


def test_older_exports_write_import_ids_in_single_quotes(tmp_path: Path, ict_sad: Protocol) -> None:
    third = [f"{{'ImportId': '{own}'}}" for own in [*IDS, *(f"QID7_{n}" for n in range(1, 8))]]
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", SOURCE)), "questionnaires", export(GOOD, third=third))
    assert read.accepted.height == 7


def test_the_real_export(real: Path, tmp_path: Path, ict_sad: Protocol) -> None:
    """One response in a German account; its second header row and its address stay outside."""
    facts = {
        "dialect": "qualtrics",
        "columns": {"subject_id": "ResponseId", "status_date": "EndDate", "status_reason": "Q2"},
        "constants": {"status": "enrolled"},
        "dates": {"status_date": "%Y-%m-%d %H:%M:%S"},
        "ignore": ["Q1", "Q2*"],
    }
    content = (real / "qualtrics" / "three_header_rows.csv").read_bytes()
    read = sent(tmp_path, site_with(ict_sad, ("participants", facts)), "participants", content)
    assert read.counts == (1, 1, 0, 0)
    row = read.accepted.row(0, named=True)
    assert (row["subject_id"], str(row["status_date"]), row["status_reason"]) == (
        "R_2YPOQ602ER1jkf1",
        "2017-07-18",
        "Hello World!",
    )
    assert read.rows.unknown_columns == []
