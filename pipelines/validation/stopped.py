"""Readings that were stopped: kept beside where the rows would lie, and tried again on a few other nights.

What a limit or a crash ends may be the machine's doing as well as the file's. So the refusal is not kept for good:
the next nights try again, up to `MOST_TRIES` in all, so that one bad file does not cost its time every night for
ever. Other limits in the study file, other code, another mapping, or `nightly --full` begin anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines import effects
from pipelines.validation.reading_limits import OF_THE_MACHINE, Allowance, Stop

NOTE = "stopped.json"
MOST_TRIES = 3


@dataclass(frozen=True)
class Stopped:
    """`tries` made so far under these limits; what the machine ended from outside is tried every night."""

    stop: Stop
    reason: str
    tries: int
    allowed: Allowance

    @property
    def is_settled(self) -> bool:
        return self.tries >= MOST_TRIES and self.stop not in OF_THE_MACHINE

    def save(self, folder: Path) -> None:
        """In place of whatever the stopped reading left in `folder`."""
        effects.remove(folder)
        effects.make_directory(folder)
        effects.write(folder / NOTE, json.dumps(asdict(self), ensure_ascii=False, indent=1).encode())


def load_stopped(folder: Path, allowed: Allowance) -> Stopped | None:
    """What is noted in `folder` of readings under the same limits."""
    note = folder / NOTE
    if not note.exists():
        return None
    facts = json.loads(note.read_bytes())
    stopped = Stopped(facts["stop"], facts["reason"], facts["tries"], Allowance(**facts["allowed"]))
    return stopped if stopped.allowed == allowed else None
