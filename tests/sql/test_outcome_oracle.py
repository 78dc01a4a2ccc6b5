"""Weeks, recovery and sudden gains of the SQL against a slow reckoning, on courses that hypothesis makes up."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines.study.load import SCHEMAS, load_protocol
from tests.sql import outcome_oracle
from tests.sql.gain_courses import gain_courses
from tests.sql.test_oracle import compare
from tests.sql.test_responses import lsas
from tests.sql.trial import RANDOMISED, Trial, at

PROTOCOL = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml")
SUBJECTS = ("001", "002", "003", "004", "005", "006")
LENGTHS = {"phq9": 9, "gad7": 7}


def courses(seed: int) -> Trial:
    """Six people's weekly PHQ-9 and GAD-7, mostly falling; some SPIN, LSAS at two visits, odd days, missing items,
    second forms."""
    chance = random.Random(seed)
    trial = Trial(PROTOCOL)
    noon = at(f"{RANDOMISED}T12:00")
    for subject in SUBJECTS:
        trial.person(subject, chance.choice(["ICT", "ICT", "TAU", None]))
        level = chance.randint(5, 22)
        for name in LENGTHS:
            _fill(trial, chance, subject, name, noon, level)
        for week in range(1, chance.randint(3, 17)):
            level = max(0, level + chance.choice([-9, -8, -7, -1, -1, 0, 0, 1, 2, 7]))
            if chance.randint(0, 5) == 0:
                continue
            when = noon + timedelta(7 * week - chance.randint(0, 3))
            for name in LENGTHS:
                _fill(trial, chance, subject, name, when, level)
        for day, total in ((0, chance.randint(10, 40)), (105, chance.randint(5, 40))):
            if chance.random() < 0.5:
                answers = {str(n): min(4, max(0, total - 4 * (n - 1))) for n in range(1, 18)}
                trial.form(subject, "spin", noon + timedelta(day), answers, visit="BASELINE" if day == 0 else "WEEK 15")
        base = chance.choice([0, 40, 50, 100, 125])
        # A fall by 28 per cent, and one point to either side of it, of the cut-off and of remission.
        ends = [base * 18 // 25, base * 18 // 25 + 1, base * 18 // 25 - 1, 29, 30, 34, 35, 36, base]
        for day, total in ((-1, base), (104, max(0, chance.choice(ends)))):
            trial.form(
                subject, "lsas_sr", noon + timedelta(day), lsas(total), visit="BASELINE" if day < 0 else "WEEK 15"
            )
    return trial


@settings(max_examples=4, deadline=None, phases=[Phase.generate, Phase.reuse], print_blob=True)
@given(st.integers(0, 2**32))
def test_sudden_gains_at_and_beside_each_criterion_in_both_epochs(seed: int) -> None:
    trial, expected = gain_courses(PROTOCOL, seed, people=30)
    compare(trial.tables("analysis.adsg"), "analysis.adsg", expected, "usubjid, defid, sgseq")


def _fill(trial: Trial, chance: random.Random, subject: str, name: str, when: datetime, level: int) -> None:
    n_items = LENGTHS[name]
    answers: dict[str, Any] = {
        str(n): min(3, max(0, min(level, 3 * n_items) - 3 * (n - 1))) for n in range(1, n_items + 1)
    }
    for item in chance.choice([(), (), (), ("2",), ("1", "2", "3")]):
        answers[item] = None
    label = chance.choice(["WEEKLY", "WEEKLY", "WEEK 8"])
    trial.form(subject, name, when, answers, visit=label)
    if chance.randint(0, 7) == 0:
        trial.form(subject, name, when + timedelta(hours=chance.choice([-1, 1, 26])), answers, visit="SECOND")


@settings(max_examples=12, deadline=None, phases=[Phase.generate, Phase.reuse], print_blob=True)
@given(st.integers(0, 2**32))
def test_weeks_recovery_and_sudden_gains(seed: int) -> None:
    trial = courses(seed)
    db = trial.tables("analysis.adqw", "analysis.adresp", "analysis.adsg")
    compare(db, "analysis.adqw", outcome_oracle.adqw(trial), "usubjid, paramcd, aweek")
    single = "(FROM analysis.adresp WHERE defid <> 'nhs_talking_therapies')"
    compare(db, single, outcome_oracle.verdicts(trial), "usubjid, avisit, defid, paramcd")
    nhs = "(FROM analysis.adresp WHERE defid = 'nhs_talking_therapies')"
    compare(db, nhs, outcome_oracle.recovery(trial), "usubjid, avisit, paramcd")
    for paramcd in ("PHQ9", "GAD7"):
        gains = f"(FROM analysis.adsg WHERE paramcd = '{paramcd}')"
        compare(db, gains, outcome_oracle.sudden_gains(trial, paramcd), "usubjid, aperweek")
