"""Files in the house format: where every row goes, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipelines import effects
from pipelines.study.instrument import Instrument
from pipelines.study.load import Protocol
from pipelines.validation.rows import RESULT, VARIABLES
from schemas.feeds import FEEDS
from tests.validation.deliver import PLACE, Read, deliver

USAGE = ",".join(FEEDS["usage"].header)
QUESTIONNAIRES = ",".join(FEEDS["questionnaires"].header)
GOOD = {
    "participants": "A1,,en,2026-01-05,1980,F,enrolled,2026-01-06,",
    "allocation": "A1,ICT,2026-01-05,s1",
    "questionnaires": "A1,phq9,BASELINE,2026-01-05T10:00:00Z,1,2",
    "usage": "e1,A1,2026-01-05T10:00:00Z,participant,login,core_01,12.5",
    "contacts": "c1,A1,2026-01-05T10:00:00Z,call,to_participant,15,T1",
    "adverse_events": "x1,A1,2026-01-05,2026-01-06,headache,N,2,U,resolved",
    "intercurrent_events": "i1,A1,other_therapy,2026-01-05,,",
}


def usage(tmp_path: Path, protocol: Protocol, *rows: str, site: str = "oxford") -> Read:
    return deliver(tmp_path, protocol, "\n".join([USAGE, *rows]) + "\n", site, "usage")


def answers(tmp_path: Path, protocol: Protocol, *rows: str, site: str = "oxford") -> Read:
    return deliver(tmp_path, protocol, "\n".join([QUESTIONNAIRES, *rows]) + "\n", site, "questionnaires")


@pytest.mark.parametrize("feed", list(FEEDS))
def test_a_good_row_of_every_feed_is_accepted(tmp_path: Path, ict_sad: Protocol, feed: str) -> None:
    read = deliver(tmp_path, ict_sad, f"{','.join(FEEDS[feed].header)}\n{GOOD[feed]}\n", "miyazaki", feed)
    assert read.counts == (1, 1, 0, 0)
    assert (read.rows.stream, read.rows.scope, read.rows.blinding) == ("house", "incremental", FEEDS[feed].blinding)
    row = read.accepted.row(0, named=True)
    assert (row["site_id"], row["row_no"], row["line_no"]) == ("miyazaki", 1, 2)


@pytest.mark.parametrize("feed", list(FEEDS))
def test_a_header_alone_is_an_accepted_delivery_of_no_rows(tmp_path: Path, ict_sad: Protocol, feed: str) -> None:
    read = deliver(tmp_path, ict_sad, ",".join(FEEDS[feed].header), "oxford", feed)
    full = deliver(tmp_path, ict_sad, f"{','.join(FEEDS[feed].header)}\n{GOOD[feed]}", "oxford", feed)
    assert read.counts == (0, 0, 0, 0) and read.rows.rejected is None
    assert read.accepted.schema == full.accepted.schema


def test_types_and_the_day_at_the_site(tmp_path: Path, ict_sad: Protocol) -> None:
    read = usage(tmp_path, ict_sad, "e1,A1,2026-01-05T20:00:00Z,system,login,,1", site="miyazaki")
    row = read.accepted.row(0, named=True)
    assert row["occurred_at"] == datetime(2026, 1, 5, 20, tzinfo=UTC)
    assert row["occurred_on"] == date(2026, 1, 6)
    assert row["duration_s"] == 1.0 and row["module"] is None and row["record_key"] == "e1"


def test_a_log_may_say_from_which_device_an_event_came_and_when_it_was_stored(
    tmp_path: Path, ict_sad: Protocol
) -> None:
    # 01:30 in London on 25 October 2026 exists twice; the note is about the event's own time, not about its storing.
    rows = ("e1,A1,2026-01-05T10:00:00Z,participant,login,,,d1,2026-01-05T10:00:07Z",
            "e2,A1,2026-01-05T10:00:00Z,participant,login,,,d1,2025-10-26T01:30:00",
            "e3,A1,2026-01-05T10:00:00Z,participant,login,,,,soon")  # fmt: skip
    read = deliver(tmp_path, ict_sad, "\n".join([f"{USAGE},device,stored_at", *rows]), "oxford", "usage")
    assert read.counts == (3, 2, 1, 0) and read.refused() == [(3, "unreadable_time", "stored_at")]
    first, second = read.accepted.sort("event_id").rows(named=True)
    assert (first["device"], first["stored_at"]) == ("d1", datetime(2026, 1, 5, 10, 0, 7, tzinfo=UTC))
    assert (second["stored_at"], second["clock_note"]) == (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), None)


def test_columns_are_found_by_name_and_extra_ones_are_named(tmp_path: Path, ict_sad: Protocol) -> None:
    text = "duration_s,secret\x01name,event,actor,module,occurred_at,subject_id,event_id\n7,s,login,system,m,"
    read = deliver(tmp_path, ict_sad, text + "2026-01-05T10:00Z,A1,e1\n", "oxford", "usage", "whatever.CSV")
    row = read.accepted.row(0, named=True)
    assert (row["event_id"], row["subject_id"], row["event"], row["duration_s"]) == ("e1", "A1", "login", 7.0)
    assert read.rows.unknown_columns == ["secret?name"]


@pytest.mark.parametrize(
    ("row", "rule", "column"),
    [
        (",A1,2026-01-05T10:00Z,system,login,,", "missing_key", "event_id"),
        ("e 1,A1,2026-01-05T10:00Z,system,login,,", "bad_identifier", "event_id"),
        ("e1,А1,2026-01-05T10:00Z,system,login,,", "bad_identifier", "subject_id"),  # a Cyrillic А
        ("e1,1.23E+05,2026-01-05T10:00Z,system,login,,", "bad_identifier", "subject_id"),
        ("e1,A1,2026-01-05T10:00Z,robot,login,,", "unknown_code", "actor"),
        ("e1,A1,2026-01-05T10:00Z,system,Login,,", "unknown_code", "event"),
        ("e1,A1,2026-01-05T10:00Z,system,login,,-1", "out_of_range", "duration_s"),
        ("e1,A1,2026-01-05T10:00Z,system,login,,1;5", "unreadable_number", "duration_s"),
        ("e1,A1,2026-01-05T10:00Z,system,login,,nan", "unreadable_number", "duration_s"),
        ("e1,A1,2026-01-05T10:00Z,system,login,,1e999", "unreadable_number", "duration_s"),
        ("e1,A1,05/01/2026 10:00,system,login,,", "unreadable_time", "occurred_at"),
        ("e1,A1,2026-02-30T10:00:00Z,system,login,,", "unreadable_time", "occurred_at"),
        ("e1,A1,2026-01-05T24:00:00Z,system,login,,", "unreadable_time", "occurred_at"),
        ("e1,A1,2026-01-05T23:59:60Z,system,login,,", "unreadable_time", "occurred_at"),
        ("e1,A1,2026-01-05,system,login,,", "unreadable_time", "occurred_at"),
        ("e1,A1,R8.1.5 10:00,system,login,,", "unreadable_time", "occurred_at"),
        ("e1,A1,2026-03-29T01:30,system,login,,", "nonexistent_time", "occurred_at"),
        ("e1,A1,2026-06-01T12:05:01Z,system,login,,", "future_time", "occurred_at"),
        ("e1,A1,2026-01-05T10:00Z,system,login,", "ragged_row", ""),
        ("e1,A1,2026-01-05T10:00Z,system,login,,,", "ragged_row", ""),
    ],
)
def test_one_fault_is_one_line(tmp_path: Path, ict_sad: Protocol, row: str, rule: str, column: str) -> None:
    read = usage(tmp_path, ict_sad, row, "ok,A1,2026-01-05T10:00Z,system,login,,")
    assert read.refused() == [(1, rule, column)]
    assert read.counts == (2, 1, 1, 0)
    assert read.quarantine["line_no"].to_list() == [2]
    assert read.accepted["row_no"].to_list() == [2]
    [message] = read.quarantine["message"]
    assert len(message) > 30 and (not column or f"`{column}`" in message)


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("0", None),
        ("3", None),
        ("2.0", None),
        ("", None),
        ("4", "out_of_range"),
        ("-1", "out_of_range"),
        ("99999999999999999999", "out_of_range"),
        ("1.5", "not_whole_number"),
        ("NA", "not_whole_number"),
        ("often", "not_whole_number"),
    ],
)
def test_answers_are_judged_by_their_instrument(tmp_path: Path, ict_sad: Protocol, cell: str, rule: str | None) -> None:
    read = answers(tmp_path, ict_sad, f"A1,phq9,,2026-01-05,1,{cell}")
    assert read.refused() == ([(1, rule, "value")] if rule else [])
    if rule:
        assert "from 0 to 3" in read.quarantine["message"][0]
    else:
        assert read.accepted["value"].to_list() == [cell.removesuffix(".0") or None]


@pytest.mark.parametrize(("cell", "rule"), [("0", None), ("2", None), ("1", "out_of_range"), ("4", "out_of_range")])
def test_an_item_may_hold_only_some_numbers(tmp_path: Path, ict_sad: Protocol, cell: str, rule: str | None) -> None:
    phq9 = ict_sad.instruments["phq9"].model_dump(exclude={"labels", "cdisc"})
    phq9["items"] = [{"numbers": "1-9", "values": [0, 2, 3]}]
    protocol = replace(ict_sad, instruments={**ict_sad.instruments, "phq9": Instrument.model_validate(phq9)})
    read = answers(tmp_path, protocol, f"A1,phq9,,2026-01-05,1,{cell}")
    assert read.refused() == ([(1, rule, "value")] if rule else [])
    if rule:
        assert "one of 0, 2, 3" in read.quarantine["message"][0]


def test_na_is_accepted_only_where_the_instrument_allows_it(tmp_path: Path, ict_sad: Protocol) -> None:
    read = answers(tmp_path, ict_sad, "A1,wsas,,2026-01-05,1,NA", "A1,wsas,,2026-01-05,2,NA", "A1,wsas,,2026-01-05,6,1")
    assert read.accepted["value"].to_list() == ["NA"]
    assert read.refused() == [(2, "not_whole_number", "value"), (3, "unknown_item", "item")]


def test_an_answer_may_carry_a_date_or_a_time(tmp_path: Path, ict_sad: Protocol) -> None:
    read = answers(
        tmp_path,
        ict_sad,
        "A1,phq9,,2026-06-01,1,1",
        "A2,phq9,,2026-05-31T23:30:00+09:00,1,1",
        "A3,phq9,,2026-06-02,1,1",
        "A4,phq9,,someday,1,1",
        "A5,phq9,,,1,1",
        site="miyazaki",
    )
    assert read.accepted["completed_at"].to_list() == [None, datetime(2026, 5, 31, 14, 30, tzinfo=UTC)]
    assert read.accepted["completed_on"].to_list() == [date(2026, 6, 1), date(2026, 5, 31)]
    assert read.accepted["record_key"].to_list() == ["A1|phq9||2026-06-01|1", "A2|phq9||2026-05-31T14:30:00Z|1"]
    assert read.refused() == [
        (3, "future_time", "completed_at"),
        (4, "unreadable_date", "completed_at"),
        (5, "missing_key", "completed_at"),
    ]
    assert read.accepted["source_column"].to_list() == ["value", "value"]


def test_a_date_is_late_by_the_calendar_of_the_site(tmp_path: Path, ict_sad: Protocol) -> None:
    evening = datetime(2026, 6, 1, 16, tzinfo=UTC)  # the second of June in Japan
    text = f"{QUESTIONNAIRES}\nA1,phq9,,2026-06-02,1,1\n"
    assert deliver(tmp_path, ict_sad, text, "miyazaki", "questionnaires", place=evening).counts == (1, 1, 0, 0)
    assert deliver(tmp_path, ict_sad, text, "oxford", "questionnaires", place=evening).counts == (1, 0, 1, 0)


def test_five_minutes_of_clock_error_are_tolerated(tmp_path: Path, ict_sad: Protocol) -> None:
    late = (PLACE + timedelta(minutes=5)).isoformat()
    assert usage(tmp_path, ict_sad, f"e1,A1,{late},system,login,,").counts == (1, 1, 0, 0)


def test_codes_that_are_allowed_are_listed(tmp_path: Path, ict_sad: Protocol) -> None:
    header = ",".join(FEEDS["allocation"].header)
    read = deliver(tmp_path, ict_sad, f"{header}\nA1,ict,2026-01-05,\n", "oxford", "allocation")
    assert "ICT, TAU" in read.quarantine["message"][0]
    assert "lsas_sr" in answers(tmp_path, ict_sad, "A1,bdi,,2026-01-05,1,1").quarantine["message"][0]


def test_dates_and_whole_numbers_are_strict(tmp_path: Path, ict_sad: Protocol) -> None:
    header = ",".join(FEEDS["participants"].header)
    rows = ["A1,,,2026-1-05,1980.0,,,,", "A2,,,20260105,1980.5,,,,", "A3,,,2026-02-29,x,,,,", "A4,,,,1899,,,,"]
    read = deliver(tmp_path, ict_sad, "\n".join([header, *rows]), "oxford", "participants")
    assert read.refused() == [
        (1, "unreadable_date", "consent_date"),
        (2, "not_whole_number", "birth_year"),
        (2, "unreadable_date", "consent_date"),
        (3, "unreadable_number", "birth_year"),
        (3, "unreadable_date", "consent_date"),
        (4, "out_of_range", "birth_year"),
    ]


def test_identifiers_are_compared_in_their_plain_form(tmp_path: Path, ict_sad: Protocol) -> None:
    read = usage(tmp_path, ict_sad, "ｅ１,\u3000Ａ－１ ,2026-01-05T10:00:00Z,system,login,,", "\u2460,A1,,,,,")
    assert read.accepted["event_id"].to_list() == ["e1", "1"]
    assert read.accepted["subject_id"].to_list() == ["A-1", "A1"]


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz"])
def test_files_that_no_source_takes_are_rejected_with_what_is_expected(
    tmp_path: Path, ict_sad: Protocol, name: str
) -> None:
    import gzip

    content = b"event_id,who\n1,canary\n"
    content = gzip.compress(content) if name.endswith("gz") else content
    read = deliver(tmp_path, ict_sad, content, "oxford", "usage", name)
    assert read.rows.rejected is not None
    for part in ("platform_log (*.jsonl*)", "lacks the columns subject_id, occurred_at", "unexpected ones: who"):
        assert part in read.rows.rejected
    assert "canary" not in read.rows.rejected
    assert read.counts == (0, 0, 0, 0) and read.rows.accepted is None


EMPTY = "the file is empty; a file without rows still has its header line"
UTF16 = 'the file is in UTF-16, not UTF-8; save it as "CSV UTF-8"'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", EMPTY),
        (b"\xef\xbb\xbf", EMPTY),
        (b"\r\n\n\r", EMPTY),
        (b"\xef\xbb\xbf\n", EMPTY),
        (b" \n", EMPTY),
        ((USAGE + "\n").encode("utf-16"), UTF16),
        ((USAGE + "\n").encode("utf-16-le"), UTF16),
        ((USAGE + "\n").encode("utf-16-be"), UTF16),
        ("numéro,x\n".encode("latin-1"), "its first line is not text in UTF-8"),
        (b",,\n", "it lacks the columns event_id, subject_id"),
    ],
)
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_a_file_that_is_not_in_the_house_format_is_told_why(
    tmp_path: Path, ict_sad: Protocol, content: bytes, reason: str, packing: str
) -> None:
    import gzip

    content = gzip.compress(content) if packing else content
    read = deliver(tmp_path, ict_sad, content, "oxford", "usage", f"f.csv{packing}")
    assert read.rows.rejected is not None
    assert f"and it is not in the house format either: {reason}" in read.rows.rejected
    assert read.rows.rejected.count("event_id") == 1


def test_a_feed_without_a_source_is_said_to_have_none_once(tmp_path: Path, ict_sad: Protocol) -> None:
    read = deliver(tmp_path, ict_sad, b"contact_id,who\n", "oxford", "contacts")
    assert read.rows.rejected == (
        "the study file names no source of contacts for oxford, so that f.csv must be in the house format: it lacks "
        "the columns subject_id, occurred_at, kind, direction, minutes, therapist_id and holds unexpected ones: who"
    )
    read = deliver(tmp_path, ict_sad, b"x", "oxford", "contacts", "f.xlsx")
    assert read.rows.rejected is not None
    assert "its name does not end in .csv, .csv.gz or .csv.zip (expected: a CSV in UTF-8" in read.rows.rejected
    read = deliver(tmp_path, ict_sad, b"x", "oxford", "contacts", "f.csv.gz")
    assert read.rows.rejected is not None
    assert "not a sound gzip file" in read.rows.rejected


def test_lines_may_end_as_they_like_and_begin_late(tmp_path: Path, ict_sad: Protocol) -> None:
    row = "e1,A1,2026-01-05T10:00:00Z,system,login,,"
    for i, content in enumerate((f"{USAGE}\r{row}\r", f"\n\r\n{USAGE}\n{row}")):
        read = deliver(tmp_path / str(i), ict_sad, content, "oxford", "usage")
        assert (read.rows.stream, read.counts) == ("house", (1, 1, 0, 0))


def test_a_time_to_come_is_told_what_it_was_compared_with(tmp_path: Path, ict_sad: Protocol) -> None:
    content = f"{USAGE}\ne1,A1,2027-01-05T10:00:00Z,system,login,,\n"
    read = deliver(tmp_path / "a", ict_sad, content, "oxford", "usage")
    assert "lies after the moment the file was received" in read.texts
    read = deliver(tmp_path / "b", ict_sad, content, "oxford", "usage", received_at=PLACE + timedelta(days=1))
    assert "lies after the period_end of its manifest" in read.texts


def test_what_was_read_before_is_not_read_again(tmp_path: Path, ict_sad: Protocol) -> None:
    row = "e1,A1,2026-01-05T10:00Z,system,login,,"
    first = usage(tmp_path, ict_sad, row)
    assert first.folder is not None
    written = (first.folder / "accepted.parquet").stat().st_mtime_ns
    second = usage(tmp_path, ict_sad, row)
    assert second.rows == first.rows
    assert (first.folder / "accepted.parquet").stat().st_mtime_ns == written
    (first.folder / "result.json").unlink()
    assert usage(tmp_path, ict_sad, row).rows == first.rows
    assert (first.folder / "accepted.parquet").stat().st_mtime_ns > written


def test_another_place_in_time_is_another_reading(tmp_path: Path, ict_sad: Protocol) -> None:
    text = f"{USAGE}\ne1,A1,2026-06-01T13:00Z,system,login,,\n"
    assert deliver(tmp_path, ict_sad, text, "oxford", "usage").counts == (1, 0, 1, 0)
    later = PLACE + timedelta(days=1)
    assert deliver(tmp_path, ict_sad, text, "oxford", "usage", place=later).counts == (1, 1, 0, 0)


def test_a_drop_that_was_refused_on_receipt_is_not_read(tmp_path: Path, ict_sad: Protocol) -> None:
    read = deliver(tmp_path, ict_sad, b"x", "oxford", "usage", rejected="the manifest does not match")
    assert read.rows.rejected == "the manifest does not match"


def test_a_manifest_may_say_that_a_house_file_is_full(tmp_path: Path, ict_sad: Protocol) -> None:
    assert deliver(tmp_path, ict_sad, USAGE, "oxford", "usage", scope="full").rows.scope == "full"


def test_every_file_of_a_delivery_is_durable_before_its_result_says_that_all_are_there(
    tmp_path: Path, ict_sad: Protocol
) -> None:
    seen: list[tuple[str, str]] = []
    row = GOOD["usage"]
    with effects.watched(lambda kind, path: seen.append((kind, path.name))):
        read = usage(tmp_path, ict_sad, row, row, row.replace("login", "logout"), row.replace("e1", "e2"))
    assert read.counts == (4, 1, 3, 0)
    assert read.folder is not None and seen[-2:] == [("rename", RESULT), ("fsync", read.folder.name)]
    durable = [path for kind, path in seen if kind == "fsync"]
    for name in ("accepted.parquet", "quarantine.parquet", VARIABLES):
        written = {f".{name}.growing", f".{name}.writing"} & set(durable)
        assert written and ("rename", name) in seen
        last = max(at for at, (kind, path) in enumerate(seen) if kind == "fsync" and path in written)
        assert last < seen.index(("rename", RESULT))
