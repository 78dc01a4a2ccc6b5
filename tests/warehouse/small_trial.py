"""A trial small enough to check by hand: four tables, their dictionary, and deliveries made of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.warehouse.graph import Graph, load_graph
from pipelines.warehouse.inputs import QUARANTINE, accepted_columns
from schemas.feeds import FEEDS

AS_OF = date(2026, 6, 1)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
META = Path(__file__).parents[2] / "schemas" / "tables" / "meta"

# Words that no published text contains, so that their bytes in a file can only be participants' arms.
ARMS = ("QXARMONE", "ZVARMTWO")

SQL = {
    "core/person": """
        -- People: one row a person.
        SELECT p.site_id || '-' || p.subject_id AS usubjid, p.site_id, a.arm, a.randomised_on
        FROM input.participants AS p
        LEFT JOIN input.allocation AS a USING (site_id, subject_id)
    """,
    "analysis/adsl": """
        -- Subjects: one row a person.
        SELECT usubjid, site_id AS siteid, randomised_on AS randdt, arm FROM core.person;
    """,
    "analysis/adqs": """
        -- Scores: one row a person and visit.
        SELECT
            s.usubjid, q.visit AS avisit, CAST(count(*) AS HUGEINT) AS nitem,
            sum(CAST(q.value AS BIGINT)) / 2.0 AS aval, max(q.completed_at) AS adtm
        FROM analysis.adsl AS s
        JOIN input.questionnaires AS q ON q.site_id || '-' || q.subject_id = s.usubjid
        GROUP BY ALL
    """,
    "engagement/session": """
        -- Sessions: one row a person.
        SELECT p.usubjid, count(*) AS n_events
        FROM core.person AS p
        JOIN input.usage AS u ON u.site_id || '-' || u.subject_id = p.usubjid
        GROUP BY p.usubjid
    """,
}
TABLES = {
    "core/person": """
        table: core.person
        description: People.
        key: [usubjid]
        published: false
        materialise: view
        blinding: safe
        columns:
          usubjid: {type: VARCHAR, label: Subject, description: Subject, blinding: safe}
          site_id: {type: VARCHAR, label: Site, description: Site, blinding: safe}
          arm: {type: VARCHAR, label: Arm, description: Arm, blinding: arm}
          randomised_on: {type: DATE, label: Randomised, description: Day of randomisation, blinding: safe}
    """,
    "analysis/adsl": """
        table: analysis.adsl
        description: Subjects, one row a person.
        key: [usubjid]
        published: true
        materialise: table
        blinding: safe
        columns:
          usubjid: {type: VARCHAR, label: Subject, description: Subject, blinding: safe}
          siteid: {type: VARCHAR, label: Site, description: The person's site, blinding: safe}
          randdt: {type: DATE, label: Randomised, description: Day of randomisation, blinding: safe}
          arm: {type: VARCHAR, label: Arm, description: Allocated arm, blinding: arm}
    """,
    "analysis/adqs": """
        table: analysis.adqs
        description: Scores.
        key: [usubjid, avisit]
        published: true
        materialise: table
        blinding: safe
        keep_when: "avisit <> 'FOLLOW-UP'"
        baseline_when: "avisit = 'BASELINE'"
        columns:
          usubjid: {type: VARCHAR, label: Subject, description: Subject, blinding: safe}
          avisit: {type: VARCHAR, label: Visit, description: Visit, blinding: safe, codes: {BASELINE: before}}
          nitem: {type: BIGINT, label: Items, description: Number of items, blinding: safe}
          aval: {type: DOUBLE, label: Value, description: Score, blinding: outcome, unit: points}
          adtm: {type: TIMESTAMPTZ, label: Time, description: Time, blinding: safe, volatile: true}
    """,
    "engagement/session": """
        table: engagement.session
        description: Sessions.
        key: [usubjid]
        published: true
        materialise: table
        blinding: revealing
        columns:
          usubjid: {type: VARCHAR, label: Subject, description: Subject, blinding: safe}
          n_events: {type: BIGINT, label: Events, description: Number of events, blinding: revealing}
    """,
}


@dataclass(frozen=True)
class AReceipt:
    delivery_id: str
    content_sha256: str
    site_id: str
    feed: str
    file_name: str = "drop.csv"
    bytes: int = 100
    received_at: datetime = NOON
    place: datetime = NOON


@dataclass(frozen=True)
class SomeRows:
    stream: str = "house"
    scope: str | None = "incremental"
    blinding: str = "safe"
    n_rows: int = 0
    n_accepted: int = 0
    n_quarantined: int = 0
    n_duplicate: int = 0
    unknown_columns: list[str] = field(default_factory=list)
    n_ambiguous_time: int = 0
    accepted: Path | None = None
    quarantine: Path | None = None
    variables: Path | None = None


@dataclass(frozen=True)
class ADelivery:
    receipt: AReceipt
    rows: SomeRows
    sequence: int
    status: str = "accepted"
    reason: str | None = None
    vanishing: None = None
    decision: None = None


_ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
}


def parquet(path: Path, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> Path:
    """A Parquet file with `columns` of these DuckDB types; what a row does not say is missing."""
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
    filled = [{name: row.get(name) for name in columns} for row in rows]
    pq.write_table(pa.Table.from_pylist(filled, schema), path)
    return path


def delivery(
    folder: Path,
    sequence: int,
    feed: str,
    rows: Sequence[dict[str, Any]],
    status: str = "accepted",
    site_id: str = "oxford",
    refused: Sequence[dict[str, Any]] = (),
) -> ADelivery:
    """A delivery of a site whose accepted rows are `rows`, and whose quarantined ones `refused`."""
    name = f"d{sequence:04d}"
    for number, row in enumerate(rows, start=1):
        row.update(delivery_id=name, site_id=site_id, row_no=number)
    for number, row in enumerate(refused, start=len(rows) + 1):
        row.update(delivery_id=name, site_id=site_id, row_no=number, feed=feed)
    accepted = parquet(folder / f"{name}.parquet", accepted_columns(FEEDS[feed]), rows)
    quarantine = parquet(folder / f"{name}-quarantine.parquet", QUARANTINE, refused)
    n = len(rows)
    read = SomeRows(
        n_rows=n + len(refused),
        n_accepted=n,
        n_quarantined=len(refused),
        accepted=accepted,
        quarantine=quarantine,
        blinding=FEEDS[feed].blinding,
    )
    return ADelivery(AReceipt(name, f"sha-{name}", site_id, feed), read, sequence, status)


def deliveries(folder: Path, people: int = 60) -> list[ADelivery]:
    """Participants, their allocation, two visits each with a third for one arm, and usage of that arm."""
    folder.mkdir(exist_ok=True)
    ids = [f"P{n:03d}" for n in range(people)]
    arms = {name: ARMS[n % 3 == 0] for n, name in enumerate(ids)}
    forms = [
        {"subject_id": name, "instrument": "phq9", "visit": visit, "completed_at": NOON, "item": item, "value": "1"}
        for name in ids
        for visit in ("BASELINE", "WEEK 8", "FOLLOW-UP")
        if visit != "FOLLOW-UP" or arms[name] == ARMS[0]
        for item in ("1", "2", "3")
    ]
    feeds: dict[str, list[dict[str, Any]]] = {
        "participants": [{"subject_id": name} for name in ids],
        "allocation": [{"subject_id": n, "arm": arm, "randomised_on": AS_OF} for n, arm in arms.items()],
        "questionnaires": forms,
        "usage": [
            {"event_id": f"{name}-{i}", "subject_id": name, "occurred_at": NOON}
            for name in ids
            if arms[name] == ARMS[0]
            for i in range(4)
        ],
    }
    return [delivery(folder, i, feed, rows) for i, (feed, rows) in enumerate(feeds.items(), start=1)]


def write_files(folder: Path, sql: dict[str, str] = SQL, tables: dict[str, str] = TABLES) -> Graph:
    """The graph of SQL and dictionary files put under `folder`, with the repository's own `meta` tables."""
    for suffix, files in (("sql", sql), ("yaml", tables)):
        for name, text in files.items():
            path = folder / suffix / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(_unindented(text)) + "\n", encoding="utf-8")
    meta = folder / "yaml" / "meta"
    meta.mkdir(exist_ok=True)
    for path in META.glob("*.yaml"):
        (meta / path.name).write_bytes(path.read_bytes())
    return load_graph(folder / "sql", folder / "yaml")


def _unindented(text: str) -> Iterator[str]:
    lines = text.strip("\n").splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return (line[margin:] for line in lines)
