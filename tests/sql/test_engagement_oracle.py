"""The tables of engagement against a slow reckoning of the same rules, on trials that hypothesis makes up."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines.study.engagement import Engagement
from pipelines.study.intercurrent import IntercurrentEvents
from pipelines.study.load import SCHEMAS, load_protocol
from pipelines.study.study import Treatment
from tests.sql import engagement_oracle as oracle
from tests.sql.test_oracle import exactly
from tests.sql.trial import Trial, with_study

SITES, SUBJECTS = ("oxford", "miyazaki"), ("001", "002", "TEST1", "STAFF")
START = date(2026, 3, 2)
OUTAGE = {"site": "oxford", "first_day": START + timedelta(9), "last_day": START + timedelta(16)}
BUILT_IN = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml")
PROTOCOL = with_study(
    BUILT_IN,
    treatment=Treatment(weeks=2),
    intercurrent_events=IntercurrentEvents.model_validate(
        {"non_usage": {"days": 7, "reason": ""}, "outages": [OUTAGE]}
    ),
    engagement=Engagement.model_validate(
        {
            "reason": "",
            "silence": {"history_days": 7, "expected_user_days": 2, "people": 2, "reason": ""},
            "test_accounts": ["TEST*", "STAFF"],
        }
    ),
)


def some_trial(chance: random.Random) -> Trial:
    """A month of two sites with up to four people each, some of whom use the programme nearly every day."""
    trial = Trial(PROTOCOL, as_of=START + timedelta(chance.randint(0, 35)))
    for site in SITES:
        for subject in chance.sample(SUBJECTS, chance.randint(1, 4)):
            status = chance.choice(["randomised", "randomised", "withdrawn", "completed"])
            start, ended = START + timedelta(chance.randint(0, 5)), START + timedelta(chance.randint(0, 30))
            consent, arm = start - timedelta(chance.choice([-3, 0, 5, 400])), chance.choice(["ICT", "ICT", "TAU"])
            trial.person(subject, arm, start, site_id=site, status=status, status_date=ended, consent_date=consent)
        _log(trial, site, chance.choice([0.0, 0.3, 0.9]), chance)
    return trial


def _log(trial: Trial, site: str, often: float, chance: random.Random) -> None:
    """Deliveries every few days, some of them refused or cut off in the middle of a day; silent for some days."""
    silent = {chance.randint(0, 30) + n for n in range(chance.randint(0, 6))}
    for n in range(31):
        day = datetime.combine(START + timedelta(n), datetime.min.time(), UTC)
        if n % 5 == 0:
            status = chance.choice(["accepted", "accepted", "partial", "rejected", "held", "repeat"])
            whole = chance.choice([timedelta(hours=12), timedelta(hours=15) - timedelta(microseconds=1)])
            name = chance.choice(["a.csv", "b.csv", f"{n}.csv"])
            trial.delivery(site, "usage", received_at=day + timedelta(5) + whole, status=status, file_name=name)
        good = [d for d in trial.deliveries if (d["site_id"], d["feed"]) == (site, "usage")]
        good = [d["delivery_id"] for d in good if d["status"] in ("accepted", "partial")]
        for subject in SUBJECTS if good and n not in silent else ():
            if chance.random() < often:
                _use(trial, site, subject, day, good[-1], chance)


def _use(trial: Trial, site: str, subject: str, day: datetime, delivery: str, chance: random.Random) -> None:
    when = day + timedelta(hours=chance.randint(0, 23))
    for _ in range(chance.randint(1, 4)):
        when += timedelta(minutes=chance.choice([1, 15, 16, 30, 31, 60, 61]), microseconds=chance.randint(0, 1))
        trial.event(
            subject,
            when,
            chance.choice(["login", "page_view", "message_sent"]),
            site_id=site,
            delivery=delivery,
            actor=chance.choice(["participant", "participant", "participant", "therapist", "system"]),
            duration_s=chance.choice([None, 0.000001, 59.5, 1800.0, 5000.25]),
            stored_at=chance.choice([None, when, when - timedelta(minutes=5), when - timedelta(minutes=5, seconds=1)]),
        )


@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32))
def test_every_day_has_one_state_and_use_is_counted_as_the_rules_say(seed: int) -> None:
    trial = some_trial(random.Random(seed))
    db = trial.tables("engagement.day_state", "engagement.session_gap", "analysis.adeng", "analysis.attrition")
    states = db.rows("SELECT usubjid, day, state FROM engagement.day_state ORDER BY usubjid, day")
    assert states == oracle.day_states(trial)
    gaps = db.rows("SELECT usubjid, gap_minutes, n_sessions, active_minutes FROM engagement.session_gap ORDER BY ALL")
    assert gaps == [(*row[:3], exactly(row[3])) for row in oracle.session_gaps(trial)]
    own_gap = "SELECT usubjid, n_sessions FROM engagement.session_gap WHERE is_primary ORDER BY 1"
    assert db.rows("SELECT usubjid, count(*) FROM engagement.session GROUP BY 1 ORDER BY 1") == db.rows(own_gap)
    for expected in oracle.periods(trial):
        who = f"usubjid = '{expected.pop('usubjid')}' AND aperiod = '{expected.pop('aperiod')}'"
        found = dict(db.rows(f"SELECT paramcd, aval FROM analysis.adeng WHERE {who}"))
        assert {code: found[code] for code in expected} == {code: exactly(value) for code, value in expected.items()}
    _compare_curves(db.rows)


def _compare_curves(rows: Any) -> None:
    for code in ("DROPOUT", "NONUSE", "USELIFE", "TRTDROP"):
        times = rows(f"SELECT CAST(aval AS BIGINT), cnsr FROM analysis.adtte WHERE paramcd = '{code}' AND aval > 0")
        curve = rows(
            "SELECT aday, n_risk, n_event, n_censored, surv FROM analysis.attrition "
            f"WHERE paramcd = '{code}' AND arm = 'ALL' ORDER BY aday"
        )
        assert curve == [(*row[:4], pytest.approx(float(row[4]), abs=1e-12)) for row in oracle.survival(times)]
