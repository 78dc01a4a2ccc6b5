"""Every version of a record and every change of it, against the rules applied delivery by delivery."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.study.load import Protocol
from tests.sql.trial import Tables, Trial, at

SITES = ("oxford", "miyazaki")
State = dict[tuple[str, str], str]  # (site, key) → what counts


@dataclass(frozen=True)
class Sent:
    """A delivery: `accepted` maps keys to what they say, `refused` are keys in quarantine."""

    site: str
    stream: str
    scope: str
    accepted: dict[str, str]
    refused: frozenset[str]
    status: str = "accepted"


keys = st.sampled_from(["a", "b"])
sent = st.builds(
    Sent,
    site=st.sampled_from(SITES),
    stream=st.sampled_from(["one", "two"]),
    scope=st.sampled_from(["full", "incremental"]),
    accepted=st.dictionaries(keys, st.sampled_from(["F", "M"])),
    refused=st.frozensets(keys, max_size=2),
    status=st.sampled_from(["accepted", "accepted", "accepted", "held"]),
)
drops = st.lists(sent, max_size=15)
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def current(deliveries: list[tuple[int, Sent]], site: str) -> dict[str, tuple[str, int]]:
    """Key → (what counts, sequence of the delivery that brought it), by the rules as they are worded.

    A version could count when no later full export of its stream has come, or when a delivery of the stream that
    none has replaced refused the key. Of these the one delivered last counts.
    """
    counted = [(n, d) for n, d in deliveries if d.site == site and d.status == "accepted"]

    def stands(n: int, d: Sent) -> bool:
        return not any(m > n and e.scope == "full" and e.stream == d.stream for m, e in counted)

    refused = {(d.stream, key) for n, d in counted if stands(n, d) for key in d.refused}
    found: dict[str, tuple[str, int]] = {}
    for n, delivery in counted:
        for key, said in delivery.accepted.items():
            if stands(n, delivery) or (delivery.stream, key) in refused:
                found[key] = (said, n)
    return found


def states_of(deliveries: list[Sent]) -> list[State]:
    """What counted before the first delivery, and after each."""
    numbered = list(enumerate(deliveries, start=1))
    return [
        {(site, key): said for site in SITES for key, (said, _) in current(numbered[:n], site).items()}
        for n in range(len(numbered) + 1)
    ]


def changes_of(states: list[State]) -> list[tuple[object, ...]]:
    """(sequence of the delivery, site, key, change, old, new) of every change but a first delivery."""
    found: list[tuple[object, ...]] = []
    seen: set[tuple[str, str]] = set()
    for n, (before, after) in enumerate(pairwise(states), start=1):
        for site, key in before.keys() | after.keys():
            old, new = before.get((site, key)), after.get((site, key))
            if old and new and old != new:
                found.append((n, site, key, "corrected", old, new))
            elif old and not new:
                found.append((n, site, key, "withdrawn", old, None))
            elif new and not old and (site, key) in seen:
                found.append((n, site, key, "restored", None, new))
        seen |= after.keys()
    return sorted(found, key=str)


def trial_of(protocol: Protocol, deliveries: list[Sent], feed: str) -> Trial:
    trial = Trial(protocol)
    for d in deliveries:
        delivery = trial.delivery(d.site, feed, stream=d.stream, scope=d.scope, status=d.status)
        if d.status != "accepted":
            continue
        for key, said in d.accepted.items():
            if feed == "participants":
                trial.add(feed, d.site, delivery, subject_id=key, sex=said)
            else:
                when = at("2026-03-03T10:00")
                trial.event("001", when, event_id=key, actor=said, delivery=delivery, site_id=d.site)
        for key in sorted(d.refused):
            trial.refuse(feed, d.site, delivery, key)
    return trial


def known_after(db: Tables, point: int, columns: str, table: str) -> list[tuple[object, ...]]:
    return sorted(
        db.rows(
            f"SELECT {columns} FROM {table} "
            f"WHERE valid_from_seq <= {point} AND (valid_to_seq IS NULL OR {point} < valid_to_seq)"
        )
    )


def recorded(db: Tables, column: str) -> list[tuple[object, ...]]:
    rows = db.rows(
        "SELECT CAST(new_delivery_id[2:] AS BIGINT), site_id, record_key, change, old_value, new_value "
        f"FROM quality.change WHERE column_name = '{column}'"
    )
    return sorted(rows, key=str)


@few
@given(deliveries=drops)
def test_at_every_point_the_history_says_what_counted_then(ict_sad: Protocol, deliveries: list[Sent]) -> None:
    db = trial_of(ict_sad, deliveries, "participants").tables("core.participants", "quality.change")
    states = states_of(deliveries)
    for point, state in enumerate(states):
        found = known_after(db, point, "site_id, subject_id, sex", "core.participants_history")
        assert found == sorted((*key, said) for key, said in state.items())
    numbered = list(enumerate(deliveries, start=1))
    now = db.rows("SELECT site_id, subject_id, sex, CAST(delivery_id[2:] AS BIGINT) FROM core.participants")
    assert sorted(now) == sorted((s, key, *v) for s in SITES for key, v in current(numbered, s).items())
    assert recorded(db, "sex") == changes_of(states)
    assert db.rows("SELECT DISTINCT column_name FROM quality.change WHERE column_name <> 'sex'") == []


@few
@given(deliveries=drops)
def test_the_history_of_the_log_tells_of_every_event_that_changed(ict_sad: Protocol, deliveries: list[Sent]) -> None:
    db = trial_of(ict_sad, deliveries, "usage").tables("core.usage", "quality.change")
    numbered = list(enumerate(deliveries, start=1))
    now = db.rows("SELECT site_id, event_id, actor, CAST(delivery_id[2:] AS BIGINT) FROM core.usage")
    assert sorted(now) == sorted((s, key, *v) for s in SITES for key, v in current(numbered, s).items())
    states = states_of(deliveries)
    assert recorded(db, "actor") == changes_of(states)
    told = set(db.rows("SELECT site_id, event_id FROM core.usage_history"))
    for point, state in enumerate(states):
        found = known_after(db, point, "site_id, event_id, actor", "core.usage_history")
        assert found == sorted((*key, said) for key, said in state.items() if key in told)
    columns = "site_id, event_id, subject_id, actor, delivery_id, row_no, line_no, record_key"
    still = f"SELECT {columns} FROM core.usage_history WHERE valid_to_seq IS NULL"
    assert db.rows(f"{still} EXCEPT SELECT {columns} FROM core.usage") == []
