"""A simulated trial as it really was: what its sites could report if nothing ever went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from pipelines.simulate.calendar import Calendar, to_local
from pipelines.simulate.outcomes import fill_in
from pipelines.simulate.people import recruit
from pipelines.simulate.programme import use_programme
from pipelines.study.load import Protocol

ADVERSE_EVENT_SHARE = 0.08
# Term, serious, severity, related: invented, in the proportions a small psychological trial sees.
ADVERSE_EVENTS = [
    ("Increase in anxiety", "N", 2, "U"),
    ("Low mood", "N", 2, "N"),
    ("Influenza", "N", 1, "N"),
    ("Headache, lasting", "N", 1, "N"),
    ("Admission to hospital", "Y", 3, "N"),
]


@dataclass
class Trial:
    """Frames in the feeds' own columns, typed, with `site` in front and `person` where it helps.

    `people`: see `recruit`. `answers`: site, subject_id, instrument, visit, local (wall clock), weekly,
    form, item, value. `usage`, `contacts`: `utc` holds occurred_at, `day` its date at the site.
    `adverse_events`, `allocation`: as the feeds. `allocated_again`: epochs that begin with a second allocation.
    Numbers of events and contacts rise with time at each site.
    """

    people: pl.DataFrame
    answers: pl.DataFrame
    usage: pl.DataFrame
    contacts: pl.DataFrame
    adverse_events: pl.DataFrame
    allocated_again: list[int]

    @property
    def allocation(self) -> pl.DataFrame:
        """With the second allocation, where the protocol has one."""
        again = pl.col("later_epoch").is_in(self.allocated_again)
        second = [
            pl.when(again).then("later_arm").alias("second_arm"),
            pl.when(again).then("later_start").alias("second_randomised_on"),
        ]
        return self.people.filter(pl.col("arm").is_not_null()).select(
            "site", "subject_id", "arm", "randomised_on", "stratum", *(second if self.allocated_again else ())
        )


def run_trial(protocol: Protocol, participants: int, calendar: Calendar, events: float, seed: int) -> Trial:
    """The whole trial from one seed; each part draws from its own stream of random numbers."""

    def stream(part: int) -> np.random.Generator:
        return np.random.default_rng([seed, part])

    people = recruit(protocol.study, participants, calendar, stream(1))
    programme = use_programme(protocol.study, people, calendar, events, stream(2))
    answers = fill_in(protocol, people, programme.weekly, calendar, stream(3))
    usage = _numbered(_at_site(programme.usage, people), "event_id", "ev")
    contacts = _numbered(_at_site(programme.contacts, people), "contact_id", "c").with_columns(
        (pl.lit("T") + (1 + pl.col("person") % 4).cast(pl.String)).alias("therapist_id")
    )
    known = people.select("person", "site", "subject_id")
    return Trial(
        people=people,
        answers=answers.join(known, on="person", how="left", maintain_order="left"),
        usage=usage,
        contacts=contacts,
        adverse_events=_adverse_events(people, calendar, stream(4)),
        allocated_again=[n for n, e in enumerate(protocol.study.epochs, 1) if e.starts and e.starts.second_allocation],
    )


def _at_site(events: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    zones = people["zone"].unique().sort().to_list()
    joined = events.join(
        people.select("person", "site", "subject_id", "zone"), on="person", how="left", maintain_order="left"
    )
    return joined.with_columns(to_local("utc", zones).dt.date().alias("day"))


def _numbered(events: pl.DataFrame, name: str, prefix: str) -> pl.DataFrame:
    events = events.sort("site", "utc", "person", maintain_order=True)
    number = pl.int_range(pl.len()).over("site") + 1
    return events.with_columns((pl.lit(f"{prefix}-") + number.cast(pl.String).str.zfill(7)).alias(name))


def _adverse_events(people: pl.DataFrame, calendar: Calendar, rng: np.random.Generator) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for person in people.filter(pl.col("reference").is_not_null()).iter_rows(named=True):
        happens, share = rng.random() < ADVERSE_EVENT_SHARE, rng.random()
        term, serious, severity, related = ADVERSE_EVENTS[int(rng.integers(len(ADVERSE_EVENTS)))]
        last = min(day for day in (person["withdrew_on"], person["completed_on"], calendar.cut) if day)
        days = (last - person["reference"]).days
        if not happens or days < 4:
            continue
        onset = person["reference"] + timedelta(days=int(share * (days - 3)))
        rows.append(
            {
                "site": person["site"],
                "subject_id": person["subject_id"],
                "onset_date": onset,
                "reported_on": onset + timedelta(days=2),
                "term": term,
                "serious": serious,
                "severity": severity,
                "related": related,
                "outcome": "Recovered",
            }
        )
    schema = {
        "site": pl.String,
        "subject_id": pl.String,
        "onset_date": pl.Date,
        "reported_on": pl.Date,
        "term": pl.String,
        "serious": pl.String,
        "severity": pl.Int64,
        "related": pl.String,
        "outcome": pl.String,
    }
    number = pl.int_range(pl.len()).over("site") + 1
    return pl.DataFrame(rows, schema=schema).with_columns(
        (pl.lit("ae-") + number.cast(pl.String).str.zfill(3)).alias("ae_id")
    )
