"""The record of one night (or of one drop taken in between): what was asked, what came of it.

Kept in the store for the status page; nothing derived depends on it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from pipelines import effects
from pipelines.workspace import Workspace

Outcome = Literal["running", "ingested", "published", "held_back", "failed"]
WHOLE: tuple[Outcome, ...] = ("published", "held_back", "failed")
EVERY = timedelta(hours=24)  # between the beginnings of two nights, by the schedule
LATE = timedelta(hours=2)  # by which a night may begin later than that


@dataclass
class Night:
    """`received` lists delivery ids; `waiting` and `not_taken` map paths below landing/ to the reason.

    `messages` say, for a person, why a night failed or was held back.
    """

    run_id: str
    started_at: str
    as_of: str
    sites: list[str]
    received: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    not_taken: dict[str, str] = field(default_factory=dict)
    finished_at: str | None = None
    outcome: Outcome = "running"
    snapshot_id: str | None = None
    messages: list[str] = field(default_factory=list)

    def save(self, workspace: Workspace) -> None:
        effects.make_directory(workspace.nights)
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        effects.write(workspace.nights / f"{self.run_id}.json", text.encode())

    def finish(self, workspace: Workspace, outcome: Outcome, messages: list[str] | None = None) -> None:
        self.outcome, self.messages = outcome, messages or []
        self.finished_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.save(workspace)


def load_night(workspace: Workspace, run_id: str) -> Night | None:
    path = workspace.nights / f"{run_id}.json"
    return Night(**json.loads(path.read_bytes())) if path.exists() else None


def nights(workspace: Workspace) -> list[Night]:
    """Every night, the oldest first."""
    records = [Night(**json.loads(path.read_bytes())) for path in workspace.nights.glob("*.json")]
    return sorted(records, key=lambda night: (night.started_at, night.run_id))


def overdue_night(records: list[Night], now: datetime) -> dict[str, str] | None:
    """When the last whole night (or one that still runs) began and when the next should have, where that is past."""
    began = [night.started_at for night in records if night.outcome in (*WHOLE, "running")]
    if not began:
        return None
    due = datetime.fromisoformat(began[-1]) + EVERY
    return {"last": began[-1], "due": due.isoformat()} if now > due + LATE else None
