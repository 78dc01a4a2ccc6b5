"""The whole way over files that nobody of this project made, held against what is known about them."""

from __future__ import annotations

import csv
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from tests.end_to_end.trial import Trial

STUDIES = Path(__file__).parent / "studies"


@pytest.fixture(scope="module")
def phq9(real: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, pd.DataFrame]:
    trial = Trial(tmp_path_factory.mktemp("phq9") / "trial", STUDIES / "weekly_phq9.yaml")
    source = real / "weekly_phq9" / "phq9_weekly.csv"
    for feed in ("participants", "questionnaires"):
        shutil.copy(source, trial.folder("app", feed))
    trial.night_here("--as-of", "2021-12-31")
    return trial, pd.read_csv(source)


def test_every_recorded_phq9_total_comes_out(phq9: tuple[Trial, pd.DataFrame]) -> None:
    trial, source = phq9
    rows = trial.query("SELECT subjid, visit, aval, nmiss, avisit, anl01fl FROM analysis.adqs WHERE paramcd = 'PHQ9'")
    ours = pd.DataFrame(rows)
    assert len(ours) == len(source) == 120_000
    ours = ours.astype({"subjid": int, "visit": int}).set_index(["subjid", "visit"]).sort_index()
    theirs = source.set_index(["Patient_Identifier", "Week"]).sort_index()
    assert (ours["aval"].to_numpy() == theirs["PHQ9_Score"].to_numpy()).all()
    assert (ours["nmiss"] == 0).all()
    assert (ours["anl01fl"] == "Y").all()
    assert (ours["avisit"].str.removeprefix("WEEK ").astype(int) == ours.index.get_level_values("visit")).all()


def test_the_difficulty_item_is_named_and_never_summed(phq9: tuple[Trial, pd.DataFrame]) -> None:
    trial, _ = phq9
    (delivery,) = trial.query("SELECT * FROM quality.delivery WHERE feed = 'questionnaires'")
    assert (delivery["status"], delivery["unknown_columns"]) == ("accepted", "DPQ10")
    assert (delivery["n_rows"], delivery["n_accepted"]) == (120_000, 120_000)


def test_week_1_cases(phq9: tuple[Trial, pd.DataFrame]) -> None:
    trial, _ = phq9
    (row,) = trial.query("SELECT count(*) AS n FROM analysis.adqs WHERE avisit = 'WEEK 1' AND casefl = 'Y'")
    assert row["n"] == 4_850


def test_repeated_rows_of_people_are_counted_as_duplicates(phq9: tuple[Trial, pd.DataFrame]) -> None:
    trial, _ = phq9
    (delivery,) = trial.query("SELECT * FROM quality.delivery WHERE feed = 'participants'")
    assert (delivery["n_accepted"], delivery["n_duplicate"], delivery["n_quarantined"]) == (
        10_000,
        110_000,
        0,
    )


@pytest.fixture(scope="module")
def pilot(real: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, dict[str, pd.DataFrame]]:
    """Each of the 17 sites delivers its own part of the pilot's transport files."""
    trial = Trial(tmp_path_factory.mktemp("pilot") / "trial", STUDIES / "cdisc_pilot.yaml")
    tables = {
        name: pyreadstat.read_xport(real / "cdisc_pilot" / f"{name}.xpt")[0] for name in ("dm", "qsmm", "sv", "adsl")
    }
    site_of = tables["dm"].set_index("USUBJID")["SITEID"]
    for site, people in tables["dm"].groupby("SITEID"):
        for name, feeds in {
            "dm": ("participants", "allocation"),
            "qsmm": ("questionnaires",),
            "sv": ("questionnaires",),
        }.items():
            part = people if name == "dm" else tables[name][tables[name]["USUBJID"].map(site_of) == site]
            for feed in feeds:
                target = trial.folder(f"site_{site}", feed) / f"{name}.xpt"
                pyreadstat.write_xport(part, target, table_name=name.upper()[:8], file_format_version=5)
    trial.night_here("--as-of", "2015-06-30")
    return trial, tables


def test_who_was_in_the_pilot(pilot: tuple[Trial, dict[str, pd.DataFrame]]) -> None:
    trial, _ = pilot
    (row,) = trial.query(
        "SELECT count(*) AS n, count(DISTINCT siteid) AS sites, count(*) FILTER (eosstt = 'SCREEN FAILURE') AS failed, "
        "count(*) FILTER (arm = 'Pbo') AS pbo, count(*) FILTER (arm = 'Xan_Hi') AS hi, "
        "count(*) FILTER (arm = 'Xan_Lo') AS lo, count(*) FILTER (ittfl = 'Y') AS itt FROM analysis.adsl"
    )
    assert row == {"n": 306, "sites": 17, "failed": 52, "pbo": 86, "hi": 84, "lo": 84, "itt": 254}


def test_the_sum_of_the_mmse_items_is_the_published_total(
    pilot: tuple[Trial, dict[str, pd.DataFrame]],
) -> None:
    trial, tables = pilot
    rows = trial.query("SELECT subjid, aval, avisit, ablfl FROM analysis.adqs WHERE paramcd = 'MMSETOT'")
    ours = pd.DataFrame(rows).set_index("subjid").sort_index()
    published = tables["adsl"].set_index("USUBJID")["MMSETOT"].sort_index()
    assert len(ours) == 254
    assert (ours["aval"] == published).all()
    assert (ours["ablfl"] == "Y").all()


def test_study_days_are_those_of_the_pilot(pilot: tuple[Trial, dict[str, pd.DataFrame]]) -> None:
    """3,559 visits, 863 of them unscheduled; SVSTDY is the sponsor's own study day."""
    trial, tables = pilot
    rows = trial.query("SELECT subjid, visit, adt, ady, avisit FROM analysis.adqs WHERE paramcd = 'ATTENDED'")
    ours = pd.DataFrame(rows).set_index(["subjid", "visit", "adt"]).sort_index()
    sv = tables["sv"].assign(VISIT=tables["sv"]["VISIT"].str.strip())
    theirs = sv.set_index(["USUBJID", "VISIT", "SVSTDTC"]).sort_index()
    assert len(ours) == len(theirs) == 3_559
    randomised = theirs["SVSTDY"].notna()
    assert (ours.loc[randomised.to_numpy(), "ady"].to_numpy() == theirs.loc[randomised, "SVSTDY"].to_numpy()).all()
    assert ours.loc[~randomised.to_numpy(), "ady"].isna().all()
    assert (ours.loc[~randomised.to_numpy(), "avisit"] == "SCREENING").all()


def test_a_window_takes_visits_by_day_whatever_their_label(
    pilot: tuple[Trial, dict[str, pd.DataFrame]],
) -> None:
    trial, tables = pilot
    windows = {
        "BASELINE": (-42, 1),
        "WEEK 2": (7, 21),
        "WEEK 4": (22, 35),
        "WEEK 8": (49, 63),
        "WEEK 16": (105, 119),
    }
    windows["WEEK 24"] = (161, 175)
    days = tables["sv"]["SVSTDY"].dropna()
    expected = {name: int(days.between(first, last).sum()) for name, (first, last) in windows.items()}
    expected["UNSCHEDULED"] = len(days) - sum(expected.values())
    rows = trial.query(
        "SELECT avisit, count(*) AS n FROM analysis.adqs "
        "WHERE paramcd = 'ATTENDED' AND avisit <> 'SCREENING' GROUP BY avisit"
    )
    assert {row["avisit"]: row["n"] for row in rows} == expected


def test_redcap_longitudinal_forms(real: Path, tmp_path: Path) -> None:
    trial = Trial(tmp_path / "trial", STUDIES / "redcap_longitudinal.yaml")
    source = real / "redcap" / "longitudinal" / "data.csv"
    for feed in ("participants", "questionnaires"):
        shutil.copy(source, trial.folder("clinic", feed))
    trial.night_here("--as-of", "2015-12-31")
    with source.open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    expected = {
        (r["study_id"], r["redcap_event_name"]): float(sum(int(r[f"pmq{n}"]) for n in range(1, 5)))
        for r in records
        if r["pmq1"]
    }
    assert len(expected) == 10
    rows = trial.query("SELECT subjid, adt, aval FROM analysis.adqs WHERE paramcd = 'PMQ'")
    weeks = {"dose_1": 1, "visit_1": 2, "dose_2": 3, "visit_2": 4, "first_dose": 1, "first_visit": 2}
    by_day = {
        (
            subject,
            date.fromordinal(date(2015, 4, 2).toordinal() + 7 * weeks[event.split("_arm")[0]]).isoformat(),
        ): total
        for (subject, event), total in expected.items()
    }
    assert {(row["subjid"], row["adt"]): row["aval"] for row in rows} == by_day
    people = trial.query("SELECT subjid, sex, rficdt FROM analysis.adsl ORDER BY subjid")
    assert [(p["subjid"], p["sex"], p["rficdt"]) for p in people] == [
        ("100", "M", "2015-04-02"),
        ("220", "F", "2015-04-02"),
        ("304", "F", "2015-04-02"),
    ]
    assert {d["n_rows"] for d in trial.query("SELECT n_rows FROM quality.delivery")} == {18}
