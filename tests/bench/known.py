"""What a thousand deliveries that are known already cost a night: against the same rows in three files."""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.measure import COMMAND, Measured, measure

SITES = ("oxford", "hong_kong", "miyazaki")
FIRST_DAY, AS_OF = date(2025, 1, 6), "2026-03-01"
PEOPLE = 20
HEADERS = {
    "participants": "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason\n",
    "allocation": "subject_id,arm,randomised_on,stratum\n",
    "usage": "event_id,subject_id,occurred_at,actor,event,module,duration_s\n",
}


def known_figures(scratch: Path, n_deliveries: int, repeat: int) -> list[Figure]:
    many = _trial(scratch / "many", n_deliveries, days_a_file=1)
    few = _trial(scratch / "few", n_deliveries, days_a_file=n_deliveries)
    pairs = [(_next_night(many, n), _next_night(few, n)) for n in range(repeat)]
    seconds = statistics.median(m.seconds - f.seconds for m, f in pairs)
    processor = statistics.median(m.processor_seconds - f.processor_seconds for m, f in pairs)
    return [
        Figure(f"night with one new delivery and {n_deliveries:,} known ones", _median(m for m, _ in pairs), "s"),
        Figure("    the same with the known rows in three files", _median(f for _, f in pairs), "s"),
        Figure("    what the known ones cost", seconds, "s", 2),
        Figure("    processor time of that", processor, "s", 2),
    ]


def _median(nights: object) -> float:
    return statistics.median(night.seconds for night in nights)  # type: ignore[attr-defined]


def _trial(workspace: Path, n_deliveries: int, days_a_file: int) -> Path:
    """A trial after its first night: each site's log of a day, or of so many days, in a file."""
    measure([*COMMAND, "init", "--workspace", str(workspace)])
    n_days = n_deliveries // len(SITES)
    for site in SITES:
        people = [f"S{n:03}" for n in range(PEOPLE)]
        _write(
            workspace, site, "participants", "p", [f"{p},,,2025-01-01,1990,F,randomised,2025-01-05," for p in people]
        )
        _write(workspace, site, "allocation", "a", [f"{p},ICT,2025-01-05," for p in people])
        for start in range(0, n_days, days_a_file):
            days = range(start, min(start + days_a_file, n_days))
            _write(workspace, site, "usage", f"{start:04}", [line for day in days for line in _events(site, day)])
    _night(workspace)
    return workspace


def _events(site: str, day_no: int) -> list[str]:
    day = FIRST_DAY + timedelta(day_no)
    return [f"{site}-{day}-{n},S{n:03},{day}T10:{n:02}:00Z,participant,login,," for n in range(PEOPLE)]


def _write(workspace: Path, site: str, feed: str, name: str, lines: list[str]) -> None:
    path = workspace / "landing" / site / feed / f"{name}.csv"
    path.write_text(HEADERS[feed] + "\n".join(lines) + "\n", encoding="utf-8")


def _next_night(workspace: Path, n: int) -> Measured:
    _write(workspace, SITES[0], "usage", f"new_{n}", _events(SITES[0], 350 + n))
    return _night(workspace)


def _night(workspace: Path) -> Measured:
    return measure([*COMMAND, "nightly", "--workspace", str(workspace), "--settle", "0", "--as-of", AS_OF])
