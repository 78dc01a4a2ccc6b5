"""Everything that the open report shows, as tables of one connection: what is not here, the report cannot show.

`quality.*`, `meta.*`, `analysis.*`: the safe columns of a blinded snapshot. Where the study file is another than the
snapshot's, statuses are judged anew from its counts, so that a threshold can change without running the data again.
`study.*`: the protocol. `board.*`: what the nights before left in the store (pipelines.quality.pack), the runs, and
what changed of the rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.night import nights
from pipelines.quality.cards import check_grid, judge_again
from pipelines.quality.check_table import write_table
from pipelines.quality.history import Week, load_weeks, shown_status, sunday_of
from pipelines.quality.indicators import judge_indicators, stored_count
from pipelines.quality.pack import load_pack
from pipelines.report.board_trust import identity
from pipelines.study.load import Protocol
from pipelines.verification import verifications
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import CLOSED, create_table, insert_rows
from pipelines.warehouse.published import BLINDED, MANIFEST
from pipelines.warehouse.quoting import identifier, identifiers, literal
from pipelines.warehouse.study_tables import create_study_tables
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

MEMORY = Path(":memory:")
CURRENCY = Path(__file__).parents[2] / "sql" / "quality" / "currency.sql"  # reads what a snapshot holds, and limits
JUDGED = ("quality.kri", "quality.check_card")
BOARD = {
    "board.weekly": "kind, name, site_id, week DATE, as_of DATE, numerator BIGINT, denominator BIGINT, value DOUBLE, "
    "threshold DOUBLE, minimum BIGINT, status",
    "board.shown": "kind, name, site_id, tonight, status, since DATE, pending BIGINT",
    "board.moved": "number, site_id, denominator_before BIGINT, numerator_before BIGINT, denominator BIGINT, "
    "numerator BIGINT",
    "board.explained": "number, site_id, side, part, n BIGINT",
    "board.changed_status": "kind, name, site_id, before, now, change",
    "board.last_pack": "week DATE, as_of DATE, snapshot_id, compared BOOLEAN",
    "board.rule_change": "what, before, now, reason",
    "board.handle": "name, site_id, handle",
    "board.night": "started_at, finished_at, as_of DATE, outcome",
    "board.identity": "n_received BIGINT, received_digest, tables_digest, before_digest",
    "board.audit": "chain_holds BOOLEAN, ledger_holds BOOLEAN, n_unexplained BIGINT",
    "board.verification": "position BIGINT, made_on DATE, from_backup BOOLEAN, digests_hold BOOLEAN, "
    "chain_holds BOOLEAN, rebuilt, seconds BIGINT",
}
WORSE = {"OK": 0, "WATCH": 1, "ACTION": 2}


@contextmanager
def board_data(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory that holds the report's tables and nothing else of the snapshot's."""
    import duckdb

    con = duckdb.connect(config=dict(CLOSED))
    try:
        con.execute("SET TimeZone = 'UTC'")
        _take_safe(con, workspace.snapshots / snapshot_id / BLINDED)
        _judge(con, protocol)
        _take_history(con, workspace, protocol, snapshot_id)
        yield con
    finally:
        con.close()


def _take_safe(con: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Copy the columns that the snapshot's own dictionary calls safe; the file itself is let go of."""
    con.execute(f"ATTACH {literal(str(database))} AS snapshot (READ_ONLY)")
    marked = con.execute(
        "SELECT table_name, list(column_name ORDER BY position) FROM snapshot.meta.column_dictionary "
        "WHERE blinding = 'safe' GROUP BY table_name ORDER BY table_name"
    ).fetchall()
    for table, columns in marked:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(table.split('.')[0])}")
        source = f"snapshot.{identifier(table)}"
        con.execute(f"CREATE TABLE {identifier(table)} AS SELECT {identifiers(columns)} FROM {source}")  # noqa: S608
    con.execute("DETACH snapshot")


def _judge(con: duckdb.DuckDBPyConnection, protocol: Protocol) -> None:
    """The protocol's tables; and the statuses anew, where the study file or the program is not the snapshot's."""
    ((as_of, code, study),) = con.execute("SELECT as_of, code_version, study_digest FROM meta.snapshot").fetchall()
    create_study_tables(con, protocol, as_of, code, file=MEMORY)
    if (code, study) != (code_version(), protocol.digest):
        judge_anew(con, protocol)


def judge_anew(con: duckdb.DuckDBPyConnection, protocol: Protocol) -> None:
    """The statuses of the snapshot's counts, by this study file."""
    kri, cards = (_records(con, name) for name in JUDGED)
    write_table(con, "quality.kri", judge_indicators([stored_count(row) for row in kri], protocol.study))
    judged = [judge_again(card, protocol.study) for card in cards]
    write_table(con, "quality.check_card", judged)
    write_table(con, "quality.check_grid", check_grid(judged))
    con.execute(f"CREATE OR REPLACE TABLE quality.currency AS {CURRENCY.read_text(encoding='utf-8')}")


def _records(con: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    cursor = con.execute(f"SELECT * FROM {identifier(table)} ORDER BY ALL")  # noqa: S608
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _take_history(con: duckdb.DuckDBPyConnection, workspace: Workspace, protocol: Protocol, snapshot_id: str) -> None:
    ((as_of,),) = con.execute("SELECT as_of FROM meta.snapshot").fetchall()
    weeks = [week for week in load_weeks(workspace) if week.as_of <= as_of]
    before = [week for week in weeks if week.week < sunday_of(as_of)][-1:]
    pack = load_pack(workspace, snapshot_id)
    manifest = json.loads((workspace.snapshots / snapshot_id / MANIFEST).read_bytes())
    rows: dict[str, list[Sequence[Any]]] = {
        "board.weekly": [_weekly(week, value) for week in weeks for value in week.values],
        "board.shown": list(_shown(con, weeks)),
        "board.moved": [row for row in pack["totals"] if row[2:4] != row[4:6]],
        "board.explained": [
            (number, site, side, part, n)
            for number, site, part, *sizes in pack["parts"]
            for side, n in zip(("denominator", "numerator"), sizes, strict=True)
            if n
        ],
        "board.changed_status": list(_changed_statuses(con, before)),
        "board.last_pack": [
            (week.week, week.as_of, week.snapshot_id, pack["before"] == week.week.isoformat()) for week in before
        ],
        "board.rule_change": list(_rule_changes(con, before, protocol, manifest)),
        "board.handle": pack["handles"],
        "board.night": [(n.started_at, n.finished_at, n.as_of, n.outcome) for n in nights(workspace)],
        "board.identity": list(identity(workspace, manifest, before[0].snapshot_id if before else None)),
        "board.audit": [tuple(audit.values()) for audit in pack.get("audit", [])],
        "board.verification": [
            (n, v.made_at[:10], v.from_backup, v.digests_hold, v.chain_holds, v.rebuilt, v.seconds)
            for n, v in enumerate(verifications(workspace))
            if v.snapshot_id <= snapshot_id  # not what was verified after it
        ],
    }
    for name, columns in BOARD.items():
        pairs = [(*part.split(), "VARCHAR")[:2] for part in columns.split(",")]
        types = {pair[0]: pair[1] for pair in pairs}
        create_table(con, name, types, file=MEMORY)
        insert_rows(con, name, rows[name], file=MEMORY)


def _weekly(week: Week, value: Any) -> Sequence[Any]:
    share = value.numerator / value.denominator if value.denominator else None
    counts = value.numerator, value.denominator, share
    return (
        value.kind,
        value.name,
        value.site_id,
        week.week,
        week.as_of,
        *counts,
        value.tolerance,
        value.minimum,
        value.status,
    )


def _tonight(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, Any]]:
    return con.execute("""
        SELECT 'kri', kri, site_id, status FROM quality.kri
        UNION ALL SELECT 'check', check_name, site_id, status FROM quality.check_card ORDER BY ALL
    """).fetchall()


def _shown(con: duckdb.DuckDBPyConnection, weeks: Sequence[Week]) -> Iterator[Sequence[Any]]:
    history: dict[tuple[str, str, str], list[Any]] = {}
    for week in weeks:
        for value in week.values:
            history.setdefault((value.kind, value.name, value.site_id), []).append((week.week, value.status))
    for kind, name, site, status in _tonight(con):
        shown = shown_status(history.get((kind, name, site), []), status)
        yield kind, name, site, status, *asdict(shown).values()


def _changed_statuses(con: duckdb.DuckDBPyConnection, before: Sequence[Week]) -> Iterator[Sequence[Any]]:
    """What is new, worse, better or cleared since the last pack, by the statuses as they were and are."""
    was = {(str(v.kind), v.name, v.site_id): v.status for week in before for v in week.values}
    for kind, name, site, now in _tonight(con):
        then = was.get((kind, name, site))
        if then is not None and then != now:
            yield kind, name, site, then, now, _change(then, now)


def _change(then: str, now: str) -> str:
    if then not in WORSE or now not in WORSE:
        return "other"
    if then == "OK":
        return "new"
    return "cleared" if now == "OK" else "worse" if WORSE[now] > WORSE[then] else "better"


def _rule_changes(
    con: duckdb.DuckDBPyConnection, before: Sequence[Week], protocol: Protocol, manifest: dict[str, Any]
) -> Iterator[Sequence[Any]]:
    """Protocol, program, libraries and thresholds that differ from the last pack's."""
    for week in before:
        now = {
            "study file's version": (week.study_version, protocol.study.version),
            "study file": (week.study_digest, protocol.digest),
            "program": (week.code_version, manifest["code_version"]),
            **{
                f"library {name}": (week.libraries.get(name), version)
                for name, version in manifest["libraries"].items()
            },
        }
        yield from ((what, then, this, None) for what, (then, this) in now.items() if then != this)
        yield from _threshold_changes(con, week)


def _threshold_changes(con: duckdb.DuckDBPyConnection, week: Week) -> Iterator[Sequence[Any]]:
    was = {value.name: (value.tolerance, value.minimum) for value in week.values}
    for name, tolerance, minimum, reason in con.execute("""
        SELECT DISTINCT kri, tolerance, minimum, reason FROM quality.kri
        UNION SELECT DISTINCT check_name, tolerance, minimum, reason FROM quality.check_card ORDER BY ALL
    """).fetchall():
        if name in was and was[name] != (tolerance, minimum):
            then, now = (f"tolerance {t:g}, minimum {m}" for t, m in (was[name], (tolerance, minimum)))
            yield name, then, now, reason
