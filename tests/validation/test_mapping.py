"""A site's own exports, mapped as the study file says."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyreadstat
import pytest

from pipelines.study.load import Protocol
from pipelines.study.source import Source
from tests.validation.deliver import Read, deliver

PHQ = [f"PHQ{n}" for n in range(1, 10)]
REDCAP = ["record_id", "redcap_event_name", "redcap_data_access_group", "phq9_timestamp"]
REDCAP += [f"phq9_{n}" for n in range(1, 10)]


def with_source(protocol: Protocol, site: str, feed: str, **facts: Any) -> Protocol:
    """The protocol with one source for a site's feed."""
    source = Source.model_validate({"source": "own", "files": "*", "read": {"format": "delimited"}, **facts})
    old = protocol.study.site_by_id[site]
    new = old.model_copy(update={"feeds": {**old.feeds, feed: [source]}})
    sites = [new if s.site == site else s for s in protocol.study.sites]
    study = protocol.study.model_copy(update={"sites": sites})
    study.__dict__.pop("site_by_id", None)
    return Protocol(study, protocol.instruments, "changed")


def table(header: list[str], *rows: list[str]) -> str:
    return "\n".join(",".join(row) for row in [header, *rows]) + "\n"


def miyazaki(tmp_path: Path, protocol: Protocol, *rows: list[str], header: list[str] | None = None) -> Read:
    header = header or ["症例番号", "時期", "回答日", *PHQ]
    return deliver(tmp_path, protocol, table(header, *rows).encode("cp932"), "miyazaki", "questionnaires", "回答.csv")


def test_a_wide_row_becomes_one_row_an_answer(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", *"012301230"])
    assert read.rows.stream == "csv_questionnaires" and read.rows.scope == "full"
    assert read.counts == (1, 1, 0, 0)
    assert read.accepted["item"].to_list() == [str(n) for n in range(1, 10)]
    assert read.accepted["value"].to_list() == list("012301230")
    assert read.accepted["source_column"].to_list() == PHQ
    row = read.accepted.row(8, named=True)
    assert (row["instrument"], row["visit"], str(row["completed_on"])) == ("phq9", "BASELINE", "2026-01-05")
    assert row["record_key"] == "M1|phq9|BASELINE|2026-01-05|9"


def test_blank_and_missing_answers_of_a_filled_in_form_come_as_nothing(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", "1", "", "999", "無回答", " ", *"12301"])
    assert read.counts[2] == 1  # ten cells, one too many
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", "1", "", "999", "無回答", "\u3000", *"1230"])
    assert read.accepted["value"].to_list() == ["1", None, None, None, None, "1", "2", "3", "0"]


def test_a_form_without_an_answer_was_not_filled_in(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "", *[""] * 9], ["M2", "開始時", "", *["999"] * 9])
    assert read.counts == (2, 2, 0, 0)
    assert read.accepted.height == 0


def test_one_bad_answer_leaves_the_others_accepted(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(
        tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", *"1x9333333"], ["M2", "8週", "2026/01/05", *"0" * 9]
    )
    assert read.counts == (2, 1, 1, 0)
    assert read.refused() == [(1, "not_whole_number", "PHQ2"), (1, "out_of_range", "PHQ3")]
    assert read.accepted.filter(pl.col("row_no") == 1)["item"].to_list() == ["1", "4", "5", "6", "7", "8", "9"]


def test_a_fault_of_the_whole_form_is_told_once(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(tmp_path, ict_sad, ["M 1", "開始時", "20260105", *"0" * 9], ["", "開始時", "2026/01/05", *"0" * 9])
    assert read.refused() == [
        (1, "unreadable_date", "回答日"),
        (1, "bad_identifier", "症例番号"),
        (2, "missing_key", "症例番号"),
    ]
    assert read.quarantine["record_key"].to_list() == [None, None, None]
    assert "%Y/%m/%d" in read.quarantine["message"][0]


def test_a_form_with_half_its_columns_rejects_the_file(tmp_path: Path, ict_sad: Protocol) -> None:
    header = ["症例番号", "時期", "回答日", *PHQ[:7], "氏名"]
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", *"0" * 7, "canary"], header=header)
    assert read.rows.rejected is not None
    assert "PHQ8, PHQ9" in read.rows.rejected and "GAD" not in read.rows.rejected
    assert "canary" not in read.rows.rejected


def test_a_file_without_any_form_is_rejected(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05"], header=["症例番号", "時期", "回答日"])
    assert read.rows.rejected is not None and "LSAS恐怖1" in read.rows.rejected


def test_numbers_with_leading_zeros_are_the_same_numbers(tmp_path: Path, ict_sad: Protocol) -> None:
    header = ["症例番号", "時期", "回答日", *(f"PHQ{n:02}" for n in range(1, 10)), "PHQ10"]
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", *"012301230", "3"], header=header)
    assert read.accepted["value"].to_list() == list("012301230")
    assert read.rows.unknown_columns == ["PHQ10"]


def test_redcap_rows_of_other_events_sites_and_unfinished_surveys(tmp_path: Path, ict_sad: Protocol) -> None:
    header = [*REDCAP, "phq9_complete", "redcap_repeat_instance", "redcap_survey_identifier", "email"]
    tail = ["2", "", "", "123"]
    rows = [
        ["1", "baseline_arm_1", "oxford", "2026-01-05 10:00:00", *"111111111", *tail],
        ["1", "screening_arm_1", "oxford", "", *[""] * 9, *tail],
        ["2", "week_8_arm_1", "reading", "2026-01-05 10:00:00", *"111111111", *tail],
        ["3", "week_8_arm_1", "oxford", "[not completed]", "1", *[""] * 8, *tail],
        ["4", "unscheduled", "oxford", "2026-01-05 10:00:00", *"111111111", *tail],
    ]
    read = deliver(tmp_path, ict_sad, table(header, *rows), "oxford", "questionnaires", "ICT_DATA_2026.csv")
    assert read.rows.stream == "redcap_questionnaires"
    assert read.counts == (5, 3, 2, 0)
    assert read.refused() == [(3, "wrong_site", "redcap_data_access_group"), (4, "missing_key", "phq9_timestamp")]
    assert read.rows.unknown_columns == ["email"]
    assert read.accepted["visit"].unique().sort().to_list() == ["BASELINE", "unscheduled"]
    assert "oxford" in read.quarantine["message"][0] and "reading" not in read.quarantine["message"][0]


def test_rows_of_another_event_carry_nothing_for_participants(tmp_path: Path, ict_sad: Protocol) -> None:
    header = "record_id,redcap_event_name,redcap_data_access_group,treating_centre,consent_dt,birth_yr,sex,status,"
    header += "status_dt,status_reason,nhs_number,participants_complete\n"
    rows = "1,baseline_arm_1,oxford,,2026-01-05,1980,1,2,2026-01-06,,9,2\n1,week_8_arm_1,oxford,,,,,,,,,\n"
    read = deliver(tmp_path, ict_sad, header + rows, "oxford", "participants", "x_DATA_.csv")
    assert read.counts == (2, 2, 0, 0)
    assert read.rows.unknown_columns == []
    row = read.accepted.row(0, named=True)
    assert (row["sex"], row["status"], row["language"]) == ("F", "randomised", "en")


def test_spss_forms_with_dates_and_codes(tmp_path: Path, ict_sad: Protocol) -> None:
    frame = pd.DataFrame(
        {"ID": ["H1", "H2 "], "TIME": [1.0, 4.0], "DATE": pd.to_datetime(["2026-01-05", "2026-05-31"])}
    )
    for n in range(1, 6):
        frame[f"WSAS{n}"] = [88.0 if n == 1 else float(n), 999.0 if n == 2 else 9.0 if n == 3 else 8.0]
    path = tmp_path / "f.sav"
    pyreadstat.write_sav(frame, str(path))
    read = deliver(tmp_path, ict_sad, path.read_bytes(), "hong_kong", "questionnaires", "f.sav")
    assert read.counts == (2, 1, 1, 0)
    assert read.refused() == [(2, "out_of_range", "WSAS3")]
    assert read.accepted["value"].to_list() == ["NA", "2", "3", "4", "5", "8", None, "8", "8"]
    assert read.accepted["visit"].unique().sort().to_list() == ["BASELINE", "FOLLOW-UP"]
    assert read.accepted["line_no"].null_count() == 9


def test_json_lines_log_of_the_platform(tmp_path: Path, ict_sad: Protocol) -> None:
    lines = [
        '{"id": 1, "user": "A1", "ts": "2026-01-05T10:00:00.25+01:00", "role": "participant", "verb": "logged_in"}',
        '{"id": 2, "user": "A1", "ts": "2026-01-05T10:00Z", "role": "participant", "verb": "login", "seconds": 2.50}',
        '{"id": 3, "user": ["A1"]}',
        "oops",
    ]
    read = deliver(tmp_path, ict_sad, "\n".join(lines), "hong_kong", "usage", "log.jsonl")
    assert read.rows.stream == "platform_log" and read.rows.scope == "incremental"
    assert read.counts == (4, 2, 2, 0)
    assert read.accepted["event"].to_list() == ["login", "login"]
    assert read.accepted["duration_s"].to_list() == [None, 2.5]
    assert read.refused() == [(3, "unreadable_row", "user"), (4, "unreadable_row", "")]


def test_a_log_in_which_the_key_never_shows_is_rejected(tmp_path: Path, ict_sad: Protocol) -> None:
    read = deliver(tmp_path, ict_sad, '{"ID": 1}\n', "hong_kong", "usage", "log.jsonl")
    assert read.rows.rejected is not None and "id" in read.rows.rejected


def test_counted_weeks_become_dates(tmp_path: Path, ict_sad: Protocol) -> None:
    protocol = with_source(
        ict_sad,
        "oxford",
        "questionnaires",
        columns={"subject_id": "who", "completed_at": "week"},
        constants={"visit": "WEEKLY"},
        dates={"completed_at": {"origin": "2026-01-05", "every_days": 7}},
        forms=[{"instrument": "gad7", "items": {"{n}": "q{n}"}}],
        ignore=["note*"],
    )
    header = ["who", "week", *(f"q{n}" for n in range(1, 8)), "notes", "other"]
    rows = [[f"A{i}", week, *"1111111", "", ""] for i, week in enumerate(["1", "3.0", "1.5", "x", "99"])]
    read = deliver(tmp_path, protocol, table(header, *rows), "oxford", "questionnaires", "weekly.csv")
    assert [str(d) for d in read.accepted["completed_on"].unique().sort()] == ["2026-01-05", "2026-01-19"]
    assert read.refused() == [
        (3, "unreadable_date", "week"),
        (4, "unreadable_date", "week"),
        (5, "future_time", "week"),
    ]
    assert read.rows.unknown_columns == ["other"]


def test_a_source_may_keep_another_clock_than_its_site(tmp_path: Path, ict_sad: Protocol) -> None:
    columns = {name: name for name in ("event_id", "subject_id", "occurred_at", "actor", "event")}
    for shape, cell in ((None, "2026-01-05 08:00"), ("%d.%m.%Y %H:%M", "05.01.2026 08:00")):
        protocol = with_source(
            ict_sad,
            "oxford",
            "usage",
            columns=columns,
            timezone="Asia/Tokyo",
            dates={"occurred_at": shape} if shape else {},
        )
        read = deliver(
            tmp_path, protocol, table(list(columns), ["e1", "A1", cell, "system", "login"]), "oxford", "usage"
        )
        row = read.accepted.row(0, named=True)
        assert (str(row["occurred_at"]), str(row["occurred_on"])) == ("2026-01-04 23:00:00+00:00", "2026-01-04")


def test_missing_codes_never_touch_identifiers(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(tmp_path, ict_sad, ["999", "開始時", "2026/01/05", *"0" * 9])
    assert read.accepted["subject_id"].unique().to_list() == ["999"]


@pytest.mark.parametrize(("name", "taken"), [("a_DATA_b.csv", True), ("a_DATA_b.csv.gz", True), ("a.csv", False)])
def test_the_name_chooses_the_source(tmp_path: Path, ict_sad: Protocol, name: str, taken: bool) -> None:
    import gzip

    content = table(REDCAP, ["1", "baseline_arm_1", "oxford", "2026-01-05 10:00", *"111111111"]).encode()
    content = gzip.compress(content) if name.endswith("gz") else content
    read = deliver(tmp_path, ict_sad, content, "oxford", "questionnaires", f"2026/01/{name}")
    assert (read.rows.stream == "redcap_questionnaires") is taken
    assert (read.rows.rejected is None) is taken


def test_a_missing_code_brings_its_reason(tmp_path: Path, ict_sad: Protocol) -> None:
    facts: dict[str, Any] = {
        "columns": {"subject_id": "id", "visit": "visit", "completed_at": "day"},
        "missing": {"-99": "refused", "-98": "not asked", "1900-01-01": "not known"},
        "forms": [{"instrument": "gad7", "items": {"{n}": "g{n}"}}],
    }
    protocol = with_source(ict_sad, "oxford", "questionnaires", **facts)
    header = ["id", "visit", "day", *(f"g{n}" for n in range(1, 8))]
    answered = ["A1", "BASELINE", "2026-01-05", "1", "-99", "-98", "", *"123"]
    refused = ["A2", "BASELINE", "1900-01-01", *["-99"] * 7]
    undated = ["A3", "BASELINE", "1900-01-01", *"1111111"]
    read = deliver(tmp_path, protocol, table(header, answered, refused, undated), "oxford", "questionnaires")
    assert read.counts == (3, 2, 1, 0)
    assert {rule for _, rule, _ in read.refused()} == {"missing_key"}
    of = {subject: read.accepted.filter(pl.col("subject_id") == subject) for subject in ("A1", "A2")}
    assert of["A1"]["value"].to_list() == ["1", None, None, None, "1", "2", "3"]
    assert of["A1"]["missing_reason"].to_list() == [None, "refused", "not asked", None, None, None, None]
    assert set(of["A2"]["missing_reason"]) == {"refused"} and of["A2"]["completed_on"].null_count() == 7
    assert of["A2"]["record_key"][0] == "A2|gad7|BASELINE||1"


def test_a_missing_code_without_a_reason_says_so_and_fills_in_no_form(tmp_path: Path, ict_sad: Protocol) -> None:
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", "999", "", *"1230123"])
    assert read.accepted["missing_reason"].to_list() == ["not stated", *[None] * 8]


def test_a_missing_code_of_a_long_file_brings_its_reason(tmp_path: Path, ict_sad: Protocol) -> None:
    columns = {name: name for name in ("subject_id", "instrument", "visit", "completed_at", "item", "value")}
    protocol = with_source(ict_sad, "oxford", "questionnaires", columns=columns | {"value": "v"}, missing={-99: "lost"})
    rows = [["A1", "gad7", "BASELINE", "2026-01-05", "1", "-99"], ["A1", "gad7", "BASELINE", "2026-01-05", "2", "3"]]
    read = deliver(tmp_path, protocol, table([*[*columns][:-1], "v"], *rows), "oxford", "questionnaires")
    assert read.accepted.select("value", "missing_reason").rows() == [(None, "lost"), ("3", None)]


def test_a_declared_sentinel_is_no_date(tmp_path: Path, ict_sad: Protocol) -> None:
    columns = {"subject_id": "id", "consent_date": "consent", "status": "status"}
    protocol = with_source(ict_sad, "oxford", "participants", columns=columns, missing=["9999-12-31"])
    read = deliver(tmp_path, protocol, "id,consent,status\nA1,9999-12-31,enrolled\n", "oxford", "participants")
    assert read.counts == (1, 1, 0, 0) and read.accepted["consent_date"].to_list() == [None]


@pytest.mark.parametrize(("since", "accepted"), [(date(2026, 6, 1), False), (date(2026, 6, 2), True)])
def test_a_column_that_came_later_is_not_missing_before(
    tmp_path: Path, ict_sad: Protocol, since: date, accepted: bool
) -> None:
    """The file is of 1 June 2026."""
    protocol = with_source(
        ict_sad, "oxford", "questionnaires", columns={"subject_id": "id", "visit": "time", "completed_at": "day"},
        forms=[
            {"instrument": "phq9", "items": {"{n}": "p{n}"}},
            {"instrument": "gad7", "items": {"{n}": "g{n}"}, "completed_at": "gday"},
        ],
        since={"p9": since, "g{n}": since, "gday": since, "time": since},
    )  # fmt: skip
    header = ["id", "day", *(f"p{n}" for n in range(1, 9))]
    read = deliver(tmp_path, protocol, table(header, ["A1", "2026-05-05", *"01230123"]), "oxford", "questionnaires")
    if not accepted:
        assert read.rows.rejected and "the header lacks columns" in read.rows.rejected
        return
    assert read.accepted["item"].to_list() == [str(n) for n in range(1, 9)]
    assert read.accepted["visit"].null_count() == 8 and read.rows.rejected is None
    assert read.rows.unknown_columns == []
    whole = [*header, "time", "p9"]  # an early file that has it all the same
    early = deliver(
        tmp_path, protocol, table(whole, ["A1", "2026-05-05", *"01230123", "x", "3"]), "oxford", "questionnaires"
    )
    assert early.accepted["item"].to_list() == [str(n) for n in range(1, 10)]
    assert set(early.accepted["visit"]) == {"x"}
