"""What becomes of each delivery: repeats, holds, and the data manager's word."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.landing.decision import Decision, Verdict, load_decisions
from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.study.source import Scope
from pipelines.validation.delivery import Delivery, resolve
from pipelines.validation.rows import Rows
from pipelines.validation.vanishing import Vanishing

START = datetime(2026, 3, 1, tzinfo=UTC)
NOTHING = Vanishing(0, 100, 0)
MUCH = Vanishing(5, 100, 0)


@dataclass
class Stream:
    """Deliveries of one stream, one a day; `vanishing` is what each would make vanish."""

    protocol: Protocol
    receipts: list[Receipt] = field(default_factory=list)
    rows: dict[str, Rows] = field(default_factory=dict)
    vanishing: dict[str, Vanishing] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)

    def send(self, content: str, vanishing: Vanishing = NOTHING, scope: Scope = "full", manifest: bool = False) -> str:
        name = f"d{len(self.receipts) + 1}"
        day = START + timedelta(len(self.receipts))
        receipt = Receipt(name, "oxford", "participants", f"{name}.csv", content, 1, day, day, name, manifest)
        self.receipts.append(receipt)
        self.rows[name] = Rows(name, "house", scope, "safe", n_rows=1, n_accepted=1)
        self.vanishing[name] = vanishing
        return name

    def decide(self, name: str, verdict: Verdict) -> None:
        self.decisions[name] = Decision(name, 1, verdict, "Ada", "asked the site", START)

    def resolved(self) -> list[Delivery]:
        def count(stream: list[Delivery], new: Rows) -> Vanishing:
            assert all(delivery.contributes for delivery in stream)
            return self.vanishing[new.delivery_id]

        return resolve(self.receipts, lambda r: self.rows[r.delivery_id], self.protocol.study, count, self.decisions)

    def statuses(self) -> list[str]:
        return [delivery.status for delivery in self.resolved()]


@pytest.fixture
def stream(ict_sad: Protocol) -> Stream:
    return Stream(ict_sad)


def test_the_same_bytes_are_a_repeat_and_older_ones_a_correction_taken_back(stream: Stream) -> None:
    for content in "AABA":
        stream.send(content)
    assert stream.statuses() == ["accepted", "repeat", "accepted", "accepted"]


@pytest.mark.parametrize(
    ("vanishing", "status"),
    [
        (Vanishing(2, 10, 0), "accepted"),  # fewer than three
        (Vanishing(3, 300, 0), "accepted"),  # no more than one in a hundred
        (Vanishing(3, 299, 0), "held"),
        (Vanishing(1, 10000, 1), "held"),  # a primary outcome
    ],
)
def test_a_full_export_is_held_when_too_much_would_vanish(stream: Stream, vanishing: Vanishing, status: str) -> None:
    stream.send("A")
    stream.send("B", vanishing)
    last = stream.resolved()[-1]
    assert (last.status, last.vanishing) == (status, vanishing)


def test_what_a_manifest_announces_and_what_withdraws_nothing_is_never_held(stream: Stream) -> None:
    stream.send("A", MUCH)
    stream.send("B", MUCH, manifest=True)
    stream.send("C", MUCH, scope="incremental")
    assert stream.statuses() == ["accepted"] * 3
    assert [delivery.vanishing for delivery in stream.resolved()] == [None] * 3


def test_a_held_export_says_how_to_let_it_through_and_then_counts(stream: Stream) -> None:
    stream.send("A")
    held = stream.send("B", MUCH)
    (_, delivery) = stream.resolved()
    assert delivery.status == "held"
    assert delivery.reason is not None
    assert "5 of 100 records would vanish, 0 of them" in delivery.reason
    assert f"ict-trial deliveries accept {held}" in delivery.reason
    stream.decide(held, "accept")
    (_, delivery) = stream.resolved()
    assert (delivery.status, delivery.reason) == ("accepted", "accepted by Ada on 2026-03-01: asked the site")


def test_a_held_export_sent_again_stays_held_until_one_is_accepted(stream: Stream) -> None:
    stream.send("A")
    first = stream.send("B", MUCH)
    stream.send("B", MUCH)
    assert stream.statuses() == ["accepted", "held", "held"]
    stream.decide(first, "accept")
    assert stream.statuses() == ["accepted", "accepted", "repeat"]


def test_what_is_refused_is_not_there_and_its_repeats_neither(stream: Stream) -> None:
    for content in "ABBC":
        stream.send(content)
    stream.decide("d2", "refuse")
    assert stream.statuses() == ["accepted", "rejected", "rejected", "accepted"]
    assert stream.resolved()[1].reason == "refused by Ada on 2026-03-01: asked the site"
    assert stream.resolved()[2].reason == "the same bytes as a delivery refused by Ada on 2026-03-01: asked the site"
    stream.decide("d3", "accept")
    assert stream.statuses() == ["accepted", "rejected", "accepted", "accepted"]


def test_what_was_refused_may_be_sent_again_after_something_else_counted(stream: Stream) -> None:
    for content in "BCB":
        stream.send(content)
    stream.decide("d1", "refuse")
    assert stream.statuses() == ["rejected", "accepted", "accepted"]


def test_a_file_that_cannot_be_read_is_not_made_readable_by_a_decision(stream: Stream) -> None:
    name = stream.send("A")
    stream.rows[name] = Rows(name, "house", "full", "safe", rejected="cannot be read")
    stream.decide(name, "accept")
    assert [(d.status, d.reason) for d in stream.resolved()] == [("rejected", "cannot be read")]


def test_the_last_decision_on_a_delivery_holds_and_all_are_kept(tmp_path: Path) -> None:
    for number, verdict in enumerate(["refuse", "accept"], start=1):
        Decision("d1", number, verdict, "Ada", f"reason {number}", START).save(tmp_path)  # type: ignore[arg-type]
    Decision("d2", 1, "refuse", "Åsa", "理由", START).save(tmp_path)
    held = load_decisions(tmp_path)
    assert {name: (d.verdict, d.by, d.note) for name, d in held.items()} == {
        "d1": ("accept", "Ada", "reason 2"),
        "d2": ("refuse", "Åsa", "理由"),
    }
    assert held["d1"].decided_at == START
    assert len(list(tmp_path.iterdir())) == 3
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o400}
