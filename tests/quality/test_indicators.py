"""Site indicators: status by exact tails against the study file, and their counts."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.quality.indicators import Count, counts_of, judge_indicators, stored_count
from pipelines.study.indicator import load_indicators
from pipelines.study.load import Protocol
from pipelines.study.study import Limit, Study
from tests.quality.good_trial import good_trial
from tests.sql.trial import Trial, at, with_study

SITES = ("oxford", "hong_kong", "miyazaki")


def judged(study: Study, kri: str, *counts: tuple[int, int], **given: Any) -> list[dict[str, Any]]:
    """One row a site, from (n, x)."""
    sites = [f"s{i:02}" for i in range(len(counts))]
    return judge_indicators([Count(kri, s, n, x, **given) for s, (n, x) in zip(sites, counts, strict=True)], study)


@pytest.mark.parametrize(
    ("n", "x", "status"),
    [(20, 5, "OK"), (20, 6, "WATCH"), (20, 7, "WATCH"), (20, 8, "ACTION"), (9, 0, "TOO_FEW"), (9, 6, "ACTION"),
     (0, 0, "TOO_FEW"), (5, 5, "ACTION")],
)  # fmt: skip
def test_the_status_of_a_count(ict_sad: Protocol, n: int, x: int, status: str) -> None:
    (row,) = judged(ict_sad.study, "K04", (n, x))
    assert row["status"] == status
    assert row["metric"] == (x / n if n else None)


@pytest.mark.parametrize("fixed", ["BROKEN", "NO_DATA", "NOT_APPLICABLE"])
def test_what_could_not_be_judged_is_never_well(ict_sad: Protocol, fixed: Any) -> None:
    (row,) = judged(ict_sad.study, "K04", (20, 8), fixed=fixed)
    assert row["status"] == fixed
    assert row["p_upper"] is row["chance_action"] is row["wilson_low"] is None


@pytest.mark.parametrize(
    ("kri", "n", "x", "critical", "status"),
    [("K14", 200, 0, 0, "OK"), ("K14", 200, 2, 0, "WATCH"), ("K14", 200, 3, 0, "ACTION"), ("K14", 200, 1, 1, "ACTION"),
     ("K16", 59, 0, 0, "OK"), ("K16", 59, 2, 0, "WATCH"), ("K16", 59, 3, 0, "ACTION"), ("K16", 2, 0, 0, "TOO_FEW")],
)  # fmt: skip
def test_identities_leave_nothing_to_chance(
    ict_sad: Protocol, kri: str, n: int, x: int, critical: int, status: str
) -> None:
    (row,) = judged(ict_sad.study, kri, (n, x), n_critical=critical)
    assert (row["status"], row["p_upper"]) == (status, None)


def test_a_tolerance_is_the_study_files(ict_sad: Protocol) -> None:
    lax = ict_sad.study.model_copy(
        update={"quality": {"overdue_forms": Limit(tolerance=0.4, minimum=30, reason="agreed")}}
    )
    (strict,) = judged(ict_sad.study, "K04", (20, 8))
    (row,) = judge_indicators([stored_count(strict)], lax)
    assert (strict["status"], row["status"]) == ("ACTION", "TOO_FEW")
    assert (row["tolerance"], row["minimum"], row["reason"]) == (0.4, 30, "agreed")
    (again,) = judge_indicators([stored_count(row)], ict_sad.study)
    assert again == strict


def test_being_worse_than_the_others_alone_flags_nobody(ict_sad: Protocol) -> None:
    rows = judged(ict_sad.study, "K05", (60, 9), (200, 2), (200, 2))
    assert rows[0]["higher_than_others"] is True and rows[0]["p_vs_others"] < 0.001
    assert [row["status"] for row in rows] == ["OK"] * 3
    few = judged(ict_sad.study, "K05", (9, 9), (200, 2))
    assert few[0]["higher_than_others"] is False


def test_the_funnel_only_with_ten_sites(ict_sad: Protocol) -> None:
    assert {row["score"] for row in judged(ict_sad.study, "K04", *[(20, 3)] * 8, (20, 12))} == {None}
    rows = judged(ict_sad.study, "K04", *[(20, 3)] * 9, (20, 12))
    assert rows[-1]["score"] == pytest.approx(3.0)
    assert rows[0]["score"] == pytest.approx(-1 / 3)


def test_luck_and_power_are_exact(ict_sad: Protocol) -> None:
    (row,) = judged(ict_sad.study, "K04", (20, 0))
    assert (row["watch_from"], row["action_from"]) == (6, 8)
    assert row["chance_watch"] + row["chance_action"] == pytest.approx(0.011253, abs=1e-6)  # P(X >= 6 | 20, 0.1)
    assert row["chance_action"] == pytest.approx(0.000416, abs=1e-6)
    assert row["power_watch"] == pytest.approx(0.195792, abs=1e-6)  # P(X >= 6 | 20, 0.2)
    (tiny,) = judged(ict_sad.study, "K04", (1, 0))
    assert (tiny["watch_from"], tiny["power_watch"], tiny["chance_watch"]) == (None, 0.0, 0.0)


def test_a_good_trial_has_nothing_to_flag(ict_sad: Protocol) -> None:
    con = good_trial(ict_sad).tables("quality.counted_unit", "quality.arrival").con
    rows = judge_indicators(counts_of(con, ict_sad.study), ict_sad.study)
    assert len(rows) == len(load_indicators()) * len(SITES)
    oxford = {row["kri"]: row for row in rows if row["site_id"] == "oxford"}
    assert oxford["K03"]["denominator"] == 0  # its one delivery of forms is of its first day, and may have waited
    assert {row["status"] for row in oxford.values()} <= {"OK", "TOO_FEW"}
    assert {kri: row["numerator"] for kri, row in oxford.items() if row["numerator"]} == {}
    assert {row["status"] for row in rows if row["site_id"] != "oxford"} == {"NO_DATA"}


def counted(trial: Trial, number: str, site: str = "oxford") -> tuple[int, int]:
    """(denominator, numerator)."""
    return trial.tables("quality.counted_unit").row(
        "SELECT coalesce(sum(n), 0), coalesce(sum(x), 0) FROM quality.counted_unit "
        f"WHERE number = '{number}' AND site_id = '{site}'"
    )


def test_who_left_how(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad)
    for number, reason in enumerate(("WITHDREW CONSENT", "LOST TO FOLLOW-UP", "DEATH", "my dog is ill", None)):
        trial.person(f"{number}", status="withdrawn", status_date=at("2026-05-01T00:00").date(), status_reason=reason)
    trial.person("5")
    trial.person("6", status="completed", status_date=at("2026-08-01T00:00").date())
    trial.person("7", arm=None, status="screen_failed", status_reason="criteria not met")
    trial.person("8", arm=None, status="screen_failed", status_reason="told Ann Other")
    trial.person("9", arm=None, status="enrolled")
    assert counted(trial, "K07") == (7, 3)
    boxes = trial.tables("quality.flow").rows("SELECT box, parent, n FROM quality.flow ORDER BY position")
    assert boxes == [
        ("screened", None, 10),
        ("excluded", "screened", 2),
        ("excluded: CRITERIA NOT MET", "excluded", 1),
        ("excluded: OTHER", "excluded", 1),
        ("pending", "screened", 1),
        ("randomised", "screened", 7),
        ("in_follow_up", "randomised", 1),
        ("completed", "randomised", 1),
        ("withdrawn", "randomised", 3),
        ("withdrawn: NOT STATED", "withdrawn", 1),
        ("withdrawn: OTHER", "withdrawn", 1),
        ("withdrawn: WITHDREW CONSENT", "withdrawn", 1),
        ("lost", "randomised", 1),
        ("lost: LOST TO FOLLOW-UP", "lost", 1),
        ("died", "randomised", 1),
        ("died: DEATH", "died", 1),
    ]


def test_a_randomised_screening_failure_is_not_eligible(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad)
    trial.person("001", status="screen_failed")
    trial.person("002")
    assert counted(trial, "K16") == (2, 1)
    unallocated = with_study(ict_sad, arms=[], reference_date="consent")
    assert counted(Trial(unallocated), "K16") == (0, 0)
