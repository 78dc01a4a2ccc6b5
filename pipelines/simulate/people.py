"""Who is in the simulated trial, and what becomes of each."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.simulate.calendar import Calendar
from pipelines.simulate.later_epoch import LaterEpoch, longest_wait
from pipelines.study.study import Site, Study, Visit

SCREEN_FAILURES = 0.12  # beside every randomised person
IN_SCREENING = 0.04
ENROLLED = 0.02  # consented, not randomised yet
LONG_WAIT = 0.04  # consent so long before randomisation that the baseline misses its window
WITHDRAWAL = {True: 0.13, False: 0.09}  # with and without access to the programme; chosen, near the trials' drop-out
EARLY_STOP = 0.22  # stop using the programme without leaving the trial

# Treating centres that are invented; the second Japanese one is spelt with a letter CP932 has and Shift-JIS has not.
CENTRES = {"ja": ["第一病院", "髙原クリニック", "海岸メンタルクリニック"]}
REASONS = ["WITHDREW CONSENT", "LOST TO FOLLOW-UP", "MOVED AWAY", "NO TIME", "Would rather not say"]

# Each status with the column that says since when; the later ones win.
STEPS = {
    "enrolled": "consent_date",
    "randomised": "randomised_on",
    "completed": "completed_on",
    "withdrawn": "withdrew_on",
    "screen_failed": "failed_on",
}

COLUMNS: dict[str, Any] = {
    "person": pl.Int64,
    "site": pl.String,
    "zone": pl.String,
    "subject_id": pl.String,
    "centre": pl.String,
    "language": pl.String,
    "seen_on": pl.Date,
    "consent_date": pl.Date,
    "birth_year": pl.Int64,
    "sex": pl.String,
    "employed": pl.Boolean,
    "failed_on": pl.Date,
    "randomised_on": pl.Date,
    "arm": pl.String,
    "stratum": pl.String,
    "access": pl.Boolean,
    "reference": pl.Date,
    "later_epoch": pl.Int64,
    "later_start": pl.Date,
    "later_arm": pl.String,
    "treated_from": pl.Date,
    "treated_in": pl.String,
    "withdrew_on": pl.Date,
    "reason": pl.String,
    "completed_on": pl.Date,
    "stopped_on": pl.Date,
    "severity": pl.Float64,
    "response": pl.Float64,
}


def recruit(study: Study, participants: int, calendar: Calendar, rng: np.random.Generator) -> pl.DataFrame:
    """One row a person, sorted by site and subject_id (columns: `COLUMNS`).

    `participants` are randomised (enrolled, in a trial without arms); screen failures and people who are
    still in screening come on top. `seen_on` is the first day on which the site's exports list the person.
    `later_…` say which epoch the person went on to, when, and in which arm; `treated_from` and `treated_in`, since
    when and in which arm the person has had the programme (`access`: at any time). `severity` and `response` are
    standard normal and mean-1 latent factors of the outcomes.
    """
    rows: list[dict[str, Any]] = []
    for number, (site, size) in enumerate(zip(study.sites, _sizes(study, participants), strict=True)):
        rows += _at_site(study, site, number, size, calendar, rng)
    people = pl.DataFrame(rows, schema=COLUMNS)
    return people.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("person"))


def _sizes(study: Study, participants: int) -> list[int]:
    """Participants a site, in proportion to the sites' targets."""
    weights = np.array([site.target or 1 for site in study.sites], dtype=float)
    exact = participants * weights / weights.sum()
    sizes = np.floor(exact).astype(int)
    for i in np.argsort(sizes - exact, kind="stable")[: participants - sizes.sum()]:
        sizes[i] += 1
    return [int(size) for size in sizes]


def _at_site(
    study: Study, site: Site, number: int, size: int, calendar: Calendar, rng: np.random.Generator
) -> list[dict[str, Any]]:
    people = [_randomised(calendar, rng, alone=size == 1) for _ in range(size)]
    people += [_screen_failure(calendar, rng) for _ in range(round(SCREEN_FAILURES * size))]
    people += [_screened(calendar, rng) for _ in range(round(IN_SCREENING * size))]
    people += [_enrolled(calendar, rng) for _ in range(round(ENROLLED * size))]
    people.sort(key=lambda person: person["seen_on"])
    _allocate(study, site, [p for p in people if "randomised_on" in p], rng)
    later = LaterEpoch(study)
    for i, person in enumerate(people, start=1):
        person.update(_self(site, person, rng), subject_id=_identifier(site, number, i))
        person.update(_fate(study, person, calendar, rng, later))
    return [{name: person.get(name) for name in COLUMNS} for person in people]


def _identifier(site: Site, number: int, i: int) -> str:
    """Sites number their people in their own ways: with a prefix, as plain numbers (SPSS), zero-padded."""
    formats = {source.read.format for source in site.feeds.get("participants", [])}
    if "sav" in formats:
        return str(1000 * (number + 1) + i)
    return f"{i:04d}" if number % 2 == 0 and number else f"{site.site[:2].upper()}-{i:03d}"


def _day(calendar: Calendar, rng: np.random.Generator) -> date:
    return calendar.first_consent + timedelta(days=int(rng.integers(calendar.recruitment_days + 1)))


def _randomised(calendar: Calendar, rng: np.random.Generator, *, alone: bool) -> dict[str, Any]:
    """Whoever is alone at a site came in its first month: there is nobody else whose course could be seen."""
    consent = _day(calendar, rng)
    if alone:
        consent = calendar.first_consent + (consent - calendar.first_consent) % timedelta(days=31)
    wait = int(rng.integers(5, 22))
    if rng.random() < LONG_WAIT and consent + timedelta(days=45) < calendar.cut:
        wait = int(rng.integers(31, 42))
    return {"seen_on": consent, "consent_date": consent, "randomised_on": consent + timedelta(days=wait)}


def _screen_failure(calendar: Calendar, rng: np.random.Generator) -> dict[str, Any]:
    consent = _day(calendar, rng)
    failed = consent + timedelta(days=int(rng.integers(2, 16)))
    return {"seen_on": consent, "consent_date": consent, "failed_on": failed, "reason": "Criteria not met"}


def _screened(calendar: Calendar, rng: np.random.Generator) -> dict[str, Any]:
    return {"seen_on": calendar.cut - timedelta(days=int(rng.integers(1, 15)))}


def _enrolled(calendar: Calendar, rng: np.random.Generator) -> dict[str, Any]:
    consent = calendar.cut - timedelta(days=int(rng.integers(3, 12)))
    return {"seen_on": consent, "consent_date": consent}


def _allocate(study: Study, site: Site, people: list[dict[str, Any]], rng: np.random.Generator) -> None:
    """Permuted blocks, each arm twice its ratio in a block, in the order of randomisation."""
    arms = {arm.arm: arm for arm in study.arms}
    block: list[str] = []
    for person in sorted(people, key=lambda p: p["randomised_on"]):
        if not arms:
            person.update(randomised_on=None, reference=person["consent_date"], access=bool(study.modules))
            continue
        block = block or [
            str(arm) for arm in rng.permutation([arm.arm for arm in study.arms for _ in range(arm.ratio)] * 2)
        ]
        arm = arms[block.pop()]
        starts = "consent_date" if study.reference_date == "consent" else "randomised_on"
        person.update(arm=arm.arm, access=arm.programme_access, stratum=site.site, reference=person[starts])


def _self(site: Site, person: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    age = 18 + min(int(rng.gamma(2.2, 6.0)), 50)
    centres = CENTRES.get(site.language, [f"{site.name} Clinic", f"{site.name} Community Centre"])
    return {
        "site": site.site,
        "zone": site.timezone,
        "language": site.language,
        "centre": centres[int(rng.integers(len(centres)))],
        "birth_year": (person.get("consent_date") or person["seen_on"]).year - age,
        "sex": str(rng.choice(["F", "M", "X"], p=[0.55, 0.43, 0.02])),
        "employed": bool(rng.random() < 0.8),
        "access": person.get("access", False),
        "severity": float(rng.normal()),
        "response": float(np.clip(rng.normal(1.0, 0.33), -0.2, 1.7)),
    }


def _fate(
    study: Study, person: dict[str, Any], calendar: Calendar, rng: np.random.Generator, later: LaterEpoch
) -> dict[str, Any]:
    """When the person left, went on to a later epoch, finished, or stopped using the programme; NULL for what has
    not happened by the cut."""
    leaves, day, reason = rng.random(), int(rng.integers(8, 185)), REASONS[int(rng.integers(len(REASONS)))]
    stops, stop_day = rng.random(), int(rng.integers(14, 90))
    start = person.get("reference")
    if start is None:
        return {}
    left = start + timedelta(days=day)
    leaves_early = leaves < WITHDRAWAL[person["access"]]
    next_epoch = later.begun(person, min(left, calendar.cut) if leaves_early else calendar.cut, rng)
    done = _last_day(study, person.get("arm"), start, 1)
    if next_epoch:
        done = _last_day(study, next_epoch["later_arm"], next_epoch["later_start"], next_epoch["later_epoch"])
    fate = next_epoch | _programme(study, person, next_epoch)
    if leaves_early and left < min(done, calendar.cut):
        fate.update(withdrew_on=left, reason=reason)
    elif done <= calendar.cut and (next_epoch or not later.awaits(person)):
        fate["completed_on"] = done
    if fate["access"] and stops < EARLY_STOP:
        fate["stopped_on"] = fate["treated_from"] + timedelta(days=stop_day)
    return fate


def _last_day(study: Study, arm: str | None, start: date, epoch_no: int) -> date:
    """When an epoch's last window has closed, and the person has completed the trial."""
    due = visits_of(study, arm, epoch_no) or study.first_visits
    return start + timedelta(days=max(v.window[1] for v in due) + 2)


def visits_of(study: Study, arm: str | None, epoch_no: int) -> list[Visit]:
    """The visits of an epoch that somebody in `arm` has."""
    visits = [visit for visit in study.visits if study.epoch_number(visit) == epoch_no]
    return [visit for visit in visits if visit.arms is None or arm in visit.arms]


def _programme(study: Study, person: dict[str, Any], next_epoch: dict[str, Any]) -> dict[str, Any]:
    """Since when, and in which arm, the person has had the programme."""
    if person["access"]:
        return {"access": True, "treated_from": person["reference"], "treated_in": person.get("arm")}
    given = next((arm.programme_access for arm in study.arms if arm.arm == next_epoch.get("later_arm")), False)
    if not given:
        return {"access": False}
    return {"access": True, "treated_from": next_epoch["later_start"], "treated_in": next_epoch["later_arm"]}


def longest_follow_up(study: Study) -> int:
    """Days from the reference date to the end of the last window that anybody can have, waiting included."""
    first = max(visit.window[1] for visit in study.first_visits)
    later = [visit.window[1] for visit in study.visits if study.epoch_number(visit) > 1]
    return max(first, longest_wait(study) + max(later)) if later else first


def status_on(people: pl.DataFrame, day: date) -> pl.DataFrame:
    """The participants' feed as the sites would export it at the end of `day`.

    Columns: site and those of the feed. A person is listed from `seen_on`; later changes are not known yet.
    """
    status, since = pl.lit("screened"), pl.col("seen_on")
    for name, column in STEPS.items():
        reached = pl.col(column) <= day
        status = pl.when(reached).then(pl.lit(name)).otherwise(status)
        since = pl.when(reached).then(column).otherwise(since)
    gone = (pl.col("failed_on") <= day) | (pl.col("withdrew_on") <= day)
    return people.filter(pl.col("seen_on") <= day).select(
        "site",
        "subject_id",
        "centre",
        "language",
        "consent_date",
        "birth_year",
        "sex",
        status.alias("status"),
        since.alias("status_date"),
        pl.when(gone.fill_null(False)).then("reason").alias("status_reason"),
    )
