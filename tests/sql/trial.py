"""A trial of a few literal rows, and the tables that the SQL makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from pipelines.study.load import Protocol

SQL = Path(__file__).parents[2] / "sql"
ORDER = (
    "core.superseded core.participants core.allocation core.questionnaires core.usage core.contacts "
    "core.adverse_events core.subject core.programme_week core.log_reach "
    "outcome.answer outcome.form outcome.form_window outcome.form_visit outcome.part_score outcome.score "
    "outcome.record outcome.baseline outcome.chosen outcome.change "
    "engagement.activity engagement.session engagement.usage_week engagement.contact_week "
    "engagement.participant_week engagement.module_progress outcome.population "
    "analysis.adsl analysis.adqs quality.delivery quality.quarantine quality.completeness"
).split()

ACCEPTED = "delivery_id VARCHAR, site_id VARCHAR, row_no BIGINT, line_no BIGINT, record_key VARCHAR"
TIMED = "occurred_at TIMESTAMPTZ, occurred_on DATE, clock_note VARCHAR"
INPUT = {
    "delivery": "delivery_id VARCHAR, content_sha256 VARCHAR, site_id VARCHAR, feed VARCHAR, stream VARCHAR, "
    "scope VARCHAR, blinding VARCHAR, sequence BIGINT, file_name VARCHAR, bytes BIGINT, "
    "received_at TIMESTAMPTZ, place TIMESTAMPTZ, status VARCHAR, reason VARCHAR, n_rows BIGINT, "
    "n_accepted BIGINT, n_quarantined BIGINT, n_duplicate BIGINT, unknown_columns VARCHAR",
    "quarantine": "delivery_id VARCHAR, site_id VARCHAR, feed VARCHAR, row_no BIGINT, line_no BIGINT, rule VARCHAR, "
    "column_name VARCHAR, message VARCHAR, record_key VARCHAR",
    "participants": f"{ACCEPTED}, subject_id VARCHAR, centre VARCHAR, language VARCHAR, consent_date DATE, "
    "birth_year BIGINT, sex VARCHAR, status VARCHAR, status_date DATE, status_reason VARCHAR",
    "allocation": f"{ACCEPTED}, subject_id VARCHAR, arm VARCHAR, randomised_on DATE, stratum VARCHAR",
    "questionnaires": f"{ACCEPTED}, subject_id VARCHAR, instrument VARCHAR, visit VARCHAR, "
    "completed_at TIMESTAMPTZ, completed_on DATE, clock_note VARCHAR, item VARCHAR, value VARCHAR, "
    "source_column VARCHAR",
    "usage": f"{ACCEPTED}, event_id VARCHAR, subject_id VARCHAR, {TIMED}, actor VARCHAR, event VARCHAR, "
    "module VARCHAR, duration_s DOUBLE",
    "contacts": f"{ACCEPTED}, contact_id VARCHAR, subject_id VARCHAR, {TIMED}, kind VARCHAR, direction VARCHAR, "
    "minutes DOUBLE, therapist_id VARCHAR",
    "adverse_events": f"{ACCEPTED}, ae_id VARCHAR, subject_id VARCHAR, onset_date DATE, reported_on DATE, "
    "term VARCHAR, serious VARCHAR, severity BIGINT, related VARCHAR, outcome VARCHAR",
}
KEYS = {
    "participants": ("subject_id",),
    "allocation": ("subject_id",),
    "questionnaires": ("subject_id", "instrument", "visit", "completed_at", "item"),
    "usage": ("event_id",),
    "contacts": ("contact_id",),
    "adverse_events": ("ae_id",),
}
STUDY = {
    "setting": "study_id VARCHAR, title VARCHAR, version VARCHAR, reference_date VARCHAR, has_allocation BOOLEAN, "
    "as_of DATE, recruitment_closed_on DATE, treatment_starts VARCHAR, treatment_weeks BIGINT, "
    "session_gap_minutes BIGINT, weekly_label VARCHAR, weekly_fills VARCHAR, primary_paramcd VARCHAR, "
    "primary_avisit VARCHAR, outcomes_seen_by VARCHAR, study_digest VARCHAR, code_version VARCHAR",
    "site": "site_id VARCHAR, name VARCHAR, country VARCHAR, language VARCHAR, timezone VARCHAR, target BIGINT",
    "arm": "arm VARCHAR, label VARCHAR, programme_access BOOLEAN",
    "visit": "avisit VARCHAR, avisitn BIGINT, target_day BIGINT, window_from BIGINT, window_to BIGINT, "
    "shared_by_all_arms BOOLEAN",
    "visit_arm": "avisit VARCHAR, arm VARCHAR",
    "scheduled_form": "avisit VARCHAR, instrument VARCHAR",
    "item": "instrument VARCHAR, item VARCHAR, minimum BIGINT, maximum BIGINT, reversed BOOLEAN, "
    "may_be_not_applicable BOOLEAN",
    "score": "paramcd VARCHAR, paramn BIGINT, param VARCHAR, instrument VARCHAR, direction VARCHAR, n_items BIGINT, "
    "minimum BIGINT, maximum BIGINT",
    "score_part": "paramcd VARCHAR, part BIGINT, n_items BIGINT, missing_allowed BIGINT",
    "score_item": "paramcd VARCHAR, part BIGINT, instrument VARCHAR, item VARCHAR, minimum BIGINT, maximum BIGINT, "
    "reversed BOOLEAN",
    "module": "module VARCHAR, label VARCHAR, kind VARCHAR, is_core BOOLEAN",
    "population": "population VARCHAR, randomised BOOLEAN, baseline_primary BOOLEAN, post_baseline_primary BOOLEAN, "
    "primary_at_endpoint BOOLEAN, programme_started BOOLEAN, core_modules_completed BIGINT",
    "outcome_definition": "paramcd VARCHAR, reliable_change DOUBLE, caseness DOUBLE, response DOUBLE, "
    "remission DOUBLE",
    "discontinuation_reason": "reason VARCHAR",
}


@dataclass
class Trial:
    """Deliveries and rows as the readers would hand them on. `tables()` runs the SQL on them."""

    protocol: Protocol
    as_of: date = date(2026, 12, 31)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def delivery(self, site_id: str, feed: str, **given: Any) -> str:
        """A new delivery, later than all before it; full for the feeds that are so by default."""
        n = len(self.deliveries) + 1
        received = given.pop("received_at", datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=n))
        full = feed not in ("usage", "contacts")
        self.deliveries.append(
            {
                "delivery_id": f"d{n}", "content_sha256": f"{n:064}", "site_id": site_id, "feed": feed,
                "stream": "house", "scope": "full" if full else "incremental", "blinding": "safe", "sequence": n,
                "file_name": f"{feed}_{n}.csv", "bytes": 1, "received_at": received, "place": received,
                "status": "accepted", **given,
            }
        )  # fmt: skip
        return f"d{n}"

    def add(self, feed: str, site_id: str, delivery: str | None = None, **row: Any) -> None:
        """An accepted row; without a delivery it goes to the site's last one of that feed, or a first one."""
        delivery = delivery or self._last(site_id, feed) or self.delivery(site_id, feed)
        zone = ZoneInfo(self.protocol.study.site_by_id[site_id].timezone)
        if "occurred_at" in row:
            row.setdefault("occurred_on", row["occurred_at"].astimezone(zone).date())
        key = "|".join(str(row.get(name) or "") for name in KEYS[feed])
        if feed == "questionnaires":
            row = {**row, **_completed(row["completed_at"], zone)}
        rows = self.rows.setdefault(feed, [])
        n = 1 + sum(other["delivery_id"] == delivery for other in rows)
        rows.append(
            {"delivery_id": delivery, "site_id": site_id, "row_no": n, "line_no": n + 1, "record_key": key, **row}
        )

    def refuse(self, feed: str, site_id: str, delivery: str, record_key: str | None) -> None:
        """A quarantined row."""
        rows = self.rows.setdefault("quarantine", [])
        rows.append(
            {
                "delivery_id": delivery, "site_id": site_id, "feed": feed, "row_no": 1000 + len(rows), "line_no": None,
                "rule": "unknown_code", "column_name": "status", "message": "", "record_key": record_key,
            }
        )  # fmt: skip

    def person(
        self, subject_id: str, arm: str | None = "ICT", randomised_on: date | None = None, **given: Any
    ) -> str:
        """A participant, randomised unless `arm` is None. Returns the usubjid."""
        site_id = given.pop("site_id", "oxford")
        day = randomised_on or date(2026, 3, 2)
        self.add(
            "participants", site_id, subject_id=subject_id,
            **{"consent_date": day - timedelta(days=7), "birth_year": 1990, "sex": "F", "status": "randomised", **given},
        )  # fmt: skip
        if arm is not None:
            self.add("allocation", site_id, subject_id=subject_id, arm=arm, randomised_on=day)
        return f"{self.protocol.study.study}-{site_id}-{subject_id}"

    def form(
        self, subject_id: str, instrument: str, when: date | datetime, answers: dict[str, Any], **given: Any
    ) -> None:
        """A form: `answers` by item; None is an empty cell."""
        site_id = given.pop("site_id", "oxford")
        for item, value in answers.items():
            self.add(
                "questionnaires", site_id, subject_id=subject_id, instrument=instrument, completed_at=when, item=item,
                value=None if value is None else str(value), **{"visit": None, **given},
            )  # fmt: skip

    def event(self, subject_id: str, when: datetime, event: str = "page_view", **given: Any) -> None:
        n = len(self.rows.get("usage", [])) + 1
        site_id = given.pop("site_id", "oxford")
        values = {"event_id": f"e{n:06}", "actor": "participant", **given}
        self.add("usage", site_id, subject_id=subject_id, occurred_at=when, event=event, **values)

    def contact(self, subject_id: str, when: datetime, kind: str = "call", **given: Any) -> None:
        n = len(self.rows.get("contacts", [])) + 1
        site_id = given.pop("site_id", "oxford")
        self.add("contacts", site_id, contact_id=f"c{n}", subject_id=subject_id, occurred_at=when, kind=kind, **given)

    def _last(self, site_id: str, feed: str) -> str | None:
        ids = [d["delivery_id"] for d in self.deliveries if (d["site_id"], d["feed"]) == (site_id, feed)]
        return ids[-1] if ids else None

    def tables(self, threads: int = 2) -> Tables:
        con = duckdb.connect(":memory:", config={"threads": threads})
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET python_enable_replacements = false")
        for schema in ("study", "input", "core", "outcome", "analysis", "engagement", "quality"):
            con.execute(f"CREATE SCHEMA {schema}")
        for name, columns in STUDY.items():
            _fill(con, f"study.{name}", columns, study_rows(self.protocol, self.as_of)[name])
        for name, columns in INPUT.items():
            _fill(con, f"input.{name}", columns, self.deliveries if name == "delivery" else self.rows.get(name, []))
        for table in ORDER:
            schema, name = table.split(".")
            con.execute(f"CREATE TABLE {table} AS {(SQL / schema / f'{name}.sql').read_text()}")
        return Tables(con)


@dataclass
class Tables:
    con: duckdb.DuckDBPyConnection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """The only row. Fails when there are others, or none."""
        (row,) = self.rows(sql)
        return row

    def records(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.con.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _completed(when: date | datetime, zone: ZoneInfo) -> dict[str, Any]:
    if isinstance(when, datetime):
        return {"completed_at": when, "completed_on": when.astimezone(zone).date()}
    return {"completed_at": None, "completed_on": when}


def _fill(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[dict[str, Any]]) -> None:
    con.execute(f"CREATE TABLE {table} ({columns})")
    names = [column.split()[0] for column in columns.split(", ")]
    for start in range(0, len(rows), 500):
        chunk = rows[start : start + 500]
        marks = ", ".join("(" + ", ".join("?" * len(names)) + ")" for _ in chunk)
        con.execute(f"INSERT INTO {table} VALUES {marks}", [row.get(name) for row in chunk for name in names])


def study_rows(protocol: Protocol, as_of: date) -> dict[str, list[dict[str, Any]]]:
    """The study tables of a protocol."""
    study = protocol.study
    arms = [arm.arm for arm in study.arms]
    defined: dict[str, dict[str, Any]] = {}
    for definition in study.outcomes.reliable_change:
        defined.setdefault(definition.paramcd, {})["reliable_change"] = definition.points
    for name in ("caseness", "response", "remission"):
        for threshold in getattr(study.outcomes, name):
            defined.setdefault(threshold.paramcd, {})[name] = threshold.value
    scores = [(i, s) for i in protocol.instruments.values() for s in i.scores]
    return {
        "setting": [
            {
                "study_id": study.study, "title": study.title, "version": study.version,
                "reference_date": study.reference_date, "has_allocation": study.has_allocation, "as_of": as_of,
                "recruitment_closed_on": study.recruitment_closed_on,
                "treatment_starts": study.treatment.starts if study.treatment else None,
                "treatment_weeks": study.treatment.weeks if study.treatment else None,
                "session_gap_minutes": study.engagement.session_gap_minutes,
                "weekly_label": study.weekly.label, "weekly_fills": study.weekly.fills_visit,
                "primary_paramcd": study.outcomes.primary.paramcd, "primary_avisit": study.outcomes.primary.avisit,
                "outcomes_seen_by": study.who_sees_outcomes, "study_digest": protocol.digest,
            }
        ],
        "site": [{**site.model_dump(), "site_id": site.site} for site in study.sites],
        "arm": [arm.model_dump() for arm in study.arms],
        "visit": [
            {
                **visit.model_dump(), "window_from": visit.window[0], "window_to": visit.window[1],
                "shared_by_all_arms": visit.arms is None or set(arms) <= set(visit.arms),
            }
            for visit in study.visits
        ],
        "visit_arm": [
            {"avisit": visit.avisit, "arm": arm} for visit in study.visits for arm in visit.arms or arms or [""]
        ],
        "scheduled_form": [
            {"avisit": avisit, "instrument": schedule.instrument}
            for schedule in study.instruments
            for avisit in schedule.visits
        ],
        "item": [
            {
                "instrument": instrument.instrument, "item": item, "minimum": low, "maximum": high,
                "reversed": item in instrument.reversed_items,
                "may_be_not_applicable": item in instrument.may_be_not_applicable,
            }
            for instrument in protocol.instruments.values()
            for item, (low, high) in instrument.ranges.items()
        ],
        "score": [
            {
                "paramcd": s.paramcd, "paramn": n, "param": s.param, "instrument": i.instrument,
                "direction": s.direction, "n_items": sum(len(part.items) for part in s.parts),
                "minimum": s.range[0], "maximum": s.range[1],
            }
            for n, (i, s) in enumerate(scores, 1)
        ],
        "score_part": [
            {"paramcd": s.paramcd, "part": n, "n_items": len(part.items), "missing_allowed": part.missing_allowed}
            for _, s in scores
            for n, part in enumerate(s.parts, 1)
        ],
        "score_item": [
            {
                "paramcd": s.paramcd, "part": n, "instrument": i.instrument, "item": item,
                "minimum": i.ranges[item][0], "maximum": i.ranges[item][1], "reversed": item in i.reversed_items,
            }
            for i, s in scores
            for n, part in enumerate(s.parts, 1)
            for item in part.items
        ],
        "module": [{**module.model_dump(), "is_core": module.kind == "core"} for module in study.modules],
        "population": [
            {"population": name.upper(), **getattr(study.populations, name).model_dump()}
            for name in ("itt", "mitt", "pprot", "saf")
        ],
        "outcome_definition": [{"paramcd": paramcd, **values} for paramcd, values in defined.items()],
        "discontinuation_reason": [{"reason": reason} for reason in study.discontinuation_reasons],
    }  # fmt: skip


def at(text: str) -> datetime:
    """`2026-03-02T10:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)
