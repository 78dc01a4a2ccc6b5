"""What the audit trail tells of a change, and that it shows when somebody alters it."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from pipelines.quality import audit_chain
from pipelines.quality.audit_chain import FIRST, first_broken_link, write_audit_trail
from pipelines.study.load import Protocol
from pipelines.warehouse.blinding import blinded_contents
from pipelines.warehouse.dictionary import load_dictionary
from pipelines.warehouse.inputs import accepted_columns
from schemas.feeds import FEEDS
from tests.sql.trial import MEMORY, RANDOMISED, Tables, Trial, at

FACTS = "record_key, column_name, change, old_value, new_value, old_delivery_id, new_delivery_id"


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    return Trial(ict_sad)


OF_KIND = {
    "VARCHAR": ("a", "b"),
    "BIGINT": (1, 2),
    "DOUBLE": (0.5, 1.5),
    "DATE": (RANDOMISED, RANDOMISED + timedelta(1)),
    "TIMESTAMPTZ": (at("2026-03-03T10:00"), at("2026-03-03T10:30")),
}


def trail(trial: Trial) -> Tables:
    db = trial.tables("quality.change", "quality.shown_delivery")
    write_audit_trail(db.con, MEMORY)
    return db


def facts(trial: Trial) -> list[tuple[Any, ...]]:
    return trail(trial).rows(f"SELECT {FACTS} FROM quality.audit_trail ORDER BY seq")


def people(trial: Trial, people: dict[str, dict[str, Any]], **delivery: Any) -> None:
    delivery_id = trial.delivery("oxford", "participants", **delivery)
    for subject, row in people.items():
        trial.add("participants", "oxford", delivery_id, subject_id=subject, **row)


def three_nights(trial: Trial) -> None:
    """001 is corrected twice; 002, of whom nothing is known, goes and comes back."""
    people(trial, {"001": {"sex": "F", "birth_year": 1990, "centre": "x"}, "002": {}})
    people(trial, {"001": {"sex": "M", "birth_year": 1991, "centre": "y"}})
    people(trial, {"001": {"sex": "M", "birth_year": 1991}, "002": {}})


def test_a_trial_without_corrections_has_an_empty_trail(trial: Trial) -> None:
    people(trial, {"001": {"sex": "F"}})
    people(trial, {"001": {"sex": "F"}, "002": {"sex": "M"}})
    db = trail(trial)
    assert db.rows("FROM quality.audit_trail") == []
    assert first_broken_link(db.con) is None


def test_each_changed_column_is_a_row_and_free_text_is_not_told(trial: Trial) -> None:
    three_nights(trial)
    assert facts(trial) == [
        ("001", "birth_year", "corrected", "1990", "1991", "d1", "d2"),
        ("001", "centre", "corrected", "(text)", "(text)", "d1", "d2"),
        ("001", "sex", "corrected", "F", "M", "d1", "d2"),
        ("002", "", "withdrawn", None, None, "d1", "d2"),
        ("001", "centre", "corrected", "(text)", None, "d2", "d3"),
        ("002", "", "restored", None, None, "d2", "d3"),
    ]


def test_the_old_delivery_is_the_one_that_last_said_so(trial: Trial) -> None:
    for sex in "FFM":
        people(trial, {"001": {"sex": sex}})
    assert facts(trial) == [("001", "sex", "corrected", "F", "M", "d2", "d3")]


def test_every_kind_of_value_has_one_text(trial: Trial) -> None:
    for minutes, when in ((5.0, "2026-03-03T10:00"), (7.5, "2026-03-03T10:30")):
        trial.delivery("oxford", "contacts")
        trial.contact("001", at(when), contact_id="c1", minutes=minutes)
    for day in (date(2026, 3, 1), date(2026, 3, 2)):
        trial.delivery("oxford", "allocation")
        trial.add("allocation", "oxford", subject_id="001", arm="ICT", randomised_on=day)
    assert [(row[1], row[3], row[4]) for row in facts(trial)] == [
        ("minutes", "5.0", "7.5"),
        ("occurred_at", "2026-03-03T10:00:00.000000Z", "2026-03-03T10:30:00.000000Z"),
        ("randomised_on", "2026-03-01", "2026-03-02"),
    ]


def test_no_column_of_any_feed_is_forgotten(trial: Trial) -> None:
    """One record for each column beside the key; the second delivery changes that column alone."""
    expected = set()
    for feed in FEEDS.values():
        names = [column.name for column in feed.columns if column.name not in feed.key]
        names += ["missing_reason"] if feed.name == "questionnaires" else []
        expected |= {(feed.name, name) for name in names}
        for value in (0, 1):
            delivery = trial.delivery("oxford", feed.name)
            for name in names:
                key = dict.fromkeys(feed.key, name) | ({"completed_at": RANDOMISED} if "visit" in feed.key else {})
                changed = {"subject_id": "001", name: OF_KIND[accepted_columns(feed)[name]][value]}
                trial.add(feed.name, "oxford", delivery, **changed | key)
    rows = trail(trial).rows("SELECT feed, column_name, change FROM quality.audit_trail")
    assert sorted(rows) == sorted((feed, name, "corrected") for feed, name in expected)


def test_corrections_of_the_primary_outcome_are_marked(trial: Trial) -> None:
    for answer in (1, 2):
        trial.delivery("oxford", "questionnaires")
        trial.form("001", "lsas_sr", RANDOMISED, {"fear_1": answer})
        trial.form("001", "phq9", RANDOMISED, {"1": answer})
    rows = trail(trial).rows("SELECT record_key, is_primary_outcome FROM quality.audit_trail ORDER BY seq")
    assert [(key.split("|")[1], primary) for key, primary in rows] == [("lsas_sr", True), ("phq9", False)]


def test_an_answer_taken_back_to_missing_is_a_correction(trial: Trial) -> None:
    for answer in (1, None):
        trial.delivery("oxford", "questionnaires")
        trial.form("001", "gad7", RANDOMISED, {"1": answer})
    assert [row[1:5] for row in facts(trial)] == [("value", "corrected", "1", None)]


def test_a_change_is_recorded_when_both_deliveries_were_there(trial: Trial) -> None:
    early, late = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    people(trial, {"001": {"sex": "F"}}, received_at=late)
    people(trial, {"001": {"sex": "M"}}, received_at=early)
    assert trail(trial).row("SELECT recorded_at FROM quality.audit_trail") == (late,)


def test_anybody_can_follow_the_chain(trial: Trial) -> None:
    three_nights(trial)
    rows = trail(trial).records("FROM quality.audit_trail ORDER BY seq")
    before = FIRST
    for number, row in enumerate(rows, start=1):
        cells = [row["seq"], *(row[name] for name in list(audit_chain.CHAINED)[1:-1])]
        cells.append(f"{row['recorded_at']:%Y-%m-%dT%H:%M:%S.%fZ}")
        text = ",".join("" if cell is None else f'"{cell}"' for cell in cells)
        assert (row["seq"], row["prev_hash"]) == (number, before)
        before = sha256(f"{before}\n{text}".encode()).hexdigest()
        assert row["hash"] == before
    assert len(rows) == 6


def test_the_example_in_the_documentation_is_true() -> None:
    assert doctest.testmod(audit_chain).failed == 0


@pytest.mark.parametrize("at_once", [1, 4, 1000])
def test_a_long_trail_is_one_chain(trial: Trial, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    three_nights(trial)
    whole = trail(trial).rows("SELECT hash FROM quality.audit_trail ORDER BY seq")
    monkeypatch.setattr(audit_chain, "ROWS_AT_ONCE", at_once)
    db = trail(trial)
    assert db.rows("SELECT hash FROM quality.audit_trail ORDER BY seq") == whole
    assert first_broken_link(db.con) is None


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("UPDATE quality.audit_trail SET new_value = '1980' WHERE seq = 1", 1),
        ("UPDATE quality.audit_trail SET recorded_at = recorded_at + INTERVAL 1 HOUR WHERE seq = 3", 3),
        ("DELETE FROM quality.audit_trail WHERE seq = 2", 2),
        ("UPDATE quality.audit_trail SET hash = repeat('a', 64) WHERE seq = 4", 4),
        ("UPDATE quality.audit_trail SET old_value = NULL, new_value = '(text)' WHERE seq = 5", 5),
    ],
)
def test_what_is_altered_afterwards_shows(trial: Trial, tampering: str, broken: int) -> None:
    three_nights(trial)
    db = trail(trial)
    db.con.execute(tampering)
    assert first_broken_link(db.con) == broken


def test_the_blinded_see_only_what_tells_nothing_of_arms(trial: Trial) -> None:
    trial.person("001")
    trial.form("001", "phq9", RANDOMISED, {"1": 1})
    trial.contact("001", at("2026-03-03T10:00"), contact_id="c1", minutes=1.0)
    trial.event("001", at("2026-03-03T10:00"), event_id="e1")
    trial.add("adverse_events", "oxford", ae_id="a1", subject_id="001", serious="N")
    trial.add("intercurrent_events", "oxford", ice_id="i1", subject_id="001", kind="other_therapy")
    for feed in FEEDS:
        trial.delivery("oxford", feed)
    trial.person("001", "TAU", sex="M", status="withdrawn", status_date=RANDOMISED)
    trial.form("001", "phq9", RANDOMISED, {"1": 2})
    trial.contact("001", at("2026-03-03T10:00"), contact_id="c1", minutes=2.0)
    trial.event("001", at("2026-03-03T11:00"), event_id="e1")
    trial.add("adverse_events", "oxford", ae_id="a1", subject_id="001", serious="Y")
    trial.add("intercurrent_events", "oxford", ice_id="i1", subject_id="001", kind="crossover")
    db = trail(trial)
    assert len(db.rows("SELECT DISTINCT feed FROM quality.audit_trail")) == len(FEEDS)
    for seen_by in ("statistician", "nobody"):
        (part,) = (p for p in blinded_contents(load_dictionary(), seen_by, "k") if p.name == "quality.audit_trail")
        assert {"seq", "prev_hash", "hash", "is_primary_outcome"}.isdisjoint(part.columns)
        assert db.rows(f"SELECT feed, column_name, old_value, new_value FROM ({part.select})") == [
            ("participants", "sex", "F", "M")
        ]
