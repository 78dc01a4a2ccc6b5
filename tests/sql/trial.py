"""A trial of a few literal rows, and the tables that the SQL makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from weakref import finalize
from zoneinfo import ZoneInfo

import duckdb

from pipelines.study.load import Protocol
from pipelines.warehouse.graph import Graph, Query, load_graph
from pipelines.warehouse.inputs import input_columns
from pipelines.warehouse.study_tables import study_tables
from tests.sql.database import MEMORY, Database, given_back, new_database, taken

RANDOMISED = date(2026, 3, 2)
OURS = (
    "analysis.adsl",
    "analysis.adqs",
    "analysis.adqw",
    "analysis.adae",
    "analysis.adtte",
    "analysis.adresp",
    "analysis.adsg",
    "engagement.participant_week",
    "quality.delivery",
    "quality.quarantine",
    "quality.completeness",
    "quality.change",
    "analysis.adice",
)
KEYS = {
    "participants": ("subject_id",),
    "allocation": ("subject_id",),
    "questionnaires": ("subject_id", "instrument", "visit", "completed_at", "item"),
    "usage": ("event_id",),
    "contacts": ("contact_id",),
    "adverse_events": ("ae_id",),
    "intercurrent_events": ("ice_id",),
}


@dataclass
class Trial:
    """Deliveries and rows as the readers would hand them on. `tables()` runs the SQL on them."""

    protocol: Protocol
    as_of: date = date(2026, 12, 31)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def delivery(self, site_id: str, feed: str, **given: Any) -> str:
        """A new delivery, later than all before it; full for the feeds that are so by default."""
        n = len(self.deliveries) + 1
        received = given.pop("received_at", datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=n))
        full = feed not in ("usage", "contacts")
        self.deliveries.append(
            {
                "delivery_id": f"d{n}", "content_sha256": f"{n:064}", "site_id": site_id, "feed": feed,
                "stream": "house", "scope": "full" if full else "incremental", "blinding": "safe", "sequence": n,
                "file_name": f"{feed}_{n}.csv", "bytes": 1, "received_at": received, "place": received,
                "status": "accepted", **given,
            }
        )  # fmt: skip
        return f"d{n}"

    def add(self, feed: str, site_id: str, delivery: str | None = None, **row: Any) -> None:
        """An accepted row; without a delivery it goes to the site's last one of that feed, or a first one."""
        delivery = delivery or self._last(site_id, feed) or self.delivery(site_id, feed)
        zone = ZoneInfo(self.protocol.study.site_by_id[site_id].timezone)
        if "occurred_at" in row:
            row.setdefault("occurred_on", row["occurred_at"].astimezone(zone).date())
        key = "|".join(str(row.get(name) or "") for name in KEYS[feed])
        if feed == "questionnaires":
            row = {**row, **_completed(row["completed_at"], zone)}
        rows = self.rows.setdefault(feed, [])
        goes_on = bool(rows) and rows[-1]["delivery_id"] == delivery  # to count them all each time takes minutes
        n = 1 + (rows[-1]["row_no"] if goes_on else sum(other["delivery_id"] == delivery for other in rows))
        rows.append(
            {"delivery_id": delivery, "site_id": site_id, "row_no": n, "line_no": n + 1, "record_key": key, **row}
        )

    def refuse(self, feed: str, site_id: str, delivery: str, record_key: str | None) -> None:
        """A quarantined row."""
        rows = self.rows.setdefault("quarantine", [])
        rows.append(
            {
                "delivery_id": delivery, "site_id": site_id, "feed": feed, "row_no": 1000 + len(rows), "line_no": None,
                "rule": "unknown_code", "column_name": "status", "message": "", "record_key": record_key,
            }
        )  # fmt: skip

    def person(self, subject_id: str, arm: str | None = "ICT", randomised_on: date | None = None, **given: Any) -> str:
        """A participant, randomised unless `arm` is None. Returns the usubjid."""
        site_id = given.pop("site_id", "oxford")
        day = randomised_on or RANDOMISED
        defaults = {"consent_date": day - timedelta(days=7), "birth_year": 1990, "sex": "F", "status": "randomised"}
        self.add("participants", site_id, subject_id=subject_id, **{**defaults, **given})
        if arm is not None:
            self.add("allocation", site_id, subject_id=subject_id, arm=arm, randomised_on=day)
        return f"{self.protocol.study.study}-{site_id}-{subject_id}"

    def form(
        self, subject_id: str, instrument: str, when: date | datetime, answers: dict[str, Any], **given: Any
    ) -> None:
        """A form: `answers` by item; None is an empty cell."""
        site_id = given.pop("site_id", "oxford")
        for item, value in answers.items():
            self.add(
                "questionnaires", site_id, subject_id=subject_id, instrument=instrument, completed_at=when, item=item,
                value=None if value is None else str(value), **{"visit": None, **given},
            )  # fmt: skip

    def event(self, subject_id: str, when: datetime, event: str = "page_view", **given: Any) -> None:
        n = len(self.rows.get("usage", [])) + 1
        site_id = given.pop("site_id", "oxford")
        values = {"event_id": f"e{n:06}", "actor": "participant", **given}
        self.add("usage", site_id, subject_id=subject_id, occurred_at=when, event=event, **values)

    def contact(self, subject_id: str, when: datetime, kind: str = "call", **given: Any) -> None:
        n = len(self.rows.get("contacts", [])) + 1
        site_id = given.pop("site_id", "oxford")
        values = {"contact_id": f"c{n}", **given}
        self.add("contacts", site_id, subject_id=subject_id, occurred_at=when, kind=kind, **values)

    def _last(self, site_id: str, feed: str) -> str | None:
        ids = [d["delivery_id"] for d in self.deliveries if (d["site_id"], d["feed"]) == (site_id, feed)]
        return ids[-1] if ids else None

    def tables(self, *wanted: str, threads: int = 2, file: Path = MEMORY) -> Tables:
        """What the SQL derives, in memory or a file: everything, or the wanted tables and what they need.

        A table is made when somebody first asks for it: planning a hundred queries costs more than most tests, and
        so does laying down all that a protocol says.
        """
        given = {name: (columns, rows) for name, columns, rows in study_tables(self.protocol, self.as_of, "")}
        given |= {name: (columns, self._input(name, columns)) for name, columns in input_columns().items()}
        to_make = needed(_graph(), set(wanted or OURS))
        if file != MEMORY:
            return Tables(new_database(file, threads), _graph(), to_make, given)
        database = taken(threads, to_make | set(given))
        tables = Tables(database, _graph(), to_make, given)
        tables.at_the_end = finalize(tables, given_back, threads, database)
        return tables

    def _input(self, name: str, columns: dict[str, str]) -> list[list[Any]]:
        """The rows of an input table as they are now, whatever is added later."""
        feed = name.removeprefix("input.")
        rows = self.deliveries if feed == "delivery" else self.rows.get(feed, [])
        return [[row.get(column) for column in columns] for row in rows]


@dataclass
class Tables:
    """`_given` is what the SQL begins with: columns and rows by table."""

    _database: Database
    _graph: Graph
    _to_make: set[str]
    _given: dict[str, tuple[dict[str, str], Iterable[Sequence[Any]]]]
    _in_place: dict[str, bytes] = field(default_factory=dict)  # digests of what those tables hold
    at_the_end: finalize[..., Any] | None = None  # what becomes of the database

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The database with every table in it. Whoever has it may change what is in it, so no other trial gets it."""
        if self.at_the_end is not None:
            self.at_the_end.detach()
        self._put(set(self._given) | self._to_make)
        return self._database.con

    @cached_property
    def to_read(self) -> duckdb.DuckDBPyConnection:
        """The same for somebody who only reads it, and may make temporary tables: another trial may have it later."""
        self._put(set(self._given) | self._to_make)
        cursor = self._database.con.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        later = self.at_the_end.detach() if self.at_the_end is not None else None
        if later is not None:
            _, give_back, words, _ = later
            self.at_the_end = finalize(cursor, give_back, *words)
        return cursor

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._asked(sql).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """The only row. Fails when there are others, or none."""
        (row,) = self.rows(sql)
        return row

    def records(self, sql: str) -> list[dict[str, Any]]:
        cursor = self._asked(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _asked(self, sql: str) -> duckdb.DuckDBPyConnection:
        plain = sql.replace('"', "")
        self._put({name for name in (*self._given, *self._to_make) if name in plain})
        return self._database.con.execute(sql)

    def _put(self, asked: set[str]) -> None:
        """The tables that are asked for, and what they need, in place."""
        derived = needed(self._graph, asked & self._to_make)
        given = asked.union(*(self._graph.queries[name].reads for name in derived)) & set(self._given)
        for name in given - set(self._in_place):
            columns, rows = self._given[name][0], list(self._given[name][1])
            self._given[name] = columns, rows
            self._in_place[name] = self._database.lay(name, columns, rows)
        for name in [name for name in self._graph.order if name in derived - set(self._in_place)]:
            query = self._graph.queries[name]
            read = [self._what(read, query) for read in query.reads]
            self._in_place[name] = self._database.make(name, query.sql, *read)

    def _what(self, read: str, query: Query) -> object:
        """What matters to `query` of a table that it reads: of the settings only those that it looks at."""
        if read != "study.setting":
            return self._in_place[read]
        columns, rows = self._given[read]
        return [dict(zip(columns, row, strict=True))[name] for row in rows for name in query.settings]


@cache
def _graph() -> Graph:
    """Read once: whether a file has changed since is asked of some three hundred files each time."""
    return load_graph()


def needed(graph: Graph, wanted: set[str]) -> set[str]:
    reads = {read for name in wanted for read in graph.queries[name].reads if read in graph.queries}
    return wanted if reads <= wanted else needed(graph, wanted | reads)


def _completed(when: date | datetime, zone: ZoneInfo) -> dict[str, Any]:
    if isinstance(when, datetime):
        return {"completed_at": when, "completed_on": when.astimezone(zone).date()}
    return {"completed_at": None, "completed_on": when}


def at(text: str) -> datetime:
    """`2026-03-02T10:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def phq9(total: int) -> dict[str, int]:
    """A complete PHQ-9 with that total."""
    return {str(n): min(3, max(0, total - 3 * (n - 1))) for n in range(1, 10)}


def day(study_day: int) -> date:
    """The date of a study day of those randomised on RANDOMISED."""
    return RANDOMISED + timedelta(study_day - 1 if study_day > 0 else study_day)


def with_study(protocol: Protocol, **changed: Any) -> Protocol:
    """The protocol with some parts of its study file changed."""
    return replace(protocol, study=protocol.study.model_copy(update=changed))
