"""Nights of one small trial, between which whatever may happen to it happens by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from pipelines.study.load import Protocol
from pipelines.warehouse.build import Derived, derive, start_build
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import close_build, open_build
from pipelines.warehouse.fingerprint import FINGERPRINT
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.inputs import create_inputs
from pipelines.warehouse.kept import mark_whole
from pipelines.warehouse.study_tables import create_study_tables
from pipelines.workspace import Workspace
from tests.warehouse.full_disk import full_disk
from tests.warehouse.small_trial import ADelivery, delivery

MEMORY = Path(":memory:")
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


Contents = dict[str, list[Any]]  # by table the number of its rows and digests of them all


@dataclass
class Nights:
    """Nights of one small trial on the project's own SQL. A change of what is known is a method with a `chance`."""

    folder: Path
    protocol: Protocol
    graph: Graph
    chance: random.Random
    tables: list[str]  # those that are made, each after all that it reads
    as_of: date = AS_OF
    people: dict[str, list[str]] = field(default_factory=dict)  # by site
    drops: list[ADelivery] = field(default_factory=list)
    events: dict[str, list[str]] = field(default_factory=dict)  # by site
    consents: dict[str, date] = field(default_factory=dict)
    left: dict[tuple[str, str], date] = field(default_factory=dict)  # by site and person, since when
    asked: list[tuple[str, str, date]] = field(default_factory=list)  # forms: site, person, day
    told: set[str] = field(default_factory=set)  # events of the delivery that is being written
    n: int = 0

    def night(self) -> list[Derived]:
        """What became of each table."""
        start_build(self.workspace, self.protocol, self.drops, self.as_of)
        made = [derive(self.workspace, table, self.graph) for table in self.tables]
        close_build(self.workspace)
        mark_whole(self.workspace)
        return made

    def contents(self) -> Contents:
        """What the tables hold."""
        with open_build(self.workspace) as con:
            found = _contents(con, self.tables)
        close_build(self.workspace)
        return found

    def made_at_once(self) -> Contents:
        """What they would hold if the SQL had been run once, on all that was delivered, in memory."""
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            create_study_tables(con, self.protocol, self.as_of, code_version(), file=MEMORY)
            create_inputs(con, self.drops, file=MEMORY)
            for name in self.tables:
                layer, columns = name.split(".")[0], self.graph.dictionary[name].types.items()
                cast = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in columns)
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
                con.execute(f"CREATE TABLE {name} AS SELECT {cast} FROM ({self.graph.queries[name].sql})")
            return _contents(con, self.tables)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder)

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
            for person in self.people[site]:
                self.ask(site, person, RANDOMISED - timedelta(days=3))
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
                    "subject_id": person, "record_key": person, "birth_year": 1990, **self._status(site, person),
                    "consent_date": self.consents.setdefault(person, RANDOMISED - timedelta(days=7)),
                }
                for person in people
            ],
            "full",
        )  # fmt: skip
        allocated = [{"subject_id": p, "record_key": p, "arm": "ICT", "randomised_on": RANDOMISED} for p in people[1:]]
        self.deliver("allocation", site, allocated, "full")

    def _status(self, site: str, person: str) -> dict[str, Any]:
        left = self.left.get((site, person))
        return {"status": "withdrawn", "status_date": left} if left else {"status": "randomised"}

    def ask(self, site: str, person: str, on: date) -> None:
        """A form of one person, whose answers may be others than it held before."""
        key = f"{person}|phq9||{on}"
        rows = [
            {
                "record_key": f"{key}|{item}", "subject_id": person, "instrument": "phq9", "completed_on": on,
                "item": str(item), "value": self.chance.choice(("0", "1", "2", "3", "3", None)),
            }
            for item in range(1, 10)
        ]  # fmt: skip
        self.asked.append((site, person, on))
        self.deliver("questionnaires", site, rows)

    def use(self, site: str, people: list[str | None], n: int = 3, scope: str = "incremental") -> None:
        """A delivery of the log: events of these people, some of which were told before, of whomever."""
        events = [self._event(site, person) for person in people for _ in range(n)]
        self.deliver("usage", site, [told for event in events for told in self._told(site, event)], scope)

    def _told(self, site: str, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The event, and at times another just like it, of another device."""
        if self.chance.random() < 0.7:
            return [event]
        another = self._event(site, event["subject_id"])
        own = {name: another[name] for name in ("record_key", "event_id")}
        return [event, event | own | {"device": "c", "actor": "participant"}]

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

    def somebody_withdraws(self) -> None:
        site = self.chance.choice(SITES)
        self.left[site, self.chance.choice(self.people[site])] = self.as_of - timedelta(days=self.chance.randrange(50))
        self.tell_of_people(site)

    def somebody_answers(self) -> None:
        site = self.chance.choice(SITES)
        on = RANDOMISED + timedelta(days=self.chance.randrange((self.as_of - RANDOMISED).days))
        self.ask(site, self.chance.choice(self.people[site]), on)

    def answers_are_corrected(self) -> None:
        self.ask(*self.chance.choice(self.asked))

    def somebody_is_called(self) -> None:
        site = self.chance.choice(SITES)
        number = self.chance.randrange(6)  # some calls are told again, otherwise
        at = datetime(2026, 3, 2, 10, tzinfo=UTC) + timedelta(days=self.chance.randrange(40))
        call = {
            "record_key": f"{number}", "contact_id": f"{number}", "subject_id": self.chance.choice(self.people[site]),
            "occurred_at": at, "occurred_on": at.date(), "kind": self.chance.choice(("call", "message")),
            "direction": "to_participant", "minutes": self.chance.choice((None, 10.0, 25.5)),
        }  # fmt: skip
        self.deliver("contacts", site, [call])

    def something_adverse_happens(self) -> None:
        site = self.chance.choice(SITES)
        number = self.chance.randrange(3)
        event = {
            "record_key": f"{number}", "ae_id": f"{number}", "subject_id": self.chance.choice(self.people[site]),
            "onset_date": RANDOMISED + timedelta(days=self.chance.randrange(50)),
            "serious": self.chance.choice(("Y", "N")), "severity": self.chance.randrange(1, 6),
        }  # fmt: skip
        self.deliver("adverse_events", site, [event])

    def a_day_passes(self) -> None:
        self.as_of += timedelta(days=1)

    def sessions_end_sooner(self) -> None:
        engagement = self.protocol.study.engagement
        other = engagement.model_copy(update={"session_gap_minutes": self.chance.choice((10, 30))})
        self.protocol = replace(self.protocol, study=self.protocol.study.model_copy(update={"engagement": other}))

    def the_disk_is_full(self) -> None:
        with full_disk(self.chance.randrange(900)):
            self.night()
        close_build(self.workspace)


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
    Nights.somebody_withdraws,
    Nights.somebody_answers,
    Nights.answers_are_corrected,
    Nights.somebody_is_called,
    Nights.something_adverse_happens,
    Nights.a_day_passes,
]
RARE = [
    Nights.everybody_uses_it,
    Nights.the_whole_log_comes_again,
    Nights.sessions_end_sooner,
    Nights.the_disk_is_full,
]


def _contents(con: Any, tables: Sequence[str]) -> Contents:
    each = (f"SELECT '{name}', {FINGERPRINT} FROM {name} AS t" for name in tables)
    return {name: found for name, *found in con.execute(" UNION ALL ".join(each)).fetchall()}
