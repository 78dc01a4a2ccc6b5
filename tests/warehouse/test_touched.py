"""Tables made anew for the people touched alone come to what they would for everybody: on the project's own SQL."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.build import Derived, derive, start_build
from pipelines.warehouse.database import close_build, open_build
from pipelines.warehouse.graph import Graph, load_graph
from pipelines.warehouse.kept import mark_whole
from pipelines.warehouse.touched import SHOWN, gather, is_touched, show
from pipelines.workspace import Workspace
from tests.sql.trial import needed
from tests.warehouse.full_disk import full_disk
from tests.warehouse.small_trial import ADelivery, delivery

AS_OF = date(2026, 5, 1)
RANDOMISED = date(2026, 3, 2)
SITES = ("oxford", "hong_kong", "miyazaki")
EVENTS = (
    "login",
    "page_view",
    "module_released",
    "module_opened",
    "module_completed",
    "message_sent",
    "account_created",
)


@dataclass
class Nights:
    """Nights of one small trial on the project's own SQL. A change of what is known is a method with a `chance`."""

    folder: Path
    protocol: Protocol
    graph: Graph
    chance: random.Random
    as_of: date = AS_OF
    people: dict[str, list[str]] = field(default_factory=dict)  # by site
    drops: list[ADelivery] = field(default_factory=list)
    events: dict[str, list[str]] = field(default_factory=dict)  # by site
    consents: dict[str, date] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)  # events of the delivery that is being written
    n: int = 0

    def night(self, name: str = "workspace") -> list[Derived]:
        """What became of each table."""
        workspace = self._workspace(name)
        start_build(workspace, self.protocol, self.drops, self.as_of)
        made = [derive(workspace, table, self.graph) for table in self.tables]
        close_build(workspace)
        mark_whole(workspace)
        return made

    @property
    def tables(self) -> list[str]:
        """Those that are made for the people touched, and what they need."""
        wanted = needed(self.graph, {name for name in self.graph.order if self.graph.dictionary[name].by_person})
        return [name for name in self.graph.order if name in wanted]

    def contents(self, name: str = "workspace") -> dict[str, Any]:
        """Of each table the number of its rows and digests of them all."""
        with open_build(self._workspace(name)) as con:
            found = {
                table: con.execute(f"SELECT count(*), sum(hash(t)), bit_xor(hash(t)) FROM {table} AS t").fetchone()
                for table in self.tables
            }
        close_build(self._workspace(name))
        return found

    def made_at_once(self) -> dict[str, Any]:
        """The same of a workspace that has no earlier night."""
        effects.remove(self._workspace("fresh").root)
        assert all(not made.taken_over and made.n_touched is None for made in self.night("fresh"))
        return self.contents("fresh")

    def _workspace(self, name: str) -> Workspace:
        workspace = Workspace(self.folder / name)
        workspace.root.mkdir(exist_ok=True)
        return workspace

    def deliver(
        self, feed: str, site: str, rows: list[dict[str, Any]], scope: str = "incremental", **given: Any
    ) -> None:
        self.n += 1
        self.told.clear()
        made = delivery(self.folder, self.n, feed, rows, site_id=site, **given)
        receipt = replace(made.receipt, place=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=6 * self.n))
        self.drops.append(replace(made, receipt=receipt, rows=replace(made.rows, scope=scope)))

    def begin(self) -> None:
        for site in SITES:
            self.people[site] = [f"P{number}" for number in range(5)]
            self.tell_of_people(site)
            self.use(site, self.people[site], n=12)
        for site in SITES:
            self.use(site, [])

    def tell_of_people(self, site: str) -> None:
        """All people of a site and their allocation, as full exports."""
        people = self.people[site]
        self.deliver(
            "participants",
            site,
            [
                {
                    "subject_id": person, "record_key": person, "birth_year": 1990, "status": "randomised",
                    "consent_date": self.consents.setdefault(person, RANDOMISED - timedelta(days=7)),
                }
                for person in people
            ],
            "full",
        )  # fmt: skip
        allocated = [{"subject_id": p, "record_key": p, "arm": "ICT", "randomised_on": RANDOMISED} for p in people[1:]]
        self.deliver("allocation", site, allocated, "full")

    def use(self, site: str, people: list[str | None], n: int = 3, scope: str = "incremental") -> None:
        """A delivery of the log: events of these people, some of which were told before, of whomever."""
        self.deliver("usage", site, [self._event(site, person) for person in people for _ in range(n)], scope)

    def _event(self, site: str, person: str | None) -> dict[str, Any]:
        known = self.events.setdefault(site, [])
        again = [event_id for event_id in known if event_id not in self.told]  # none stands twice in one delivery
        if again and self.chance.random() < 0.2:
            event_id = self.chance.choice(again)
        else:
            event_id = f"{site}-{len(known)}-{self.n}"
            known.append(event_id)
        self.told.add(event_id)
        at = datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(minutes=self.chance.randrange(40 * 24 * 60))
        event = self.chance.choice(EVENTS)
        return {
            "record_key": event_id, "event_id": event_id, "subject_id": person, "occurred_at": at, "event": event,
            "occurred_on": at.astimezone(ZoneInfo(self.protocol.study.site_by_id[site].timezone)).date(),
            "actor": self.chance.choice(("participant", "participant", "therapist", "system")),
            "module": "core_01" if event.startswith("module") else None, "duration_s": self.chance.choice((None, 30.0)),
            "device": self.chance.choice((None, "a", "b")), "stored_at": at + timedelta(seconds=5),
        }  # fmt: skip

    # What may happen between two nights.

    def somebody_uses_it(self) -> None:
        site = self.chance.choice(SITES)
        self.use(site, [self.chance.choice(self.people[site])])

    def somebody_unknown_uses_it(self) -> None:
        self.use(self.chance.choice(SITES), [self.chance.choice((None, "P9", ""))])

    def everybody_uses_it(self) -> None:
        for site in SITES:
            self.use(site, list(self.people[site]), n=1)

    def the_whole_log_comes_again(self) -> None:
        site = self.chance.choice(SITES)
        self.use(site, list(self.people[site]), scope="full")

    def an_event_is_refused(self) -> None:
        site = self.chance.choice(SITES)
        keys = self.chance.sample(self.events[site], 2)
        self.told.update(keys)
        refused = [{"record_key": key, "rule": "unknown_code"} for key in keys]
        self.deliver("usage", site, [self._event(site, self.people[site][0])], refused=refused)

    def a_delivery_is_refused_or_allowed_after_all(self) -> None:
        at = self.chance.choice([i for i, drop in enumerate(self.drops) if drop.receipt.feed == "usage"])
        status = "rejected" if self.drops[at].status == "accepted" else "accepted"
        self.drops[at] = replace(self.drops[at], status=status)

    def a_delivery_is_read_otherwise(self) -> None:
        """The same bytes, by another mapping of the study file: other rows under the same name."""
        at = self.chance.choice([i for i, drop in enumerate(self.drops) if drop.receipt.feed == "usage"])
        old = self.drops[at]
        folder = self.folder / f"read-{self.n}-{self.chance.random()}"
        folder.mkdir()
        site = old.receipt.site_id
        made = delivery(folder, old.sequence, "usage", [self._event(site, self.people[site][1])], site_id=site)
        self.told.clear()
        self.drops[at] = replace(old, rows=replace(made.rows, scope=old.rows.scope))

    def somebody_joins(self) -> None:
        site = self.chance.choice(SITES)
        self.people[site].append(f"N{self.n}")
        self.consents[f"N{self.n}"] = RANDOMISED + timedelta(days=self.n)
        self.tell_of_people(site)

    def somebody_consented_on_another_day(self) -> None:
        site = self.chance.choice(SITES)
        self.consents[self.chance.choice(self.people[site])] = RANDOMISED - timedelta(days=self.chance.randrange(20))
        self.tell_of_people(site)

    def somebody_leaves_no_trace(self) -> None:
        site = self.chance.choice(SITES)
        self.people[site] = self.people[site][:-1]
        self.tell_of_people(site)

    def a_day_passes(self) -> None:
        self.as_of += timedelta(days=1)

    def only_contacts_come(self) -> None:
        self.deliver("contacts", SITES[0], [])

    def sessions_end_sooner(self) -> None:
        engagement = self.protocol.study.engagement
        other = engagement.model_copy(update={"session_gap_minutes": self.chance.choice((10, 30))})
        self.protocol = replace(self.protocol, study=self.protocol.study.model_copy(update={"engagement": other}))

    def the_disk_is_full(self) -> None:
        with full_disk(self.chance.randrange(400)):
            self.night()
        close_build(self._workspace("workspace"))


FEW: list[Callable[[Nights], None]] = [
    Nights.somebody_uses_it,
    Nights.somebody_uses_it,
    Nights.somebody_unknown_uses_it,
    Nights.an_event_is_refused,
    Nights.a_delivery_is_refused_or_allowed_after_all,
    Nights.a_delivery_is_read_otherwise,
    Nights.somebody_joins,
    Nights.somebody_consented_on_another_day,
    Nights.somebody_leaves_no_trace,
    Nights.a_day_passes,
    Nights.only_contacts_come,
]
RARE = [
    Nights.everybody_uses_it,
    Nights.the_whole_log_comes_again,
    Nights.sessions_end_sooner,
    Nights.the_disk_is_full,
]


@pytest.fixture
def nights(ict_sad: Protocol, tmp_path: Path) -> Iterator[Nights]:
    made = Nights(tmp_path, ict_sad, load_graph(), random.Random(11))
    made.begin()
    made.night()
    yield made
    close_build(Workspace(tmp_path / "workspace"))
    close_build(Workspace(tmp_path / "fresh"))


def test_random_nights_come_to_what_one_night_would(nights: Nights) -> None:
    by_person: Counter[str] = Counter()
    for number in range(8):
        happened = nights.chance.sample(FEW, k=2)
        if number % 2:
            happened.append(RARE[number // 2])
        for change in happened:
            change(nights)
        by_person.update(made.table for made in nights.night() if made.n_touched)
        found, expected = nights.contents(), nights.made_at_once()
        assert found == expected, f"night {number}, after {[change.__name__ for change in happened]}"
    assert set(by_person) == {name for name in nights.tables if nights.graph.dictionary[name].by_person}


def test_a_tables_rows_depend_on_their_persons_rows_alone(nights: Nights) -> None:
    """What `by_person` says of a table: whoever is left out of what it reads, the rows of the others stay the same."""
    graph = nights.graph
    with open_build(Workspace(nights.folder / "workspace")) as con:
        everybody = [name for (name,) in con.execute("SELECT usubjid FROM core.subject ORDER BY ALL").fetchall()]
        gather(con, "SELECT unnest(?)", sorted(nights.chance.sample(everybody, 6)))
        participants = graph.dictionary["core.participants"].model_copy(update={"person": ["usubjid"]})
        dictionary = graph.dictionary | {"core.participants": participants}
        alone = {name for name in nights.tables if graph.dictionary[name].by_person}
        for name in [*sorted(alone), "core.subject"]:  # which gives everybody a number among all
            query, table = graph.queries[name], graph.dictionary[name]
            show(con, query.reads, dictionary)
            con.execute(f"USE {SHOWN}")
            made = con.execute(f"SELECT * FROM ({query.sql}) ORDER BY ALL").fetchall()
            con.execute("USE build")
            theirs = con.execute(f"SELECT * FROM {name} WHERE {is_touched(table)} ORDER BY ALL").fetchall()
            assert (made == theirs != []) == (name in alone), name
