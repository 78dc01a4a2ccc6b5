"""Which safety alerts the sites' clinicians acknowledge, and when: mostly in time, a few late, a few never.

They hear of an answer from the programme itself, before any file tells of it. An alert is known by what it is about,
as `safety.alert` names it; what a fault of the files raises, nobody has acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from pipelines.simulate.calendar import Calendar
from pipelines.simulate.drops import INCREMENTS
from pipelines.simulate.state import State
from pipelines.simulate.truth import analysis_records
from pipelines.study.load import Protocol

IN_TIME, LATE = 0.94, 0.04
HOURS = (1, 20)  # after the answer
DAYS_LATE = (2, 6)  # after the export that told of it


@dataclass(frozen=True)
class Seen:
    alert_id: str
    given_by: str
    given_at: datetime


@dataclass(frozen=True)
class _Alert:
    kind: str
    severity: str
    site: str
    record_key: str
    moment: datetime


def acknowledgements(
    protocol: Protocol, state: State, calendar: Calendar, as_of: date, rng: np.random.Generator
) -> list[Seen]:
    """What clinicians acknowledged of risky answers, reliable deterioration and serious adverse events."""
    alerts = [*_answers(protocol, state), *_deteriorations(protocol, state, as_of), *_serious(protocol, state)]
    found = []
    for alert in sorted(alerts, key=lambda a: (a.site, a.moment, a.kind, a.severity, a.record_key)):
        chance, hours, days = rng.random(), int(rng.integers(*HOURS)), int(rng.integers(*DAYS_LATE))
        at = alert.moment + timedelta(hours=hours)
        if chance >= IN_TIME:
            at = _told_on(calendar, alert.moment) + timedelta(days=days)
        if chance < IN_TIME + LATE and at.date() < calendar.today:
            text = "|".join((alert.kind, alert.severity, alert.site, alert.record_key))
            found.append(Seen(sha256(text.encode()).hexdigest()[:12], f"Clinician of {alert.site}", at))
    return found


def _told_on(calendar: Calendar, moment: datetime) -> datetime:
    """The end of the day of the first export after it."""
    cuts = [cut for cut in calendar.cuts(*INCREMENTS["questionnaires"]) if cut >= moment.date()]
    return datetime.combine((cuts or [calendar.cut])[0], time.max, moment.tzinfo)


def _answers(protocol: Protocol, state: State) -> Iterator[_Alert]:
    for name, instrument in protocol.instruments.items():
        for risk in instrument.risk_items:
            points = pl.col("value").cast(pl.Int64, strict=False)
            risky = state.answers.filter(points >= risk.flag, instrument=name, item=risk.item)
            for row in risky.with_columns(points.alias("points")).iter_rows(named=True):
                moment = row["local"].replace(tzinfo=ZoneInfo(protocol.study.site_by_id[row["site"]].timezone))
                completed = str(moment.date()) if row["form"] in state.by_day else _utc(moment, "%Y-%m-%dT%H:%M:%SZ")
                key = "|".join((row["subject_id"], name, row["visit"] or "", completed, risk.item))
                severity = "urgent" if row["points"] >= risk.urgent else "flag"
                yield _Alert("item_answer", severity, row["site"], key, moment)


def _deteriorations(protocol: Protocol, state: State, as_of: date) -> Iterator[_Alert]:
    """The first record of each spell of reliable deterioration."""
    directions = {score.paramcd: 1 if score.direction == "higher_is_worse" else -1 for _, score in protocol.scores}
    records = analysis_records(protocol, state, as_of).filter(pl.col("chg").is_not_null())
    before: dict[tuple[str, str], bool] = {}
    for row in records.sort("usubjid", "paramcd", "aseq").iter_rows(named=True):
        site = protocol.study.site_by_id[row["site"]]
        rule = protocol.study.outcomes.in_force("reliable_change", row["paramcd"], site.country)
        if rule is None:
            continue
        series = (row["usubjid"], row["paramcd"])
        worse = round(directions[row["paramcd"]] * row["chg"], 9) >= rule.points
        if worse and not before.get(series, False):
            moment = row["local"].replace(tzinfo=site.zone)
            by_day = row["form"] in state.by_day
            completed = f"{moment.date()} 00:00:00+00" if by_day else _utc(moment, "%Y-%m-%d %H:%M:%S+00")
            key = "|".join((row["subject_id"], row["paramcd"], row["visit"] or "", completed))
            yield _Alert("deterioration", "flag", row["site"], key, moment)
        before[series] = worse


def _serious(protocol: Protocol, state: State) -> Iterator[_Alert]:
    for row in state.adverse_events.filter(serious="Y").iter_rows(named=True):
        zone = protocol.study.site_by_id[row["site"]].zone
        yield _Alert(
            "serious_event", "urgent", row["site"], row["ae_id"], datetime.combine(row["reported_on"], time(9), zone)
        )


def _utc(moment: datetime, form: str) -> str:
    return moment.astimezone(ZoneInfo("UTC")).strftime(form)
