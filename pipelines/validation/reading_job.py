"""What the process that reads deliveries is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.landing.receipt import Receipt
from pipelines.validation.reading_limits import Allowance

# begun; done: the rows lie in their folder; else why not, see `reader_child`.
State = Literal["begun", "done", "memory", "fault", "storage", "conservation"]


@dataclass(frozen=True)
class Job:
    """One delivery to be read, by the protocol that was sent last."""

    root: Path
    receipt: Receipt
    allowed: Allowance


@dataclass(frozen=True)
class Answer:
    """`words`: of a failure, in our own words."""

    delivery_id: str
    state: State
    words: str = ""
