"""Weekly courses made to lie at and just beside each criterion of a sudden gain, in one epoch or two, and what must
come of them, reckoned from the forms themselves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import sqrt
from typing import Any

from pipelines.study.load import Protocol
from pipelines.study.outcome import ParameterChange, SuddenGain
from tests.sql.outcome_oracle import CRITICAL_T, TREATMENT_WEEKS
from tests.sql.trial import RANDOMISED, Trial, at, phq9, with_study
from tests.sql.waiting import waiting_list

WAIT_WEEKS = 15
FALL, SHARE = 6, Fraction(1, 4)
# PHQ-9 in points; of the LSAS fear with four items missing, each answered point worth 24/20: falls of 6 and of a
# quarter that binary fractions miss.
DEFINITIONS = {"PHQ9": "sudden_gain_phq9", "LSASTOT": "sudden_gain_lsas"}
Row = dict[str, Any]
Filled = tuple[datetime, Fraction | None]


def gain_courses(protocol: Protocol, seed: int, people: int) -> tuple[Trial, list[Row]]:
    """People of whom every second one is treated after a wait; and the rows of analysis.adsg in key order."""
    chance = random.Random(seed)
    trial = Trial(waiting_list(with_gains_of_lsas(protocol), {"weeks": WAIT_WEEKS}))
    found: list[Row] = []
    for number in range(people):
        waits = number % 2 == 1
        usubjid = trial.person(f"{number:03}", "WAIT" if waits else "ICT")
        starts = [RANDOMISED, RANDOMISED + timedelta(7 * WAIT_WEEKS)] if waits else [RANDOMISED]
        paramcd = "LSASTOT" if number % 6 > 3 else "PHQ9"
        filled = list(_course(trial, chance, f"{number:03}", paramcd, 2 * WAIT_WEEKS if waits else WAIT_WEEKS + 2))
        found += _gains(usubjid, paramcd, starts, filled)
    return trial, found


def with_gains_of_lsas(protocol: Protocol, share: float = 0.25) -> Protocol:
    """Sudden gains of the LSAS beside those of the PHQ-9, from six points and a share of the score before."""
    named = protocol.study.outcomes
    change = ParameterChange(paramcd="LSASTOT", definition="lsas_change", threshold=FALL, source="for this test")
    gain = SuddenGain(
        paramcd="LSASTOT",
        definition=DEFINITIONS["LSASTOT"],
        reliable_change="lsas_change",
        share=share,
        source="for this test",
    )
    changed = {
        "reliable_change": [*named.reliable_change, change],
        "sudden_gains": [*(g for g in named.sudden_gains if g.paramcd == "PHQ9"), gain],
    }
    return with_study(protocol, outcomes=named.model_copy(update=changed))


def _course(trial: Trial, chance: random.Random, subject: str, paramcd: str, weeks: int) -> Iterator[Filled]:
    """Forms from two weeks before the start on: two to four weeks on a level, then a fall of a quarter or of five, six
    or seven points, or a new start high up."""
    level, stays = chance.choice([20, 24, 25, 27]), chance.randint(2, 4)
    for week in range(-1, weeks + 1):
        stays -= 1
        if stays > 0:
            level = min(27, level + chance.choice([0, 0, 0, 0, 1, -1]))
        else:
            stays, fall = chance.randint(2, 4), chance.choice([level // 4, level // 4 - 1, 5, 6, 7])
            level = level - fall if level > 12 else chance.choice([20, 24, 25, 27])
        if chance.random() < 0.12:
            continue
        noon = at(f"{RANDOMISED}T12:00") + timedelta(7 * (week - 1) + chance.randint(1, 6))
        yield _form(trial, subject, paramcd, noon, level, "WEEKLY", chance.random() < 0.08)
        if chance.random() < 0.15:
            hours = chance.choice([-24, -1, 0, 1])
            when = max(noon + timedelta(hours=hours), noon - timedelta((noon.date() - RANDOMISED).days % 7 - 1))
            other = level + chance.choice([-6, -1, 1])
            yield _form(trial, subject, paramcd, when, min(max(other, 0), 27), "SECOND", chance.random() < 0.3)


def _form(
    trial: Trial, subject: str, paramcd: str, when: datetime, points: int, label: str, incomplete: bool
) -> Filled:
    if paramcd == "PHQ9":
        answers: dict[str, Any] = dict(phq9(points))
        missing = ("1", "2", "3") if incomplete else ()
    else:
        answers = {f"avoidance_{n}": 0 for n in range(1, 25)}
        answers |= {f"fear_{n}": min(3, max(0, points - 3 * (n - 1))) for n in range(1, 25)}
        missing = tuple(f"fear_{n}" for n in range(19 if incomplete else 21, 25))
    trial.form(subject, "phq9" if paramcd == "PHQ9" else "lsas_sr", when, answers | dict.fromkeys(missing), visit=label)
    worth = Fraction(1) if paramcd == "PHQ9" else Fraction(24, 20)
    return when, None if incomplete else points * worth


def _gains(usubjid: str, paramcd: str, starts: list[date], filled: list[Filled]) -> list[Row]:
    found = []
    for epoch, start in enumerate(starts, 1):
        later = starts[epoch] if epoch < len(starts) else date.max
        weeks: dict[int, tuple[date, Fraction]] = {}
        # Of a week the last day counts, of a day the first form, of one moment the one delivered first.
        for when, value in sorted(filled, key=lambda form: form[0]):
            day, begun = when.date(), start if epoch > 1 else date.min
            week = (day - start).days // 7 + 1
            counts = value is not None and begun < day <= later and 1 <= week <= TREATMENT_WEEKS
            if counts and (week not in weeks or weeks[week][0] < day):
                weeks[week] = day, value
        found += [
            {"usubjid": usubjid, "defid": DEFINITIONS[paramcd], "aperiod": epoch, **row} for row in _of_epoch(weeks)
        ]
    return [row | {"sgseq": number} for number, row in enumerate(found, 1)]


def _of_epoch(weeks: dict[int, tuple[date, Fraction]]) -> Iterator[Row]:
    for week in sorted(weeks):
        before = [weeks[n][1] for n in (week - 2, week - 1, week) if n in weeks]
        after = [weeks[n][1] for n in (week + 1, week + 2, week + 3) if n in weeks]
        if week + 1 not in weeks or len(before) < 2 or len(after) < 2:
            continue
        high, low = weeks[week][1], weeks[week + 1][1]
        mean_before, mean_after = sum(before, Fraction(0)) / len(before), sum(after, Fraction(0)) / len(after)
        squares = sum((x - mean_before) ** 2 for x in before) + sum((x - mean_after) ** 2 for x in after)
        variance = Fraction(squares, len(before) + len(after) - 2)
        critical, apart = CRITICAL_T[len(before) + len(after)], mean_before - mean_after
        if high - low >= FALL and high - low >= SHARE * high and apart > 0 and apart**2 > critical**2 * variance:
            yield {
                "aperweek": week, "sgbefdt": weeks[week][0], "sgaftdt": weeks[week + 1][0],
                "sgbef": high, "sgaft": low, "aval": high - low, "nbef": len(before), "naft": len(after),
                "meanbef": mean_before, "meanaft": mean_after, "sdpool": Fraction(sqrt(variance)),
                "tcrit": float(critical),
            }  # fmt: skip
