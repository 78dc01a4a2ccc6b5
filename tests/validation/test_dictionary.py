"""The dictionary of a delivery: what its columns looked like, and nothing that a person said."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.study.load import Protocol
from pipelines.validation import dictionary_of_delivery
from pipelines.validation.rows import VARIABLES
from schemas.feeds import FEEDS
from tests.validation.deliver import Read, deliver
from tests.validation.test_damage import CANARY
from tests.validation.test_house_format import GOOD, answers, usage
from tests.validation.test_mapping import PHQ, REDCAP, miyazaki, table, with_source


def variables(read: Read) -> dict[str, dict[str, Any]]:
    """By variable; what no variable is read from, by column."""
    assert read.rows.variables is not None
    rows = pl.read_parquet(read.rows.variables).rows(named=True)
    return {row["variable"] or row["column_name"]: row for row in rows}


def codes(row: dict[str, Any]) -> dict[str, int]:
    return dict(zip(row["codes"], row["n_of_code"], strict=True))


def test_answers_are_counted_by_item_as_the_codes_they_are_read_as(tmp_path: Path, ict_sad: Protocol) -> None:
    whole = ["M1", "開始時", "2026/01/05", *"012301230"]
    blank = ["M2", "開始時", "", *[""] * 9]
    unfilled = ["M3", "開始時", "", *["999"] * 9]
    partly = ["M4", "8週", "2026/03/05", "3", "999", "", "4", "2.0", *"0000"]
    found = variables(miyazaki(tmp_path, ict_sad, whole, blank, unfilled, partly))
    first, second, fourth = (found[f"phq9.{n}"] for n in (1, 2, 4))
    assert (first["column_name"], first["position"], first["declared"]) == ("PHQ1", 4, "item")
    assert (first["n_cells"], first["n_filled"], codes(first)) == (2, 2, {"0": 1, "3": 1})
    assert (second["n_cells"], second["n_filled"], codes(second)) == (2, 1, {"1": 1})
    assert (fourth["n_unknown"], fourth["minimum"], fourth["maximum"]) == (1, 3, 3)
    assert codes(found["phq9.5"]) == {"0": 1, "2": 1}
    assert (first["defined_minimum"], first["defined_maximum"]) == (0, 3)
    assert codes(found["visit"]) == {"開始時": 3, "8週": 1} and found["visit"]["declared"] == "label"
    assert found["completed_at"]["kind"] == "other date"


def test_a_long_file_is_counted_by_instrument_and_item(tmp_path: Path, ict_sad: Protocol) -> None:
    rows = [f"A{n},phq9,BASELINE,2026-01-05,1,{n % 4}" for n in range(8)]
    rows += ["A1,wsas,BASELINE,2026-01-05,1,NA", "A1,phq9,BASELINE,2026-01-05,2,", "A1,xyz,BASELINE,2026-01-05,2,7"]
    found = variables(answers(tmp_path, ict_sad, *rows))
    assert codes(found["phq9.1"]) == {"0": 2, "1": 2, "2": 2, "3": 2}
    assert codes(found["wsas.1"]) == {"NA": 1}
    assert (found["phq9.2"]["n_cells"], found["phq9.2"]["n_filled"]) == (1, 0)
    assert "xyz.2" not in found and found["instrument"]["n_unknown"] == 1
    assert {row["column_name"] for row in found.values()} == set(FEEDS["questionnaires"].header)


def test_kinds_codes_and_sizes_of_a_log(tmp_path: Path, ict_sad: Protocol) -> None:
    found = variables(
        usage(
            tmp_path, ict_sad, "1,A1,2026-01-05T10:00:00Z,participant,login,,12.5",
            "2,A1,2026-01-05T10:00:01Z,participant,page_view,core_01,100", "3,A1,,robot,login,core_x,120",
        )
    )  # fmt: skip
    assert {name: found[name]["kind"] for name in ("event_id", "subject_id", "occurred_at", "duration_s")} == {
        "event_id": "integer", "subject_id": "text", "occurred_at": "time", "duration_s": "decimal",
    }  # fmt: skip
    assert codes(found["event"]) == {"login": 2, "page_view": 1}
    assert codes(found["actor"]) == {"participant": 2} and found["actor"]["n_unknown"] == 1
    assert codes(found["module"]) == {"core_01": 1} and found["module"]["n_unknown"] == 1
    assert found["duration_s"]["typical"] == 100.0
    assert [found[name]["position"] for name in FEEDS["usage"].header] == list(range(1, 8))


def test_rows_that_the_source_does_not_read_are_not_counted(tmp_path: Path, ict_sad: Protocol) -> None:
    rows = [["1", "baseline_arm_1", "oxford", "2026-01-05 10:00", *"012301230"]]
    rows += [["2", "baseline_arm_1", "elsewhere", "2026-01-05 10:00", *"333333333"]]
    read = deliver(tmp_path, ict_sad, table(REDCAP, *rows), "oxford", "questionnaires", "x_DATA_.csv")
    assert codes(variables(read)["phq9.1"]) == {"0": 1}


def test_the_day_from_which_a_column_is_expected_is_kept(tmp_path: Path, ict_sad: Protocol) -> None:
    columns = {name: name for name in FEEDS["usage"].header if name != "duration_s"} | {"duration_s": "seconds"}
    protocol = with_source(ict_sad, "oxford", "usage", columns=columns, since={"seconds": date(2026, 5, 1)})
    text = ",".join([*columns][:-1]) + ",seconds\n1,A1,2026-01-05T10:00:00Z,system,login,,3\n"
    found = variables(deliver(tmp_path, protocol, text, "oxford", "usage"))
    assert found["duration_s"]["expected_since"] == date(2026, 5, 1) and found["event"]["expected_since"] is None


def test_columns_nobody_knows_are_named_and_ignored_ones_are_not(tmp_path: Path, ict_sad: Protocol) -> None:
    header = [*REDCAP, "nhs_number", "shoe_size"]
    row = ["1", "baseline_arm_1", "oxford", "2026-01-05 10:00", *"012301230", "17", "44"]
    read = deliver(tmp_path, ict_sad, table(header, row), "oxford", "questionnaires", "x_DATA_.csv")
    unknown = [row for row in variables(read).values() if row["declared"] == "unknown"]
    assert [(row["column_name"], row["variable"], row["n_filled"]) for row in unknown] == [("shoe_size", "", 0)]


def test_a_header_that_is_refused_is_remembered(tmp_path: Path, ict_sad: Protocol) -> None:
    header = ["症例番号", "時期", "記入日", *PHQ]
    read = miyazaki(tmp_path, ict_sad, ["M1", "開始時", "2026/01/05", *"0" * 9], header=header)
    assert read.rows.rejected is not None
    found = variables(read)
    assert found["記入日"]["declared"] == "unknown"
    assert {name for name, row in found.items() if row["declared"] == "unread"} == {"症例番号", "時期", *PHQ}


def test_only_so_many_records_are_looked_at(tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionary_of_delivery, "MOST_RECORDS", 3)
    found = variables(usage(tmp_path, ict_sad, *(f"{n},A1,2026-01-05T10:00:00Z,,login,," for n in range(5))))
    assert found["event"]["n_cells"] == 3


@pytest.mark.parametrize("feed", list(FEEDS))
def test_no_cell_is_in_it(tmp_path: Path, ict_sad: Protocol, feed: str) -> None:
    header, good = FEEDS[feed].header, GOOD[feed].split(",")
    rows = [[CANARY + str(n) if i == n else cell for i, cell in enumerate(good)] for n in range(len(header))]
    read = deliver(tmp_path, ict_sad, table(header, *rows, [CANARY] * len(header)), "oxford", feed)
    assert read.rows.variables is not None and read.rows.variables.name == VARIABLES
    text = str(pl.read_parquet(read.rows.variables).to_dicts())
    assert CANARY not in text and "A1" not in text and "2026" not in text


def test_records_with_an_hour_that_exists_twice_are_counted(tmp_path: Path, ict_sad: Protocol) -> None:
    twice = "A1,phq9,BASELINE,2025-10-26T01:30:00"
    read = answers(tmp_path, ict_sad, f"{twice},1,2", f"{twice},2,2", "A2,phq9,BASELINE,2025-10-26T03:30:00,1,2")
    assert read.rows.n_ambiguous_time == 2
