"""A large log from drop to published sessions, against other ways to the same, and the nights that follow.

All ways take turns, so that each meets the same machine; what is compared is the median of the turns.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from tests.bench.figure import GIB, Figure
from tests.bench.log_trial import AS_OF, write_log_trial, write_next_log
from tests.bench.measure import Measured
from tests.bench.ways import (
    BARE,
    OURS,
    PANDAS,
    PANDAS_CHECKED,
    POLARS,
    POLARS_CHECKED,
    PUBLISHED,
    SESSIONS_ONLY,
    UNTIL_PUBLISHED,
    Competitor,
    competitors,
    first_night,
    night,
    until_published,
)

NO_NEWS, FEW_PEOPLE, ALL_PEOPLE = "night without news", "night with 1 % new, of 1 in 20 people", "night with 1 % new"


@dataclass(frozen=True)
class Row:
    """One way at one size: the medians of its turns, the most memory of any, and what it is measured against."""

    events: int
    way: str
    seconds: float
    processor_seconds: float
    peak_gib: float
    against_bare: float | None = None
    processor_against_bare: float | None = None


def large_log(scratch: Path, events: int, repeat: int, only_ours: bool) -> tuple[list[Row], list[Figure]]:
    """Raises RuntimeError where any two ways come to different results."""
    site, workspace = scratch / f"site-{events}", scratch / f"workspace-{events}"
    log = write_log_trial(site, events)
    others = [] if only_ours else competitors()
    turns: dict[str, list[Measured]] = {}
    for turn in range(repeat):
        for other in others:
            turns.setdefault(other.name, []).append(other.run(site, scratch / other.name))
        ours = first_night(site, workspace)
        turns.setdefault(PUBLISHED, []).append(until_published(workspace, ours))
        turns.setdefault(OURS, []).append(ours)
        if turn == 0:
            for other in others:
                other.compare(scratch / other.name, workspace)
    sizes = _sizes(events, log, workspace)
    turns[NO_NEWS] = [night(workspace) for _ in range(repeat)]
    for later, (name, one_in) in enumerate([(FEW_PEOPLE, 20), (ALL_PEOPLE, 1)]):
        for n in range(repeat):
            whole = _next_night(workspace, events, n, one_in, _day(1 + later * repeat + n))
            turns.setdefault(name + UNTIL_PUBLISHED, []).append(until_published(workspace, whole))
            turns.setdefault(name, []).append(whole)
    Competitor(BARE, "bare_duckdb").run(workspace / "landing" / "oxford", scratch / BARE, _day(2 * repeat))
    Competitor(BARE, "bare_duckdb").compare(scratch / BARE, workspace)
    rows = [_row(events, name, measured, turns.get(BARE)) for name, measured in turns.items()]
    return rows, [*_promises(rows), *sizes]


def _next_night(workspace: Path, events: int, n: int, one_in: int, as_of: str) -> Measured:
    """A night of another day, with as many new events as a hundredth of the log, of one in so many people."""
    target = workspace / "landing" / "oxford" / "usage" / f"next-{one_in}-{n}.csv"
    write_next_log(target, events // 100, first=events * (one_in + n), one_in=one_in)
    return night(workspace, as_of)


def _day(later: int) -> str:
    return str(date.fromisoformat(AS_OF) + timedelta(days=later))


def _row(events: int, name: str, turns: list[Measured], bare: list[Measured] | None) -> Row:
    seconds, processor = _seconds(turns)
    row = Row(events, name, seconds, processor, max(turn.peak_bytes for turn in turns) / GIB)
    if bare is None:
        return row
    of_bare, of_processor = _seconds(bare)
    return replace(row, against_bare=seconds / of_bare, processor_against_bare=processor / of_processor)


def _seconds(turns: list[Measured]) -> tuple[float, float]:
    return statistics.median(t.seconds for t in turns), statistics.median(t.processor_seconds for t in turns)


def _promises(rows: list[Row]) -> list[Figure]:
    """What issues promise of logs of this size."""
    of = {row.way: row for row in rows}
    ours, published, events = of[OURS], of[PUBLISHED], rows[0].events
    name = f"{events / 1e6:g} M events: "
    figures = []
    if events == 5_000_000:
        figures = [
            *_against(name, published, of.get(SESSIONS_ONLY), 2.5),
            Figure(f"{name}memory", ours.peak_gib, "GiB", 2),
        ]
    elif events == 20_000_000:
        figures = [
            *_against(name, published, of.get(BARE), 2),
            Figure(f"{name}memory", ours.peak_gib, "GiB", 4),
            *(
                _against(name, published, of.get(PANDAS), 1 / 3)
                + _against(name, published, of.get(PANDAS_CHECKED), 1 / 3)
            ),
            *(_against(name, published, of.get(POLARS), 1) + _against(name, published, of.get(POLARS_CHECKED), 1)),
        ]
    elif events == 100_000_000:
        figures = [Figure(f"{name}memory", ours.peak_gib, "GiB", 6)]
    for few in (FEW_PEOPLE, ALL_PEOPLE):
        figures += _against(name, of[few], ours, 0.1) + _against(name, of[few + UNTIL_PUBLISHED], published, 0.1)
    return [*figures, Figure(f"{name}{NO_NEWS}", of[NO_NEWS].seconds, "s", 5)]


def _against(name: str, row: Row, other: Row | None, promised: float) -> list[Figure]:
    if other is None:
        return []
    processor = row.processor_seconds / other.processor_seconds
    return [
        Figure(f"{name}{row.way} ÷ {other.way}", row.seconds / other.seconds, "×", promised),
        Figure("    in processor time", processor, "×", promised),
    ]


def _sizes(events: int, log: Path, workspace: Path) -> list[Figure]:
    """What lies on disk after the first night."""
    found = {
        "the log as sent": [log],
        "rows read from it": list((workspace / "store" / "rows").rglob("*.parquet")),
        "published databases": list((workspace / "published" / "current").glob("*.duckdb")),
        "build, left aside": list((workspace / "store" / "build").glob("*.duckdb")),
    }
    name = f"{events / 1e6:g} M events on disk: "
    return [Figure(name + what, sum(f.stat().st_size for f in files) / 1e6, "MB") for what, files in found.items()]
