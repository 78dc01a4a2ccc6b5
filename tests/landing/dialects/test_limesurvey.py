"""LimeSurvey exports: question codes in each of their spellings, unfinished responses, surveys without dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.landing.dialects.site import csv_text, sent, site_with

SOURCE: dict[str, Any] = {
    "dialect": "limesurvey",
    "columns": {"subject_id": "token", "completed_at": "submitdate"},
    "constants": {"visit": "WEEK 8"},
    "values": {"value": {"A{n}": "{n}"}},
    "forms": [{"instrument": "gad7", "items": {"{n}": "GAD[SQ{n}]"}}],
}
LEAD = ["id", "submitdate", "lastpage", "startlanguage", "seed", "token"]
DONE = ["7", "2026-01-05 10:00:00", "3", "en", "12", "A1", *(f"A{n}" for n in "1230123")]


def header(shape: str) -> list[str]:
    return [*LEAD, *(shape.format(n=n) for n in range(1, 8))]


@pytest.mark.parametrize(
    "shape", ["GAD[SQ{n}]", "GAD[SQ00{n}]", "GAD_SQ{n}", "GAD_SQ00{n}", "GAD[SQ00{n}]. How often [Nervous]"]
)
def test_a_code_is_known_in_each_spelling(tmp_path: Path, ict_sad: Protocol, shape: str) -> None:
    protocol = site_with(ict_sad, ("questionnaires", SOURCE))
    read = sent(tmp_path, protocol, "questionnaires", csv_text(header(shape), [DONE]))
    assert read.counts == (1, 1, 0, 0)
    assert read.accepted["value"].to_list() == list("1230123")
    assert read.rows.unknown_columns == []
    assert str(read.accepted["completed_at"][0]) == "2026-01-05 10:00:00+00:00"


def test_unfinished_responses(tmp_path: Path, ict_sad: Protocol) -> None:
    begun = ["8", "", "1", "en", "12", "A2", "A1", *[""] * 6]
    content = csv_text(header("GAD[SQ{n}]"), [DONE, begun])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", SOURCE)), "questionnaires", content)
    assert read.counts == (2, 2, 0, 0) and read.accepted["subject_id"].unique().to_list() == ["A1"]
    also = {**SOURCE, "dialect": {"name": "limesurvey", "unfinished": "read"}}
    also["columns"] = {"subject_id": "token", "completed_at": "datestamp"}
    content = csv_text([*header("GAD[SQ{n}]"), "datestamp"], [[*begun, "2026-01-06 09:00:00"]])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", also)), "questionnaires", content)
    assert read.accepted["value"].to_list() == ["1", *[None] * 6]


def test_a_survey_that_keeps_no_dates_has_none(tmp_path: Path, ict_sad: Protocol) -> None:
    content = csv_text(header("GAD[SQ{n}]"), [["7", "1980-01-01 00:00:00", *DONE[2:]]])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", SOURCE)), "questionnaires", content)
    assert read.refused() == [(1, "missing_key", "submitdate")]


def test_two_dimensional_questions_and_unknown_ones(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {**SOURCE, "forms": [{"instrument": "gad7", "items": {"{n}": "GAD[SQ{n}][1]"}}]}
    cells = [*DONE, "x", "me@example.org"]
    content = csv_text([*header("GAD_SQ{n}_1"), "extra", "email"], [cells])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", content)
    assert read.accepted.height == 7 and read.rows.unknown_columns == ["extra"]


def test_headings_without_codes_are_refused(tmp_path: Path, ict_sad: Protocol) -> None:
    content = csv_text(["Response ID", "Date submitted", *header("GAD[SQ{n}]")[2:]], [DONE])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", SOURCE)), "questionnaires", content)
    assert "question codes as headings" in str(read.rows.rejected)
