"""Intercurrent events (ICH E9(R1)) as the study file speaks of them: what is derived, and what was declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from pipelines.study.strict import Strict
from pipelines.study.yaml_file import Complaint

Kind = Literal["stopped_treatment", "non_usage", "other_therapy", "medication_changed", "crossover", "outage", "death"]


class NonUsage(Strict):
    """No own event for so many days on which the programme was open; `reason` says why this number."""

    days: int = Field(ge=1)
    reason: str


class Outage(Strict):
    """Days, first and last included, on which a site's participants could not use the programme."""

    site: str
    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _runs_forwards(self) -> Outage:
        if self.last_day < self.first_day:
            raise ValueError(f"the outage at {self.site} ends on {self.last_day}, before it begins")
        return self


class IntercurrentEvents(Strict):
    """`leaving_for` says which listed reason of leaving the study is which kind of event."""

    non_usage: NonUsage | None = None
    leaving_for: dict[str, Kind] = Field(default_factory=dict)
    outages: list[Outage] = Field(default_factory=list)


def event_complaints(
    events: IntercurrentEvents, sites: Mapping[str, object], reasons: list[str]
) -> Iterator[Complaint]:
    """Sites that do not exist, outages that overlap (their days would count twice), reasons that are not listed."""
    for i, outage in enumerate(events.outages):
        place = ("intercurrent_events", "outages", i)
        if outage.site not in sites:
            yield (*place, "site"), f"no site `{outage.site}`; the sites are {', '.join(sites)}"
        for other in events.outages[:i]:
            apart = outage.first_day > other.last_day or outage.last_day < other.first_day
            if other.site == outage.site and not apart:
                yield place, f"two outages at {outage.site} overlap; give the days once"
    listed = {reason.strip().upper() for reason in reasons}
    for reason in events.leaving_for:
        if reason.strip().upper() not in listed:
            yield (
                ("intercurrent_events", "leaving_for", reason),
                f"`{reason}` is not among `discontinuation_reasons`: {', '.join(reasons)}",
            )
