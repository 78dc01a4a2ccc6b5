"""Files that nobody of this project made, with the counts that are known of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.study.load import Protocol, load_protocol
from tests.validation.deliver import deliver
from tests.validation.test_mapping import with_source

STUDIES = Path(__file__).parents[1] / "end_to_end" / "studies"


@pytest.fixture(scope="module")
def pilot() -> Protocol:
    return load_protocol(STUDIES / "cdisc_pilot.yaml")


@pytest.mark.parametrize(("feed", "rows", "kept"), [("participants", 306, 306), ("allocation", 306, 254)])
def test_the_pilot_trial_s_people(real: Path, tmp_path: Path, pilot: Protocol, feed: str, rows: int, kept: int) -> None:
    content = (real / "cdisc_pilot" / "dm.xpt").read_bytes()
    read = deliver(tmp_path, pilot, content, "site_701", feed, "dm.xpt")
    assert read.counts == (rows, rows, 0, 0)
    assert read.accepted.height == kept
    column, n = ("status", {"randomised": 254, "screen_failed": 52}) if feed == "participants" else (
        "arm", {"Pbo": 86, "Xan_Hi": 84, "Xan_Lo": 84})  # fmt: skip
    assert dict(read.accepted[column].value_counts().rows()) == n


def test_the_pilot_trial_s_answers(real: Path, tmp_path: Path, pilot: Protocol) -> None:
    folder = real / "cdisc_pilot"
    read = deliver(tmp_path, pilot, (folder / "qsmm.xpt").read_bytes(), "site_701", "questionnaires", "qsmm.xpt")
    assert read.rows.rejected is None and read.rows.n_rows == 1524
    assert read.rows.n_accepted == 1524
    totals = read.accepted.group_by("subject_id").agg(pl.col("value").cast(pl.Int64).sum())
    assert totals.height == 254


def test_a_visit_record_with_every_unscheduled_visit(real: Path, tmp_path: Path, pilot: Protocol) -> None:
    content = (real / "cdisc_pilot" / "sv.xpt").read_bytes()
    read = deliver(tmp_path, pilot, content, "site_701", "questionnaires", "sv.xpt")
    assert read.rows.n_rows == 3559


def test_weekly_forms_of_ten_thousand_people(real: Path, tmp_path: Path) -> None:
    protocol = load_protocol(STUDIES / "weekly_phq9.yaml")
    content = (real / "weekly_phq9" / "phq9_weekly.csv").read_bytes()
    site = protocol.study.sites[0]
    source = site.feeds["questionnaires"][0]
    read = deliver(tmp_path, protocol, content, site.site, "questionnaires", source.files.replace("*", "phq9_weekly"))
    assert read.counts == (120_000, 120_000, 0, 0)
    assert read.accepted.height == 120_000 * 9
    recorded = pl.read_csv(content)
    summed = (
        read.accepted.group_by("row_no").agg(pl.col("value").cast(pl.Int64).sum()).sort("row_no").get_column("value")
    )
    assert summed.to_list() == recorded["PHQ9_Score"].to_list()


def test_a_longitudinal_redcap_export(real: Path, tmp_path: Path) -> None:
    protocol = load_protocol(STUDIES / "redcap_longitudinal.yaml")
    content = (real / "redcap" / "longitudinal" / "data.csv").read_bytes()
    people = deliver(tmp_path, protocol, content, "clinic", "participants", "data.csv")
    assert people.rows.n_rows == 18 and people.rows.n_quarantined == 0
    assert people.accepted.height == 3
    answers = deliver(tmp_path, protocol, content, "clinic", "questionnaires", "data.csv")
    assert answers.rows.n_rows == 18 and answers.rows.rejected is None


@pytest.mark.parametrize(
    "name",
    ["dag", "arm-single-longitudinal", "vignette-repeating", "decimal-comma", "repeating-instruments", "checkboxes-1",
     "survey", "potentially-problematic-values", "empty-rows", "longitudinal", "clinical-trial-1", "russian"],
)  # fmt: skip
def test_every_record_of_every_redcap_export_is_counted(
    real: Path, tmp_path: Path, ict_sad: Protocol, name: str
) -> None:
    content = (real / "redcap" / name / "data.csv").read_bytes()
    text = content.decode("utf-8-sig")
    delimiter = ";" if text.split("\n")[0].count(";") > text.split("\n")[0].count(",") else ","
    if not text.strip():
        assert deliver(tmp_path, ict_sad, content, "oxford", "participants").rows.rejected is not None
        return
    import csv
    import io

    expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    first = next(name for name in expected[0] if name)  # R writes its row names under none
    protocol = with_source(
        ict_sad,
        "oxford",
        "participants",
        dialect="redcap",
        read={"format": "delimited", "delimiter": delimiter},
        columns={"subject_id": first},
    )
    read = deliver(tmp_path, protocol, content, "oxford", "participants", "data.csv")
    assert read.rows.rejected is None and read.rows.n_rows == len(expected) - 1
    assert not [c for c in read.rows.unknown_columns if c.startswith("redcap_") or c.endswith("_complete")]


def test_three_header_rows_are_not_one(real: Path, tmp_path: Path, ict_sad: Protocol) -> None:
    content = (real / "qualtrics" / "three_header_rows.csv").read_bytes()
    read = deliver(tmp_path, ict_sad, content, "miyazaki", "questionnaires", "three_header_rows.csv")
    assert read.rows.rejected is not None
