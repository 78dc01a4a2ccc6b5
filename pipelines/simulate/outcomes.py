"""Forms that people fill in, and the answers in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipelines.simulate.calendar import Calendar, to_local
from pipelines.study.instrument import Instrument
from pipelines.study.load import Protocol
from pipelines.study.study import Visit


@dataclass(frozen=True)
class Course:
    """Points on the instrument's first score: at baseline, and how far it falls with the programme."""

    mean: float
    sd: float
    fall: float


# LSAS-SR: falls of 54 (Thew et al. 2019) and an adjusted difference of 55 from the waiting list (Thew et al.
# 2022, 10.1016/j.invent.2022.100539). The other numbers are unpublished: chosen to be plausible beside it.
COURSES = {
    "lsas_sr": Course(85, 17, 54),
    "phq9": Course(10.5, 4.5, 4.5),
    "gad7": Course(10, 4, 4.5),
    "wsas": Course(19, 6.5, 9),
    "spin": Course(42, 9, 22),
}
USUAL = (0.55, 0.13, 0.30)  # of the range, for an instrument not listed above
CONTROL_SHARE = 0.07  # of the fall, without the programme
SHARED = 0.65  # correlation of an instrument's baseline with the person's severity
VISIT_NOISE = 0.22  # of the baseline standard deviation
ITEM_NOISE = 0.07  # of an item's range

# Of items that may tell of danger (PHQ-9 item 9): some people have such thoughts at all, and then so much of how bad
# things are otherwise. Chosen for people treated for anxiety; of depressed ones half did (10.1136/bmjopen-2012-001558).
IN_DANGER, SHARE_IN_DANGER = 0.25, 0.5
MISSING_ITEM, BROKEN_OFF, NOT_ANSWERED_AT_VISIT = 0.006, 0.03, 0.02
ATTENDS_BEFORE = 0.97  # baseline
MISSED_VISIT = (0.04, 0.0007)  # share missed: at the start, and for each day of the target
JITTER_DAYS, LATE, EARLY = 4.0, 0.06, 0.03
SECOND_BASELINE, EXTRA_VISIT, LATE_INSTRUMENT = 0.05, 0.03, 0.04
SECONDS_A_FORM = (180, 480)

FORM = {
    "person": pl.Int64(),
    "instrument": pl.String(),
    "visit": pl.String(),
    "local": pl.Datetime("us"),
    "weekly": pl.Boolean(),
}


def fill_in(
    protocol: Protocol, people: pl.DataFrame, weekly: pl.DataFrame, calendar: Calendar, rng: np.random.Generator
) -> pl.DataFrame:
    """Every answer: columns of FORM, `form` (number), `item`, `value` ('2', 'NA', NULL when not answered).

    `weekly` (person, utc) are the moments of the programme's weekly forms. Sorted by form and item order;
    a form is one instrument filled in at one moment.
    """
    forms = pl.concat(
        [
            _at_visits(protocol, people, calendar, rng),
            _in_programme(protocol, people, weekly, rng),
        ]
    )
    forms = forms.unique(["person", "instrument", "visit", "local"], keep="first", maintain_order=True)
    forms = forms.sort("person", "local", "weekly", "instrument").with_columns(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("form")
    )
    latent = people.select(
        "person", "access", "reference", "treated_from", "severity", "response", "stopped_on", "employed"
    )
    forms_with = forms.join(latent, on="person", how="left", maintain_order="left")
    weeks = protocol.study.treatment.weeks if protocol.study.treatment else 14
    answers = [
        _answers(instrument, forms_with.filter(instrument=name), people.height, weeks, rng)
        for name, instrument in protocol.instruments.items()
    ]
    return forms.join(pl.concat(answers), on="form").sort("form", "position").drop("position")


def _at_visits(protocol: Protocol, people: pl.DataFrame, calendar: Calendar, rng: np.random.Generator) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for visit in protocol.study.visits:
        instruments = [s.instrument for s in protocol.study.instruments if visit.avisit in s.visits]
        dated = _visit_days(visit, _in_epoch(people, protocol.study.epoch_number(visit)), rng)
        baseline = visit.target_day <= 1
        rows += _filled_in(dated, visit.avisit, instruments, rng, same_day=baseline)
        if baseline:
            again = dated.filter(pl.Series(rng.random(dated.height) < SECOND_BASELINE), pl.col("again").is_not_null())
            rows += _filled_in(again.with_columns(day=pl.col("again")), visit.avisit, instruments, rng, same_day=True)
        else:
            extra = dated.filter(pl.Series(rng.random(dated.height) < EXTRA_VISIT))
            rows += _filled_in(extra.with_columns(day=pl.col("day") + pl.duration(days=9)), None, instruments, rng)
    return _until(pl.DataFrame(rows, schema=FORM), people, calendar)


def _until(forms: pl.DataFrame, people: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """Forms up to the cut, and of people who left, up to the day before."""
    before_leaving = pl.col("withdrew_on") - pl.duration(days=1)
    last = people.select("person", pl.min_horizontal(before_leaving, pl.lit(calendar.cut)).alias("last"))
    forms = forms.join(last, on="person", how="left", maintain_order="left")
    return forms.filter(pl.col("local").dt.date() <= pl.col("last")).select(list(FORM))


def _in_epoch(people: pl.DataFrame, epoch_no: int) -> pl.DataFrame:
    """The people with the arm and the first day that they have in an epoch; of a later one, those who began it."""
    if epoch_no == 1:
        return people
    return people.filter(later_epoch=epoch_no).with_columns(
        pl.col("later_arm").alias("arm"), pl.col("later_start").alias("reference")
    )


def _visit_days(visit: Visit, people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """person, day, again (a second day, where there is room for one) of everyone who attends."""
    n = people.height
    arms = pl.lit(True) if visit.arms is None else pl.col("arm").is_in(visit.arms)
    if visit.target_day <= 1:
        return _baseline_days(people, rng)
    shift = np.round(rng.normal(0, JITTER_DAYS, n))
    unusual = rng.random(n)
    shift = np.where(unusual < LATE, rng.integers(10, 41, n), shift)
    shift = np.where(unusual > 1 - EARLY, -rng.integers(10, 21, n), shift)
    start, slope = MISSED_VISIT
    attends = rng.random(n) >= start + slope * visit.target_day
    days = people.with_columns(
        pl.Series("shift", shift.astype(np.int64) + visit.target_day - 1), pl.Series("attends", attends)
    )
    return days.filter("attends", arms, pl.col("reference").is_not_null()).select(
        "person",
        (pl.col("reference") + pl.duration(days=pl.col("shift"))).alias("day"),
        pl.lit(None, pl.Date).alias("again"),
    )


def _baseline_days(people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Between consent and the reference date, that day included; without one, soon after consent."""
    n = people.height
    share, attends, second = rng.random(n), rng.random(n) < ATTENDS_BEFORE, rng.random(n)
    room = (pl.col("reference") - pl.col("consent_date")).dt.total_days()
    days = people.with_columns(
        pl.Series("share", share), pl.Series("attends", attends), pl.Series("second", second), room.alias("room")
    ).filter("attends", pl.col("consent_date").is_not_null())
    offset = (pl.col("share") * (pl.col("room").fill_null(0) + 1)).floor().cast(pl.Int64)
    later = offset + 1 + (pl.col("second") * (pl.col("room") - offset)).floor().cast(pl.Int64)
    return days.select(
        "person",
        (pl.col("consent_date") + pl.duration(days=offset)).alias("day"),
        pl.when(later <= pl.col("room")).then(pl.col("consent_date") + pl.duration(days=later)).alias("again"),
    )


def _filled_in(
    dated: pl.DataFrame, visit: str | None, instruments: list[str], rng: np.random.Generator, *, same_day: bool = False
) -> list[dict[str, Any]]:
    """One form after the other on the same day, between 9 and 20 o'clock; now and then one some days later."""
    n, k = dated.height, len(instruments)
    begin = rng.integers(9 * 3600, 20 * 3600, (n, 1))
    second = begin + np.cumsum(rng.integers(*SECONDS_A_FORM, (n, k)), axis=1)
    skipped = rng.random((n, k)) < NOT_ANSWERED_AT_VISIT
    days_later = np.where(rng.random((n, k)) < LATE_INSTRUMENT, rng.integers(1, 7, (n, k)), 0)
    days_later[:, : k if same_day else 1] = 0  # a baseline is completed before randomisation
    moments = dated.select(pl.col("day").cast(pl.Datetime("us")))["day"].to_numpy()
    moments = moments[:, None] + (second + days_later * 86_400).astype("timedelta64[s]")
    person = dated["person"].to_list()
    return [
        {"person": person[i], "instrument": instrument, "visit": visit, "local": moments[i, j].item(), "weekly": False}
        for i in range(n)
        for j, instrument in enumerate(instruments)
        if not skipped[i, j]
    ]


def _in_programme(
    protocol: Protocol, people: pl.DataFrame, weekly: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    instruments = [s.instrument for s in protocol.study.instruments if s.weekly]
    zones = people["zone"].unique().sort().to_list()
    moments = weekly.join(people.select("person", "zone"), on="person", how="left", maintain_order="left")
    forms = [
        moments.select(
            "person",
            pl.lit(instrument).alias("instrument"),
            pl.lit(protocol.study.weekly.label).alias("visit"),
            (to_local("utc", zones) + pl.duration(minutes=1 + 2 * j)).alias("local"),
            pl.lit(True).alias("weekly"),
        )
        for j, instrument in enumerate(instruments)
    ]
    return pl.concat([pl.DataFrame(schema=FORM), *forms])


def _answers(
    instrument: Instrument, forms: pl.DataFrame, n_people: int, weeks: int, rng: np.random.Generator
) -> pl.DataFrame:
    """form, position, item, value: answers whose sum follows the person's course."""
    names = list(instrument.ranges)
    low = np.array([instrument.ranges[name][0] for name in names])
    high = np.array([instrument.ranges[name][1] for name in names])
    share = _share(instrument, forms, n_people, weeks, rng)[:, None]
    hardness = rng.normal(0, ITEM_NOISE, len(names))
    chance = share + hardness - hardness.mean() + rng.normal(0, ITEM_NOISE, (forms.height, len(names)))
    if instrument.risk_items:
        in_danger = (rng.random(n_people) < IN_DANGER)[forms["person"].to_numpy()]
        _make_rare(chance, np.isin(names, [risk.item for risk in instrument.risk_items]), in_danger)
    answer = low + rng.binomial(high - low, np.clip(chance, 0.0, 1.0))
    turned = np.isin(names, list(_high_is_better(instrument)))
    answer = np.where(turned, low + high - answer, answer)
    for name, values in instrument.listed_values.items():
        column = answer[:, names.index(name)]
        answer[:, names.index(name)] = np.array(values)[np.searchsorted(values, column)]
    missing = _unanswered(forms.height, len(names), rng)
    text = answer.astype(str).astype(object)
    no_answer = np.isin(names, list(instrument.may_be_not_applicable)) & ~forms["employed"].to_numpy()[:, None]
    text[no_answer] = "NA"
    text[missing] = None
    return pl.DataFrame(
        {
            "form": np.repeat(forms["form"].to_numpy(), len(names)),
            "position": np.tile(np.arange(len(names)), forms.height),
            "item": names * forms.height,
            "value": pl.Series(text.ravel().tolist(), dtype=pl.String),
        }
    )


def _make_rare(chance: np.ndarray, risky: np.ndarray, in_danger: np.ndarray) -> None:
    """Lower the answers to the `risky` items; the others make up for it, so that the sum keeps its course."""
    before = chance[:, risky].sum(axis=1)
    chance[:, risky] *= np.where(in_danger, SHARE_IN_DANGER, 0.0)[:, None]
    chance[:, ~risky] += ((before - chance[:, risky].sum(axis=1)) / (~risky).sum())[:, None]


def _share(
    instrument: Instrument, forms: pl.DataFrame, n_people: int, weeks: int, rng: np.random.Generator
) -> np.ndarray:
    """How bad the first score of each form is, from 0 (as good as can be) to 1.

    It falls in step with the days under treatment, stays where it is when the person stops using the
    programme, and holds after the treatment. While people wait, or are not treated with it, it hardly falls.
    """
    score = next(score for score in instrument.scores if score.range)
    assert score.range is not None
    low, high = score.range
    mean, sd, fall = (value * (high - low) for value in USUAL)
    if instrument.instrument in COURSES:
        course = COURSES[instrument.instrument]
        mean, sd, fall = course.mean - low, course.sd, course.fall
    own = rng.normal(0, 1, n_people)[forms["person"].to_numpy()]
    severity = SHARED * forms["severity"].to_numpy() + (1 - SHARED**2) ** 0.5 * own
    end = pl.min_horizontal(pl.col("local").dt.date(), "stopped_on")
    untreated_until = pl.min_horizontal(end, "treated_from")
    share_of = {
        since: forms.select(((until - pl.col(since)).dt.total_days().fill_null(0) / (7 * weeks)).clip(0, 1)).to_series()
        for since, until in (("treated_from", end), ("reference", untreated_until))
    }
    progress = share_of["treated_from"].to_numpy() + CONTROL_SHARE * share_of["reference"].to_numpy()
    points = (
        mean
        + sd * severity
        - fall * progress * forms["response"].to_numpy()
        + VISIT_NOISE * sd * rng.normal(0, 1, forms.height)
    )
    return np.clip(points / (high - low), 0.01, 0.99)


def _high_is_better(instrument: Instrument) -> set[str]:
    """Items of which a high answer is good: one of a score that grows when things get better, or a reversed one of a
    score that grows when they get worse."""
    better = {item for s in instrument.scores if s.direction == "higher_is_better" for item in s.items}
    return better ^ instrument.reversed_items


def _unanswered(forms: int, items: int, rng: np.random.Generator) -> np.ndarray:
    """Single items left out, and forms broken off before their end; the first item is always answered."""
    missing = rng.random((forms, items)) < MISSING_ITEM
    broken = rng.random(forms) < BROKEN_OFF
    left = np.where(broken, rng.integers(1, max(2, items * 2 // 5), forms), 0)
    missing |= np.arange(items) >= items - left[:, None]
    missing[:, 0] = False
    return missing
