"""What the data manager decided on a delivery: an input like the receipt, kept with it and reused by every rebuild.

One file a decision, never changed; of several on a delivery the last one holds.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pipelines import effects

Verdict = Literal["accept", "refuse"]
OWNER_READS = 0o400
_SAID = {"accept": "accepted", "refuse": "refused"}


@dataclass(frozen=True)
class Decision:
    """`accept` lets a held full export through, `refuse` rejects a delivery; `number` counts those on it from 1."""

    delivery_id: str
    number: int
    verdict: Verdict
    by: str
    note: str
    decided_at: datetime

    @property
    def said(self) -> str:
        """For people: who decided what, when and why."""
        return f"{_SAID[self.verdict]} by {self.by} on {self.decided_at:%Y-%m-%d}: {self.note}"

    def save(self, folder: Path) -> Path:
        text = json.dumps(asdict(self), default=datetime.isoformat, ensure_ascii=False, indent=1, sort_keys=True)
        return effects.write(folder / f"{self.delivery_id}-{self.number:04}.json", text.encode(), OWNER_READS)


def load_decisions(folder: Path, until: datetime | None = None) -> dict[str, Decision]:
    """The decision that holds, by delivery; of those made `until` a time, where one is given."""
    every = [d for d in map(_load, folder.glob("*.json")) if until is None or d.decided_at <= until]
    return {d.delivery_id: d for d in sorted(every, key=lambda d: d.number)}


def _load(path: Path) -> Decision:
    fields = json.loads(path.read_bytes())
    return Decision(**fields | {"decided_at": datetime.fromisoformat(fields["decided_at"])})
