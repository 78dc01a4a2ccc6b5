"""What the simulator drops can be read back, without the pipeline, as what each site says it sends."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from pathlib import Path

import polars as pl
import pyreadstat
import pytest

from pipelines.simulate.export import PRIVATE, PRIVATE_ELSEWHERE
from schemas.feeds import FEEDS
from tests.simulate.conftest import Simulated


def rows_of(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, strict=True))


def last(simulated: Simulated, pattern: str) -> Path:
    return list(simulated.files(pattern))[-1]


def test_oxford_sends_one_redcap_project_to_both_feeds(clean: Simulated) -> None:
    path = last(clean, "oxford/questionnaires/*DATA*.csv")
    assert path.read_bytes() == last(clean, "oxford/participants/*DATA*.csv").read_bytes()
    rows = rows_of(path)
    assert set(rows[0]) >= {"record_id", "redcap_event_name", "redcap_data_access_group", "lsas_timestamp", "lsas_a24"}
    assert {"phq9_complete", "medication_complete", "redcap_survey_identifier", "nhs_number"} <= set(rows[0])
    assert {row["redcap_data_access_group"] for row in rows} == {"oxford"}
    key = [(row["record_id"], row["redcap_event_name"]) for row in rows]
    assert len(key) == len(set(key))
    baseline = [row for row in rows if row["redcap_event_name"] == "baseline_arm_1"]
    assert {row["sex"] for row in baseline} <= {"1", "2", "3"}
    assert all(not row["sex"] for row in rows if row["redcap_event_name"] != "baseline_arm_1")
    answers = {row["lsas_f1"] for row in rows} | {row["wsas_1"] for row in rows} | {row["phq9_2"] for row in rows}
    assert answers >= {"", "0", "3", "-88"}
    assert any("-99" in row.values() for row in rows)


def test_hong_kong_sends_spss_files_with_labels_dates_and_missing_codes(clean: Simulated) -> None:
    people, facts = pyreadstat.read_sav(last(clean, "hong_kong/participants/*.sav"))
    assert facts.variable_value_labels["SEX"] == {1.0: "F", 2.0: "M", 3.0: "X"}
    assert facts.original_variable_types["CONSENT"].startswith("DATE")
    assert people["ID"].between(2001, 2099).all()
    path = last(clean, "hong_kong/questionnaires/*.sav")
    forms, facts = pyreadstat.read_sav(path, user_missing=True)
    assert facts.missing_ranges["LSASF2"] == [{"lo": 999.0, "hi": 999.0}]
    assert facts.variable_value_labels["TIME"][1.0] == "BASELINE"
    assert (forms.filter(like="LSAS") == 999).any(axis=None)
    assert (forms["WSAS1"] == 88).any()
    assert not forms.duplicated(["ID", "TIME", "DATE"]).any()


def test_miyazaki_sends_cp932_with_japanese_headers(clean: Simulated) -> None:
    path = last(clean, "miyazaki/participants/participants*.csv")
    with pytest.raises(UnicodeDecodeError):
        path.read_text(encoding="utf-8")
    assert b"\r\n" in path.read_bytes()
    people = rows_of(path, "cp932")
    assert {row["性別"] for row in people} <= {"女性", "男性", "その他"}
    assert any(row["実施施設"].startswith("髙") for row in people)  # a letter that CP932 has and Shift-JIS has not
    assert all(row["症例番号"].startswith("0") for row in people)
    forms = rows_of(last(clean, "miyazaki/questionnaires/questionnaires*.csv"), "cp932")
    assert {row["時期"] for row in forms} == {"開始時", "8週", "15週", "追跡"}
    cells = {cell for row in forms for cell in row.values()}
    assert {"無回答", "999", "", "該当なし"} <= cells


def test_usage_is_json_lines_and_one_site_packs_it(clean: Simulated) -> None:
    events = []
    for path in clean.files("*/usage/*"):
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        events += [json.loads(line) | {"site": path.parts[-3]} for line in text.splitlines()]
    assert {path.suffix for path in clean.files("miyazaki/usage/*")} == {".gz"}
    assert {path.suffix for path in clean.files("oxford/usage/*")} == {".jsonl"}
    assert {event["verb"] for event in events} >= {"logged_in", "viewed", "module_opened", "message_sent"}
    assert {event["role"] for event in events} == {"participant", "therapist", "system"}
    offsets = {(event["site"], event["ts"][23:]) for event in events}
    assert offsets == {("oxford", "Z"), ("hong_kong", "+08:00"), ("miyazaki", "Z")}
    names = [(event["site"], event["id"]) for event in events]
    assert len(names) == len(set(names))


def test_everything_else_is_in_the_house_format(clean: Simulated) -> None:
    for feed in ("allocation", "contacts", "adverse_events", "questionnaires"):
        paths = list(clean.files(f"*/{feed}/house_*.csv"))
        assert {path.parts[-3] for path in paths} == {"oxford", "hong_kong", "miyazaki"}
        for path in paths:
            with path.open(encoding="utf-8", newline="") as file:
                assert next(csv.reader(file)) == FEEDS[feed].header
    weekly = rows_of(last(clean, "oxford/questionnaires/house_*.csv"))
    assert "WEEKLY" in {row["visit"] for row in weekly}


def test_some_drops_bring_a_manifest_that_matches_and_others_none(clean: Simulated, faulty: Simulated) -> None:
    manifests = sorted(clean.workspace.landing.rglob("*.manifest.json"))
    assert 0.3 < len(manifests) / len(list(clean.files("*/*/*"))) < 0.8
    for path in manifests:
        manifest = json.loads(path.read_bytes())
        (entry,) = manifest["files"]
        content = path.with_name(entry["name"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert path.name == f"{entry['name']}.manifest.json"
    broken = [f for f in faulty.faults if f["kind"] == "half_copied"]
    path = faulty.workspace.landing / broken[0]["site"] / "usage" / broken[0]["file"]
    entry = json.loads(path.with_name(f"{path.name}.manifest.json").read_bytes())["files"][0]
    assert entry["bytes"] > path.stat().st_size


def test_later_full_exports_hold_everything_that_earlier_ones_held(clean: Simulated) -> None:
    for pattern, encoding in (("oxford/participants/*DATA*", "utf-8"), ("miyazaki/questionnaires/q*", "cp932")):
        first, second = (rows_of(path, encoding) for path in clean.files(pattern))
        keys = [{tuple(row.values())[:2] for row in rows} for rows in (first, second)]
        assert keys[0] < keys[1]


def test_truth_lies_outside_landing(clean: Simulated) -> None:
    truth = clean.workspace.root / "truth"
    analysis = {"adsl", "score", "adqw", "adae", "adtte"}
    use = {"session", "participant_week", "module_progress", "day_state"}
    assert {path.stem for path in truth.glob("*.parquet")} == analysis | use | {"delivery", "quarantine"}
    assert clean.faults == []
    assert clean.truth("quarantine").is_empty()
    assert clean.truth("delivery").filter(pl.col("status") != "accepted").is_empty()


def test_private_cells_are_there_to_be_dropped(clean: Simulated) -> None:
    assert PRIVATE_ELSEWHERE in last(clean, "oxford/participants/*.csv").read_text()
    assert PRIVATE["ja"] in last(clean, "miyazaki/participants/p*.csv").read_text(encoding="cp932")
