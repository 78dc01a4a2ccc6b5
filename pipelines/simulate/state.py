"""What the pipeline must come to know of a trial, after everything the sites sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.simulate.calendar import Calendar
from pipelines.simulate.people import status_on
from pipelines.simulate.trial import Trial


@dataclass
class State:
    """The records that stand in the end, in the feeds' columns and typed.

    `answers` and the events know their `form`, `event_id` or `contact_id`, by which faults change them.
    `by_day`: forms of which the sites send the date alone. `log_ends`: for each site and feed (usage, contacts)
    the last day its deliveries speak of; None where one without a manifest reaches to the night itself.
    """

    participants: pl.DataFrame
    allocation: pl.DataFrame
    answers: pl.DataFrame
    usage: pl.DataFrame
    contacts: pl.DataFrame
    adverse_events: pl.DataFrame
    by_day: set[int]
    log_ends: dict[tuple[str, str], date | None]

    @classmethod
    def of(cls, trial: Trial, calendar: Calendar) -> State:
        return cls(
            participants=status_on(trial.people, calendar.cut),
            allocation=trial.allocation,
            answers=trial.answers,
            usage=trial.usage,
            contacts=trial.contacts,
            adverse_events=trial.adverse_events,
            by_day=set(),
            log_ends={},
        )
