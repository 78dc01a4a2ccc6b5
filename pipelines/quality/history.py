"""The history of weeks, `store/history/`: what every indicator and check was, by what limits, and its status then.

A week is named by its Sunday. The first night published on or after a Sunday, before the next, is that week's; what it
wrote is never reckoned again, whatever the study file says later. A week without a night is a gap. Beside it lie the
units behind the numbers (parquet), by which the next report tells why they moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from pipelines import effects
from pipelines.quality.judge import Status
from pipelines.workspace import Workspace

Kind = Literal["kri", "check"]
UnitsKind = Literal["units", "checks", "central"]
FLAGS: tuple[Status, ...] = ("WATCH", "ACTION")
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Value:
    """One indicator or check at one site, as it stood."""

    kind: Kind
    name: str
    site_id: str
    numerator: int
    denominator: int
    tolerance: float
    minimum: int
    reason: str
    status: Status


@dataclass(frozen=True)
class Week:
    """What one week's night found; `recruitment` as pipelines.quality.recruitment_steps reads it."""

    week: date
    as_of: date
    built_at: str
    snapshot_id: str
    study_version: str
    study_digest: str
    code_version: str
    dictionary_digest: str
    libraries: dict[str, str | None] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    recruitment: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """What the board is shown: `status`, and `since` which week; `pending` weeks in a row that did not flag yet."""

    status: Status
    since: date | None
    pending: int


def sunday_of(day: date) -> date:
    """The Sunday on or before a day."""
    return day - timedelta(days=day.isoweekday() % 7)


def folder_of(workspace: Workspace) -> Path:
    return workspace.store / "history"


def units_file(workspace: Workspace, week: date, kind: UnitsKind = "units") -> Path:
    """The units behind a week's numbers, or behind the counts of its checks, or of its central checks."""
    return folder_of(workspace) / f"{week.isoformat()}.{kind}.parquet"


def _week_file(workspace: Workspace, week: date) -> Path:
    return folder_of(workspace) / f"{week.isoformat()}.json"


def load_weeks(workspace: Workspace) -> list[Week]:
    """Every week that has one, the oldest first."""
    return [_parsed(path) for path in sorted(folder_of(workspace).glob("????-??-??.json"))]


def is_kept(workspace: Workspace, week: date) -> bool:
    return _week_file(workspace, week).exists()


def save_week(workspace: Workspace, week: Week) -> None:
    """Keep a week; one that is there already stays as it is."""
    path = _week_file(workspace, week.week)
    if not path.exists():
        effects.make_directory(path.parent)
        text = json.dumps(asdict(week), ensure_ascii=False, indent=1, default=lambda value: value.isoformat())
        effects.write(path, text.encode())


def _parsed(path: Path) -> Week:
    raw: dict[str, Any] = json.loads(path.read_bytes())
    days = {name: date.fromisoformat(raw[name]) for name in ("week", "as_of")}
    return Week(**{**raw, **days, "values": [Value(**value) for value in raw["values"]]})


def shown_status(history: Iterable[tuple[date, Status]], tonight: Status) -> Shown:
    """The status for the board from a cell's weeks, the oldest first, and tonight's.

    WATCH appears after two weeks in a row and clears after two; ACTION appears at once, tonight's too. What could not
    be judged is shown as it is, and neither begins nor clears anything. A missing week ends a row.
    """
    shown: Status = "OK"
    since: date | None = None
    flagged = clear = 0
    last: date | None = None
    for week, status in history:
        if last is not None and week - last > WEEK:
            flagged = clear = 0
        last = week
        if status in FLAGS:
            flagged, clear = flagged + 1, 0
        elif status == "OK":
            flagged, clear = 0, clear + 1
        now = _next(shown, status, flagged, clear)
        since = week if now != shown else since
        shown = now
    if tonight == "ACTION" and shown != "ACTION":
        return Shown("ACTION", None, 0)
    if tonight not in (*FLAGS, "OK") and shown not in FLAGS:
        return Shown(tonight, None, 0)
    return Shown(shown, since if shown in FLAGS else None, flagged if shown == "OK" else 0)


def _next(shown: Status, status: Status, flagged: int, clear: int) -> Status:
    if status == "ACTION":
        return "ACTION"
    if status == "WATCH" and (shown in FLAGS or flagged >= 2):
        return "WATCH"
    return "OK" if clear >= 2 else shown
