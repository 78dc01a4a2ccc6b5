"""The interval in which each version of a record counted, against the rules applied delivery by delivery."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.study.load import Protocol
from tests.sql.trial import Trial, at

SITES = ("oxford", "hong_kong", "miyazaki")


@dataclass(frozen=True)
class Sent:
    """A delivery: `accepted` maps keys to what they say, `refused` are keys in quarantine."""

    site: str
    stream: str
    scope: str
    accepted: dict[str, str]
    refused: frozenset[str]
    status: str = "accepted"


keys = st.sampled_from(["a", "b", "c"])
sent = st.builds(
    Sent,
    site=st.sampled_from(SITES),
    stream=st.sampled_from(["one", "two"]),
    scope=st.sampled_from(["full", "incremental"]),
    accepted=st.dictionaries(keys, st.sampled_from(["F", "M"])),
    refused=st.frozensets(keys, max_size=2),
    status=st.sampled_from(["accepted", "accepted", "accepted", "held"]),
)


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
                trial.event("001", when, event_id=key, module=said, delivery=delivery, site_id=d.site)
        for key in sorted(d.refused):
            trial.refuse(feed, d.site, delivery, key)
    return trial


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(sent, max_size=15))
def test_at_every_point_the_history_says_what_counted_then(ict_sad: Protocol, deliveries: list[Sent]) -> None:
    db = trial_of(ict_sad, deliveries, "participants").tables("core.participants")
    numbered = list(enumerate(deliveries, start=1))
    for point in range(len(deliveries) + 1):
        found = db.rows(
            "SELECT site_id, subject_id, sex FROM core.participants_history "
            f"WHERE valid_from_seq <= {point} AND (valid_to_seq IS NULL OR {point} < valid_to_seq)"
        )
        expected = {(s, key, said) for s in SITES for key, (said, _) in current(numbered[:point], s).items()}
        assert len(found) == len(expected)
        assert set(found) == expected
    now = db.rows("SELECT site_id, subject_id, sex, CAST(delivery_id[2:] AS BIGINT) FROM core.participants")
    assert set(now) == {(s, key, *version) for s in SITES for key, version in current(numbered, s).items()}
    assert db.rows("SELECT count(*) FROM core.participants") == [(len(now),)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(sent, max_size=15))
def test_the_history_of_the_log_tells_of_every_event_that_changed(ict_sad: Protocol, deliveries: list[Sent]) -> None:
    db = trial_of(ict_sad, deliveries, "usage").tables("core.usage", "core.usage_history")
    numbered = list(enumerate(deliveries, start=1))
    now = db.rows("SELECT site_id, event_id, module, CAST(delivery_id[2:] AS BIGINT) FROM core.usage")
    assert sorted(now) == sorted((s, key, *v) for s in SITES for key, v in current(numbered, s).items())
    states = [
        {(s, k): v[0] for s in SITES for k, v in current(numbered[:n], s).items()} for n in range(len(numbered) + 1)
    ]
    seen = {key for state in states for key in state}
    changed = {key for key in seen if len({s[key] for s in states if key in s}) > 1 or _vanished(key, states)}
    told = set(db.rows("SELECT site_id, event_id FROM core.usage_history"))
    assert changed <= told
    for point, state in enumerate(states):
        found = db.rows(
            "SELECT site_id, event_id, module FROM core.usage_history "
            f"WHERE valid_from_seq <= {point} AND (valid_to_seq IS NULL OR {point} < valid_to_seq)"
        )
        assert sorted(found) == sorted((*key, said) for key, said in state.items() if key in told)
    columns = "site_id, event_id, subject_id, module, delivery_id, row_no, line_no, record_key"
    missing = (
        f"SELECT {columns} FROM core.usage_history WHERE valid_to_seq IS NULL EXCEPT SELECT {columns} FROM core.usage"
    )
    assert db.rows(missing) == []


def _vanished(key: tuple[str, str], states: list[dict[tuple[str, str], str]]) -> bool:
    held = [key in state for state in states]
    return any(before and not after for before, after in pairwise(held))
