"""What a spreadsheet has done to a file is refused, with a message that says what it did and how to export instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.study.load import Protocol
from pipelines.validation import spreadsheet_damage
from tests.landing.readers.examples import cell, sheet, workbook
from tests.validation.deliver import deliver
from tests.validation.test_house_format import QUESTIONNAIRES, USAGE, answers, usage
from tests.validation.test_mapping import with_source

DAYS = "its own count of days"
SHORT = "has shortened the date (as 1-Mar)"
COUNTRY = "as a spreadsheet of one country or another writes dates"
PART = "has kept a part of the time only"
LONG = "has shortened a long number (as 1.23E+05)"
TAKEN = "has taken it for a date (as 1-Mar)"
ERROR = "shows an error (such as #N/A) or a column too narrow (####)"
FORMULA = "a spreadsheet's formula"
PARTICIPANTS = "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason"


def person(**given: str) -> str:
    values = dict(
        zip(
            PARTICIPANTS.split(","),
            ["A1", "", "en", "2026-01-05", "1980", "F", "enrolled", "2026-01-06", ""],
            strict=True,
        )
    )
    return ",".join((values | given).values())


@pytest.mark.parametrize(
    ("column", "text", "rule", "did"),
    [
        ("consent_date", "45123", "unreadable_date", DAYS),
        ("consent_date", "45123.5", "unreadable_date", DAYS),
        ("consent_date", "1-Mar", "unreadable_date", SHORT),
        ("consent_date", "1-Mar-26", "unreadable_date", SHORT),
        ("consent_date", "Mar-26", "unreadable_date", SHORT),
        ("consent_date", "3月1日", "unreadable_date", SHORT),
        ("consent_date", "7/2/2026", "unreadable_date", COUNTRY),
        ("consent_date", "05.01.2026", "unreadable_date", COUNTRY),
        ("consent_date", "2026/1/5", "unreadable_date", COUNTRY),
        ("consent_date", "#########", "unreadable_date", ERROR),
        ("consent_date", "=TODAY()", "unreadable_date", FORMULA),
        ("subject_id", "1.23E+05", "bad_identifier", LONG),
        ("subject_id", "1E+15", "bad_identifier", LONG),
        ("subject_id", "1.23457E+15", "bad_identifier", LONG),
        ("subject_id", "1-Mar", "bad_identifier", TAKEN),
        ("subject_id", "12-Dec-05", "bad_identifier", TAKEN),
        ("subject_id", "Sep-03", "bad_identifier", TAKEN),
        ("subject_id", "2026-03-01", "bad_identifier", TAKEN),
        ("subject_id", "#REF!", "bad_identifier", ERROR),
        ("sex", "#N/A", "unknown_code", ERROR),
        ("birth_year", "1.98E+03", "not_whole_number", LONG),
        ("birth_year", "1-Mar", "unreadable_number", TAKEN),
        ("centre", "#NAME?", "spreadsheet_error", ERROR),
        ("status_reason", "#VALUE!", "spreadsheet_error", ERROR),
        ("consent_date", "next week", "unreadable_date", ""),
        ("subject_id", "A 1", "bad_identifier", ""),
    ],
)
def test_a_cell_of_a_csv_that_a_spreadsheet_saved(
    tmp_path: Path, ict_sad: Protocol, column: str, text: str, rule: str, did: str
) -> None:
    read = deliver(tmp_path, ict_sad, f"{PARTICIPANTS}\n{person(**{column: text})}\n", "oxford", "participants")
    assert read.refused() == [(1, rule, column)]
    (message,) = read.quarantine["message"]
    assert ("a spreadsheet" in message) is bool(did) and did in message
    assert ("send that file without opening it in a spreadsheet" in message) is bool(did)
    assert message.endswith("correct it and send the file again") is not bool(did)


@pytest.mark.parametrize("known", ["1-MAR", "MAR-17", "1e5x", "2026-03-01a", "1-3", "A-Mar-1", "12345"])
def test_identifiers_that_only_look_a_little_like_it_are_accepted(
    tmp_path: Path, ict_sad: Protocol, known: str
) -> None:
    read = deliver(tmp_path, ict_sad, f"{PARTICIPANTS}\n{person(subject_id=known)}\n", "oxford", "participants")
    assert read.counts == (1, 1, 0, 0)


@pytest.mark.parametrize(("text", "did"), [("30:00.0", PART), ("46000.5", DAYS), ("5/1/2026 10:00", COUNTRY)])
def test_times_that_a_spreadsheet_saved(tmp_path: Path, ict_sad: Protocol, text: str, did: str) -> None:
    read = usage(tmp_path, ict_sad, f"e1,A1,{text},system,login,,")
    assert read.refused() == [(1, "unreadable_time", "occurred_at")]
    assert did in read.quarantine["message"][0]


@pytest.mark.parametrize(("text", "did"), [("1-Mar", TAKEN), ("#N/A", ERROR), ("=1+1", FORMULA)])
def test_answers_that_a_spreadsheet_saved(tmp_path: Path, ict_sad: Protocol, text: str, did: str) -> None:
    read = answers(tmp_path, ict_sad, f"A1,phq9,BASELINE,2026-01-05,1,{text}")
    assert read.refused() == [(1, "not_whole_number", "value")]
    message = read.quarantine["message"][0]
    assert did in message and "expected one from 0 to 3" in message


def test_a_workbook_in_which_excel_took_an_identifier_and_an_answer_for_dates(
    tmp_path: Path, ict_sad: Protocol
) -> None:
    names = QUESTIONNAIRES.split(",")
    row = [cell("A2", "46000", 1), cell("B2", "phq9"), cell("C2", "BASELINE"), cell("D2", "2026-01-05")]
    row += [cell("E2", "1"), cell("F2", "46000", 1)]  # style 1 is a date
    content = workbook(sheet(names, extra=f'<row r="2">{"".join(row)}</row>'))
    columns = {name: name for name in names}
    protocol = with_source(ict_sad, "oxford", "questionnaires", read={"format": "xlsx"}, columns=columns)
    read = deliver(tmp_path, protocol, content, "oxford", "questionnaires", "f.xlsx")
    assert read.refused() == [(1, "bad_identifier", "subject_id"), (1, "not_whole_number", "value")]
    assert all(TAKEN in message for message in read.quarantine["message"])


@pytest.mark.parametrize(("n_rows", "refused"), [(5, False), (6, True), (7, True), (8, False)])
def test_a_file_that_ends_where_a_sheet_ends(
    tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch, n_rows: int, refused: bool
) -> None:
    monkeypatch.setattr(spreadsheet_damage, "LAST_ROWS", {7: ".xls"})
    rows = [f"e{n},A1,2026-01-05T10:00:00Z,system,login,," for n in range(n_rows)]
    read = usage(tmp_path, ict_sad, *rows)
    assert (read.rows.rejected is not None) is refused
    if read.rows.rejected:
        assert f"the file has {n_rows} rows below its header, which is where a sheet of .xls ends" in read.rows.rejected
    said = deliver(
        tmp_path / "said", ict_sad, "\n".join([USAGE, *rows]), "oxford", "usage", rows=n_rows, has_manifest=True
    )
    assert said.rows.rejected is None, "its manifest says that there are no more"


def test_the_last_rows_are_those_of_excel() -> None:
    assert spreadsheet_damage.LAST_ROWS == {65_536: ".xls", 1_048_576: ".xlsx"}
