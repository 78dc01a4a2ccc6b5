"""The days of a simulated trial, and its clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

RECRUITMENT_DAYS = 365  # at least
FOLLOW_UPS = 1.7  # … and so many times as long as one person is followed, so that many have come to the end
LAST_CONSENT_BEFORE = 33  # days before today, so that everyone drawn as randomised has been


@dataclass(frozen=True)
class Calendar:
    """`today` is the day of the nightly; the trial's data end two days before it, so that the day is over
    on every clock on earth. `followed_days`: for how long the protocol follows one person."""

    today: date
    followed_days: int = 0

    @property
    def recruitment_days(self) -> int:
        return max(RECRUITMENT_DAYS, round(FOLLOW_UPS * self.followed_days))

    @property
    def cut(self) -> date:
        return self.today - timedelta(days=2)

    @property
    def last_consent(self) -> date:
        return self.today - timedelta(days=LAST_CONSENT_BEFORE)

    @property
    def first_consent(self) -> date:
        return self.last_consent - timedelta(days=self.recruitment_days)

    def cuts(self, *days_before: int) -> list[date]:
        """Days on which sites export, the last one being `cut`."""
        return [self.today - timedelta(days=days) for days in sorted(days_before, reverse=True)] + [self.cut]


def to_utc(local: str, zones: list[str], zone: str = "zone") -> pl.Expr:
    """Instants of the zone-less column `local` in the time zone named in the column `zone`; of an hour
    that exists twice the earlier, of one that does not exist NULL."""
    return pl.coalesce(
        pl.when(pl.col(zone) == name).then(
            pl.col(local)
            .dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
        )
        for name in zones
    )


def to_local(utc: str, zones: list[str], zone: str = "zone") -> pl.Expr:
    """Zone-less wall-clock times of the UTC column `utc` in the time zone named in the column `zone`."""
    return pl.coalesce(
        pl.when(pl.col(zone) == name).then(pl.col(utc).dt.convert_time_zone(name).dt.replace_time_zone(None))
        for name in zones
    )
