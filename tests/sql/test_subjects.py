"""Who is in, and in which population."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.sql.trial import Trial, at, day, phq9, with_study

START = date(2026, 3, 2)


def adsl(trial: Trial, columns: str) -> tuple[Any, ...]:
    return trial.tables().row(f"SELECT {columns} FROM analysis.adsl")


def lsas(level: int) -> dict[str, int]:
    return {f"{half}_{n}": level for half in ("fear", "avoidance") for n in range(1, 25)}


def test_a_randomised_person(trial: Trial) -> None:
    given = {"centre": "Clinic B", "consent_date": date(2026, 1, 2), "birth_year": 1986, "sex": "X"}
    trial.person("001", randomised_on=START, site_id="miyazaki", **given)
    columns = (
        "usubjid, studyid, subjid, siteid, centre, language, age, sex, rficdt, randdt, arm, trt01p, trtsdt, trtedt"
    )
    assert adsl(trial, columns) == (
        "ict_sad-miyazaki-001", "ict_sad", "001", "miyazaki", "Clinic B", "ja", 40, "X", date(2026, 1, 2), START,
        "ICT", "Internet-delivered cognitive therapy", START, START + timedelta(98),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "eosstt", "ended"),
    [
        ("screened", None, False),
        ("enrolled", "ONGOING", False),
        ("randomised", "ONGOING", False),
        ("completed", "COMPLETED", True),
        ("withdrawn", "DISCONTINUED", True),
        ("screen_failed", "SCREEN FAILURE", False),
    ],
)
def test_status(trial: Trial, status: str, eosstt: str | None, ended: bool) -> None:
    changed = START + timedelta(30)
    trial.person("001", None, status=status, status_date=changed)
    assert adsl(trial, "eosstt, eosdt") == (eosstt, changed if ended else None)


@pytest.mark.parametrize(
    ("stated", "published"),
    [
        (" lost to follow-up ", "LOST TO FOLLOW-UP"),
        ("His mother phoned", "OTHER"),
        ("  ", None),
        (None, None),
    ],
)
def test_only_listed_reasons_are_published(trial: Trial, stated: str | None, published: str | None) -> None:
    trial.person("001", status="withdrawn", status_date=START, status_reason=stated)
    assert adsl(trial, "dcsreas") == (published,)


@pytest.mark.parametrize(
    ("centre", "language", "published"),
    [
        ("精神科 2号館", "zh-HK", ("精神科 2号館", "zh-HK")),
        ("é" * 40, "é" * 32, ("é" * 40, "é" * 32)),
        ("é" * 41, "é" * 33, ("OTHER", "OTHER")),
        ("Ward 12345", "ja_2", ("OTHER", "ja_2")),
        ("7 Park Road", "any language", ("OTHER", "OTHER")),
    ],
)
def test_only_what_looks_like_a_name_is_published(
    trial: Trial, centre: str, language: str, published: tuple[str, str]
) -> None:
    trial.person("001", centre=centre, language=language)
    assert adsl(trial, "centre, language") == published


def test_treatment_ends_with_the_study(trial: Trial) -> None:
    trial.person("001", randomised_on=START, status="withdrawn", status_date=START + timedelta(20))
    assert adsl(trial, "trtsdt, trtedt") == (START, START + timedelta(20))


@pytest.mark.parametrize(
    ("status", "consented", "arm", "enrlfl"),
    [
        ("screened", True, None, "N"),
        ("screen_failed", True, None, "N"),
        ("enrolled", True, None, "Y"),
        ("enrolled", False, None, "N"),
        ("withdrawn", True, None, "Y"),
        ("screened", False, "ICT", "Y"),
        (None, True, None, "Y"),
    ],
)
def test_enrolled(trial: Trial, status: str | None, consented: bool, arm: str | None, enrlfl: str) -> None:
    trial.person("001", arm, status=status, consent_date=START if consented else None)
    assert adsl(trial, "enrlfl, ittfl") == (enrlfl, "Y" if arm else "N")


@pytest.mark.parametrize(
    ("days", "mittfl", "pprotfl"),
    [((1,), "N", "N"), ((57,), "N", "N"), ((1, 57), "Y", "N"), ((1, 140), "Y", "N"), ((1, 106), "Y", "Y")],
)
def test_populations_by_primary_outcome(trial: Trial, days: tuple[int, ...], mittfl: str, pprotfl: str) -> None:
    # In usual care nothing is asked about the programme.
    trial.person("001", "TAU", START)
    for study_day in days:
        trial.form("001", "lsas_sr", day(study_day), lsas(1))
    trial.form("001", "phq9", day(57), phq9(9))
    assert adsl(trial, "mittfl, pprotfl, saffl") == (mittfl, pprotfl, "Y")


def test_a_form_without_a_value_is_no_primary_outcome(trial: Trial) -> None:
    trial.person("001", "TAU", START)
    trial.form("001", "lsas_sr", day(1), lsas(1))
    trial.form("001", "lsas_sr", day(106), {"fear_1": 1})
    assert adsl(trial, "mittfl, pprotfl") == ("N", "N")


@pytest.mark.parametrize(
    ("modules", "pprotfl"),
    [
        (["core_01", "core_02", "core_03", "core_04"], "Y"),
        (["core_01", "core_02", "core_03", "optional_01"], "N"),
        (["core_01", "core_02", "core_03", "core_03"], "N"),
    ],
)
def test_per_protocol_asks_for_core_modules(trial: Trial, modules: list[str], pprotfl: str) -> None:
    trial.person("001", "ICT", START)
    trial.form("001", "lsas_sr", day(106), lsas(1))
    for n, module in enumerate(modules):
        trial.event("001", at("2026-03-03T10:00") + timedelta(days=n), "module_completed", module=module)
    assert adsl(trial, "pprotfl, saffl") == (pprotfl, "Y")


def test_who_has_the_programme_must_have_started_it(trial: Trial) -> None:
    trial.person("001", "ICT", START)
    trial.event("001", at("2026-03-01T10:00"), "login")  # before the treatment start
    trial.event("001", at("2026-03-03T10:00"), "message_sent", actor="therapist")
    assert adsl(trial, "ittfl, saffl") == ("Y", "N")
    trial.event("001", at("2026-03-03T10:00"), "login")
    assert adsl(trial, "ittfl, saffl") == ("Y", "Y")


def test_no_condition_still_asks_for_enrolment(ict_sad: Protocol) -> None:
    populations = ict_sad.study.populations.model_copy(
        update={
            "saf": ict_sad.study.populations.saf.model_copy(update={"randomised": False, "programme_started": False})
        }
    )
    trial = Trial(with_study(ict_sad, populations=populations))
    trial.person("001", None, status="screen_failed")
    assert adsl(trial, "saffl") == ("N",)


def test_nothing_delivered_gives_empty_tables(trial: Trial) -> None:
    db = trial.tables()
    for table in (
        "analysis.adsl", "analysis.adqs", "engagement.session", "engagement.participant_week",
        "engagement.module_progress", "quality.delivery", "quality.quarantine",
    ):  # fmt: skip
        assert db.rows(f"FROM {table}") == []
