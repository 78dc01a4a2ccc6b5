"""Every built-in instrument's scores against the published rules, over thousands of made-up forms."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.study.instrument_file import INSTRUMENTS, known_instruments, load_instrument
from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from pipelines.study.study import Schedule
from pipelines.warehouse.graph import load_graph
from tests.sql.other_rules import JUST_BESIDE, MAY_NOT_APPLY, OTHER, OTHER_WORTH
from tests.sql.published_rules import EQ_PROFILE, RULES, Rule, score
from tests.sql.trial import Tables, Trial

FORMS = 60  # of each instrument, a batch
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
SCORING = ("outcome.answer", "outcome.profile", "outcome.part_score", "outcome.score")


# A made-up value set: 0.1 is lost for each level of each dimension.
def worth(profile: str) -> Decimal:
    return 1 - Decimal("0.1") * (sum(map(int, profile)) - len(profile))


PROFILES = [f"{a}{b}{c}{d}{e}" for a in "12345" for b in "12345" for c in "12345" for d in "12345" for e in "12345"]
EXPECTED = {name: dict(rules) for name, rules in RULES.items()}
EXPECTED |= {instrument.instrument: {instrument.scores[0].paramcd: rule} for instrument, rule in OTHER}
EXPECTED["eq5d5l"]["EQ5DIX"] = Rule(
    (EQ_PROFILE,), profile=True, worth={profile: Fraction(worth(profile)) for profile in PROFILES}
)


def every_instrument() -> Protocol:
    ict_sad = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml")
    instruments = {name: load_instrument(INSTRUMENTS / f"{name}.yaml") for name in RULES}
    instruments |= {instrument.instrument: instrument for instrument, _ in OTHER}
    schedules = [Schedule(instrument=name, visits=["BASELINE"]) for name in instruments]
    study = ict_sad.study.model_copy(update={"instruments": schedules})
    values = {profile: float(worth(profile)) for profile in PROFILES}
    others = {profile: float(value) for profile, value in OTHER_WORTH.items()}
    return Protocol(study, instruments, "", {"eq5d5l": {"any": values}, "rule_21": {"any": others}})


@pytest.fixture(scope="module")
def db() -> Iterator[Tables]:
    """A trial with one person and no forms yet, with every instrument."""
    trial = Trial(every_instrument())
    trial.person("001")
    trial.delivery("oxford", "questionnaires")
    yield trial.tables("outcome.score")


def test_every_instrument_that_can_be_scored_has_its_rules_here() -> None:
    assert set(RULES) == set(known_instruments()) - {"spss"}


def made_up(name: str, chance: random.Random) -> dict[str, str | None]:
    """A form: complete, or with the items of one of its scores missing: as many as are allowed, one more or one
    less, all but one, or all of a scale; now and then with work not applicable."""
    given: dict[str, str | None] = {}
    for rule in EXPECTED[name].values():
        for scale in rule.scales:
            for item in scale.items:
                given[item] = str(chance.choice([scale.low, scale.high, chance.randint(scale.low, scale.high)]))
    for item in MAY_NOT_APPLY.get(name, ()):
        if chance.random() < 0.5:
            given[item] = "NA"
    for scale in chance.choice(list(EXPECTED[name].values())).scales:
        n_missing = chance.choice([0, 0, *(scale.may_miss + more for more in (-1, 0, 0, 1)), 99])
        n_missing = len(scale.items) - chance.choice([0, 1]) if n_missing == 99 else n_missing
        for item in chance.sample(scale.items, min(max(n_missing, 0), len(scale.items))):
            given[item] = None
    return given


def scores(db: Tables, forms: list[tuple[str, dict[str, str | None]]]) -> dict[tuple[int, str], tuple[Any, ...]]:
    """(number of the form, paramcd) → (score, score_text, n_items, n_missing, derivation)."""
    batch = pd.DataFrame(
        [(number, name, item, value) for number, (name, given) in enumerate(forms) for item, value in given.items()],
        columns=["number", "instrument", "item", "value"],
    )
    db.con.register("batch", batch)
    db.con.execute("DELETE FROM core.questionnaires")
    db.con.execute(
        "INSERT INTO core.questionnaires BY NAME SELECT 'ict_sad-oxford-001' AS usubjid, instrument, item, "
        "CAST(value AS VARCHAR) AS value, $start + to_minutes(number) AS completed_at, "
        "DATE '2026-03-02' AS completed_on, delivery_id, row_number() OVER () AS row_no "
        "FROM batch, input.delivery WHERE feed = 'questionnaires'",
        {"start": START},
    )
    graph = load_graph()
    for table in SCORING:
        db.con.execute(f"CREATE OR REPLACE TABLE {table} AS {graph.queries[table].sql}")
    rows = db.rows(
        "SELECT DISTINCT a.completed_at, s.paramcd, s.score, s.score_text, s.n_items, s.n_missing, s.derivation "
        "FROM outcome.score AS s JOIN outcome.answer AS a ON a.form_no = s.form_no"
    )
    return {((at - START) // timedelta(minutes=1), code): tuple(rest) for at, code, *rest in rows}


def expected(number: int, name: str, given: dict[str, str | None]) -> dict[tuple[int, str], tuple[Any, ...]]:
    found: dict[tuple[int, str], tuple[Any, ...]] = {}
    for code, rule in EXPECTED[name].items():
        if any(given.get(item) is not None for item in rule.items):
            scored = score(given, rule)
            value = None if scored.value is None else pytest.approx(float(scored.value), rel=1e-12, abs=1e-12)
            how = None if value is None or not scored.n_missing else "PRORATED" if scored.prorated else "LOWEST"
            found[number, code] = (value, scored.text, len(rule.items), scored.n_missing, how)
    return found


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False))
def test_every_instrument_is_scored_by_its_published_rule(db: Tables, chance: random.Random) -> None:
    drawn = random.Random(chance.getrandbits(64))
    forms = [*JUST_BESIDE, *((name, made_up(name, drawn)) for name in EXPECTED for _ in range(FORMS))]
    ours, theirs = scores(db, forms), {}
    for number, (name, form) in enumerate(forms):
        theirs |= expected(number, name, form)
    assert ours.keys() == theirs.keys()
    assert {how for *_, how in theirs.values()} == {None, "PRORATED", "LOWEST"}
    for number, code in theirs:
        assert ours[number, code] == theirs[number, code], (code, forms[number])
