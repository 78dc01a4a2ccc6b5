"""Tools for planting faults: the deliveries, what stands in the end, and what was planted so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from pipelines.simulate.calendar import Calendar
from pipelines.simulate.drops import Drop
from pipelines.simulate.export import column_of, form_of
from pipelines.simulate.state import State
from pipelines.study.load import Protocol
from pipelines.study.source import FeedName

Row = Mapping[str, str | None]


@dataclass
class Scene:
    """`people`: see `recruit`. `used` keeps one person from being struck twice, so that each fault shows by itself."""

    protocol: Protocol
    calendar: Calendar
    drops: list[Drop]
    state: State
    people: pl.DataFrame
    rng: np.random.Generator
    used: set[tuple[str, str]] = field(default_factory=set)
    planted: list[dict[str, Any]] = field(default_factory=list)

    def of(self, feed: FeedName, *, house: bool | None = None, site: str | None = None) -> list[Drop]:
        """A feed's deliveries that hold anything, in the order of their dates.

        `house`: True for those in the house format alone, False for those in a site's own.
        """
        return [
            drop
            for drop in self.drops
            if drop.feed == feed
            and drop.content is None
            and drop.cells.height > 0
            and (house is None or (drop.source is None) == house)
            and (site is None or drop.site == site)
        ]

    def increments(self, feed: FeedName, site: str | None = None) -> list[Drop]:
        """Those of a feed's deliveries after which the earlier ones still count."""
        return [drop for drop in self.of(feed, site=site) if not drop.full]

    def exports(self, feed: FeedName, wide: bool = False) -> Iterator[tuple[Drop, Drop]]:
        """For each site, its earliest and its latest full export in a format of its own."""
        for site in self.protocol.study.site_by_id:
            drops = [d for d in self.of(feed, house=False, site=site) if d.source and (d.source.forms or not wide)]
            if len(drops) > 1:
                yield drops[0], drops[-1]

    def sharing(self, drop: Drop) -> list[Drop]:
        """Deliveries of the same export, dropped for several feeds."""
        return [other for other in self.drops if other.cells is drop.cells]

    def choose(self, site: str, subjects: Iterable[str]) -> str | None:
        """One of the people, whom no fault has struck yet."""
        free = sorted({subject for subject in subjects if (site, subject) not in self.used})
        if not free:
            return None
        subject = free[int(self.rng.integers(len(free)))]
        self.used.add((site, subject))
        return subject

    def note(self, kind: str, drop: Drop, rows: Iterable[int] = (), **expected: Any) -> None:
        self.planted.append(
            {
                "kind": kind,
                "site": drop.site,
                "feed": drop.feed,
                "file": drop.file_name,
                "rows": list(rows),
                "expected": expected,
            }
        )

    def refuse(self, kind: str, drop: Drop, rows: Iterable[int], rule: str, **more: Any) -> None:
        """Note rows that must end in quarantine under `rule`."""
        rows = list(rows)
        drop.expected.quarantine |= {(row, rule) for row in rows}
        self.note(kind, drop, rows, rule=rule, quarantined=len(rows), **more)


def encoded(drop: Drop, row: Row) -> Row:
    """A row of the feed in the file's own columns and codes."""
    if drop.source is None:
        return row
    codes = {name: {v: k for k, v in values.items()} for name, values in drop.source.values.items()}
    return {
        file: codes.get(name, {}).get(str(row[name]), row[name])
        for name, file in drop.source.columns.items()
        if name in row
    }


def file_column(drop: Drop, name: str) -> str:
    return drop.source.columns[name] if drop.source else name


def item_column(drop: Drop, instrument: str, item: str) -> str:
    """The column of an item in a wide file."""
    form = form_of(drop.source, instrument) if drop.source else None
    column = column_of(form, item) if form else None
    assert column is not None, f"{drop.file_name} has no column for {instrument} {item}"
    return column


def append(drop: Drop, rows: Sequence[Row]) -> list[int]:
    """Add records in the file's own columns at its end; returns their row numbers."""
    before = drop.cells.height
    new = pl.DataFrame(rows, schema={c: pl.String for c in drop.cells.text.columns}, orient="row")
    drop.cells.text = pl.concat([drop.cells.text, new])
    return list(range(before + 1, before + 1 + len(rows)))


def append_line(drop: Drop, line: str) -> int:
    """Add a raw line after the last record; returns its row number. No records may be added after it."""
    drop.extra_lines.append(line)
    return drop.rows


def set_cell(drop: Drop, row: int, column: str, value: str | None) -> None:
    """Overwrite the cell of a record (numbered from 1)."""
    cells = drop.cells.text[column].to_list()
    cells[row - 1] = value
    drop.cells.text = drop.cells.text.with_columns(pl.Series(column, cells, dtype=pl.String))


def cell(drop: Drop, row: int, column: str) -> str | None:
    value: str | None = drop.cells.text[column][row - 1]
    return value


def rows_where(drop: Drop, filled: str | None = None, **keys: str) -> list[int]:
    """Numbers of the records about these `keys` whose cell in the column `filled` is not empty."""
    about = drop.cells.keys.with_row_index("row", offset=1)
    found = about.filter(*(pl.col(name) == value for name, value in keys.items()))["row"].to_list()
    return [row for row in found if filled is None or cell(drop, row, filled) is not None]


def record(drop: Drop, row: int) -> dict[str, str | None]:
    return dict(drop.cells.text.row(row - 1, named=True))


def page_view(drop: Drop, event_id: str, occurred_at: str) -> dict[str, str | None]:
    """A page view of the first person in the file."""
    return {
        "event_id": event_id,
        "subject_id": drop.cells.keys["subject_id"][0],
        "occurred_at": occurred_at,
        "actor": "participant",
        "event": "page_view",
        "module": None,
        "duration_s": None,
    }


def happened(scene: Scene, drop: Drop, event: dict[str, str | None], instant: datetime) -> None:
    """The event is part of the truth."""
    row = {name: event[name] for name in ("event_id", "subject_id", "actor", "event", "module")}
    new = pl.DataFrame(
        [row | {"site": drop.site, "utc": instant, "day": instant.date()}],
        schema_overrides={"utc": pl.Datetime("us", "UTC"), "module": pl.String},
    )
    scene.state.usage = pl.concat([scene.state.usage, new], how="diagonal")


def clock_changes(zone: ZoneInfo, start: datetime, end: datetime) -> tuple[list[datetime], list[datetime]]:
    """Wall-clock times between `start` and `end` that do not exist, and that exist twice, one for each change."""
    gone: list[datetime] = []
    twice: list[datetime] = []
    hour = start.replace(minute=30, second=0, microsecond=0)
    while hour < end:
        first, second = hour.replace(tzinfo=zone, fold=0), hour.replace(tzinfo=zone, fold=1)
        if first.utcoffset() != second.utcoffset():
            back = first.astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None)
            (twice if back == hour else gone).append(hour)
        hour += timedelta(hours=1)
    return gone, twice
