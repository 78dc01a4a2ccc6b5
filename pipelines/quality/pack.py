"""What a published night leaves for the board's report beside its snapshot: its week, why numbers moved, and handles.

All of it lies in `store/history/`, outside the digest of the tables: it depends on the nights before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.made_before import made_before
from pipelines.own_words import in_own_words
from pipelines.quality.audit_chain import first_broken_link
from pipelines.quality.audit_ledger import judge_present
from pipelines.quality.central_steps import central_in_steps
from pipelines.quality.derived_steps import indicators_in_steps, kinds_of_checks
from pipelines.quality.explain import Between, explain
from pipelines.quality.handles import HandleOf, site_handles
from pipelines.quality.history import (
    UnitsKind,
    Value,
    Week,
    folder_of,
    is_kept,
    load_weeks,
    save_week,
    sunday_of,
    units_file,
)
from pipelines.quality.in_steps import parts_of, ranked_in_steps, totals_of
from pipelines.quality.numbers import CENTRAL, CHECKED, FEWEST, TONIGHT, UNITS, Kept, make_numbers, refusals_of
from pipelines.quality.recruitment_steps import Recruitment, recruitment_from, recruitment_in_steps, recruitment_now
from pipelines.study.grid import load_grid
from pipelines.study.indicator import load_indicators
from pipelines.study.load import Protocol
from pipelines.study.study import Study
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import CLOSED, open_build
from pipelines.warehouse.fingerprint import rows_digest
from pipelines.warehouse.published import BLINDED, MANIFEST, UNBLINDED, id_of
from pipelines.warehouse.quoting import literal
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

DESCRIBING = ("quality.instrument", "meta.column_dictionary")  # tables whose change is a change of the dictionary
# The units that are kept with each week: table, name of the file, order.
KEPT: tuple[tuple[str, UnitsKind, str], ...] = (
    (UNITS, "units", "number, site_id, unit"),
    (CHECKED, "checks", "checks, site_id, unit"),
    (CENTRAL, "central", "kind, measure, site_id, unit"),
)
MOST = 20  # handles a check and site
NOTHING: dict[str, Any] = {"handles": [], "audit": [], "before": None, "parts": [], "totals": []}
_VALUES = """
    SELECT 'kri', kri, site_id, numerator, denominator, tolerance, minimum, reason, status FROM quality.kri
    UNION ALL
    SELECT 'check', check_name, site_id, n_failing, n_evaluated, tolerance, minimum, reason, status
    FROM quality.check_card
    ORDER BY ALL
"""
_FAILING = """
    SELECT kri, site_id, 'quality.counted_unit', kri || '|' || unit FROM quality.bad_unit
    UNION ALL
    SELECT
        CASE WHEN r.rule IS NULL THEN 'refused_' || q.rule ELSE q.rule END, q.site_id, 'quality.data_query', q.query_id
    FROM quality.data_query AS q
    LEFT JOIN (SELECT DISTINCT rule FROM quality.query_rule) AS r ON r.rule = q.rule
    WHERE q.blinding = 'safe' AND q.status IN ('open', 'miscorrected')
"""
_TOTALS = """
    SELECT number, site_id, CAST(coalesce(b.n, 0) AS BIGINT), CAST(coalesce(b.x, 0) AS BIGINT),
        CAST(coalesce(a.n, 0) AS BIGINT), CAST(coalesce(a.x, 0) AS BIGINT)
    FROM (SELECT number, site_id, sum(n) AS n, sum(x) AS x FROM {before} GROUP BY ALL) AS b
    FULL JOIN (SELECT number, site_id, sum(n) AS n, sum(x) AS x FROM {after} GROUP BY ALL) AS a USING (number, site_id)
    ORDER BY number, site_id
"""


def _made(workspace: Workspace, protocol: Protocol, folder: Path) -> tuple[Week, dict[str, Any]]:
    """The week of the snapshot in `folder`, and what its night's report needs."""
    with _opened(folder / BLINDED) as con:
        week = _week(con, protocol, folder)
    earlier = [other for other in load_weeks(workspace) if other.week < week.week]
    content = dict(NOTHING)
    with _opened(folder / UNBLINDED) as con:
        content["handles"] = _handles(con, workspace)
        content["audit"] = [_audit(con, workspace)]
    with open_build(workspace) as con:
        recruitment = recruitment_now(con)
        week = replace(week, recruitment=asdict(recruitment))
        if earlier:
            content |= _moved(con, workspace, earlier[-1], week, recruitment, protocol.study)
    return week, content


def record_pack(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> None:
    """Keep the week of a night that was just published, if it is the week's first, and what its report needs.

    The night's build must still be there: the units behind the numbers are in no snapshot.
    """
    week, content = _made(workspace, protocol, workspace.snapshots / snapshot_id)
    if not is_kept(workspace, week.week):
        with open_build(workspace) as con:
            for table, kind, order in KEPT:
                _keep(con, table, order, units_file(workspace, week.week, kind))
    save_week(workspace, week)
    path = night_file(workspace, snapshot_id)
    effects.make_directory(path.parent)
    effects.write(path, json.dumps(content, ensure_ascii=False, indent=1).encode())


def try_record_pack(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> list[str]:
    """The same in a night, which is published by then: returns a sentence where it could not be kept."""
    try:
        record_pack(workspace, protocol, snapshot_id)
    except Exception as error:  # noqa: BLE001 (the report says what it lacks)
        return [f"The week's history could not be kept: {in_own_words(error)}"]
    return []


def night_file(workspace: Workspace, snapshot_id: str) -> Path:
    return folder_of(workspace) / "nights" / f"{snapshot_id}.json"


def load_pack(workspace: Workspace, snapshot_id: str) -> dict[str, Any]:
    """`handles`, `audit`, `before` (the week compared with), `parts` and `totals`; empty where the night left none."""
    path = night_file(workspace, snapshot_id)
    return NOTHING | (json.loads(path.read_bytes()) if path.exists() else {})


def _opened(path: Path) -> Any:
    import duckdb

    return duckdb.connect(str(path), read_only=True, config=dict(CLOSED))


def _week(con: duckdb.DuckDBPyConnection, protocol: Protocol, folder: Path) -> Week:
    ((as_of, built_at, study_digest, code_version),) = con.execute(
        "SELECT as_of, built_at, study_digest, code_version FROM meta.snapshot"
    ).fetchall()
    manifest = json.loads((folder / MANIFEST).read_bytes())
    tables: Mapping[str, Any] = manifest["files"][BLINDED]["tables"]
    return Week(
        week=sunday_of(as_of),
        as_of=as_of,
        built_at=built_at.isoformat(),
        snapshot_id=id_of(folder),
        study_version=protocol.study.version,
        study_digest=study_digest,
        code_version=code_version,
        dictionary_digest=" ".join(tables[name]["digest"] for name in DESCRIBING if name in tables),
        libraries=manifest["libraries"],
        values=[Value(*row) for row in con.execute(_VALUES).fetchall()],
    )


def _handles(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[list[str]]:
    """(check or indicator, site, handle): of what fails, up to twenty each, in the order of the handles.

    Kept from night to night: thousands of handles are made to find those twenty."""
    sites = con.execute(f"SELECT DISTINCT site_id FROM ({_FAILING}) ORDER BY ALL").fetchall()  # noqa: S608
    calls = {site: site_handles(workspace, site) for (site,) in sites}
    keys = {site: call("", "") for site, call in calls.items()}  # the handle of nothing tells a key from another
    made_of = repr((rows_digest(con, f"({_FAILING})"), keys, code_version()))
    kept: list[list[str]] = made_before(
        folder_of(workspace) / "handles", made_of, lambda: list(_made_handles(con, calls))
    )
    return kept


def _made_handles(con: duckdb.DuckDBPyConnection, calls: Mapping[str, HandleOf]) -> Iterator[list[str]]:
    cards = {indicator.kri: indicator.limit for indicator in load_indicators()} | load_grid().twins
    found: dict[tuple[str, str], set[str]] = {}
    for name, site, table, key in con.execute(_FAILING).fetchall():
        made = calls[site](table, key)
        for called in {name, cards.get(name, name)}:
            found.setdefault((called, site), set()).add(made)
    for (name, site), handles in sorted(found.items()):
        yield from ([name, site, one] for one in sorted(handles)[:MOST])


def _audit(con: duckdb.DuckDBPyConnection, workspace: Workspace) -> dict[str, Any]:
    """Whether the chain of changes of a snapshot holds, and whether every earlier night's is its beginning; no counts,
    for the chain also holds corrections of files that tell arms."""
    con.execute("SET TimeZone = 'UTC'")
    ledger = judge_present(workspace, con)
    return {
        "chain_holds": first_broken_link(con) is None,
        "ledger_holds": ledger.broken_line is None,
        "n_unexplained": sum(not night.reasons for night in ledger.rechained),
    }


def _moved(
    con: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    before: Week,
    after: Week,
    recruitment: Recruitment,
    study: Study,
) -> dict[str, Any]:
    kept = _kept(con, workspace, before)
    if kept is None:
        return {}
    refusals = refusals_of(con, kept, TONIGHT)
    was = make_numbers(con, "units_before", kept, refusals, before.as_of)
    now = make_numbers(con, "units_after", TONIGHT, refusals, after.as_of)
    between = Between(
        before.as_of,
        after.as_of,
        datetime.fromisoformat(before.built_at),
        before.study_digest != after.study_digest,
        (before.code_version, before.dictionary_digest) != (after.code_version, after.dictionary_digest),
    )
    parts = explain(con, was, now, between)
    totals = [row for row in con.execute(_TOTALS.format(before=was, after=now)).fetchall() if _may_be_told(row)]
    steps = ranked_in_steps(con, was, now, between) + central_in_steps(con, kept.central, CENTRAL, study)
    if before.recruitment:
        was_recruited = recruitment_from(before.recruitment)
        steps += recruitment_in_steps(was_recruited, recruitment, parts, between.rules_changed)
    steps += indicators_in_steps(before.values, after.values, parts, study)
    kinds, kinds_moved = kinds_of_checks(totals, parts)
    totals += kinds
    told = {(number, site) for number, site, *_ in totals}
    return {
        "before": before.week.isoformat(),
        "parts": [
            list(asdict(part).values())
            for part in (
                *(part for part in (*parts, *kinds_moved) if (part.number, part.site_id) in told),
                *parts_of(steps),
            )
        ],
        "totals": [*(list(row) for row in totals), *([n, s, *first, *last] for n, s, first, last in totals_of(steps))],
    }


def _kept(con: duckdb.DuckDBPyConnection, workspace: Workspace, week: Week) -> Kept | None:
    """The week's units; None where they are lost, or an earlier version of the program kept less of them."""
    files = [units_file(workspace, week.week, kind) for _, kind, _ in KEPT]
    if not all(file.exists() for file in files):
        return None
    read = [f"read_parquet({literal(str(file))})" for file in files]
    same = all(_columns(con, one) == _columns(con, table) for one, (table, _, _) in zip(read, KEPT, strict=True))
    return Kept(*read) if same else None


def _columns(con: duckdb.DuckDBPyConnection, units: str) -> list[str]:
    return [column[0] for column in con.execute(f"SELECT * FROM {units} LIMIT 0").description or []]  # noqa: S608


def _may_be_told(total: tuple[str, str, int, int, int, int]) -> bool:
    """Not of a pattern that fewer people have or had than may be told of, and not what statistics are made of."""
    number, _, before, _, after, _ = total
    if number.startswith("central|"):
        return False
    return not number.startswith("pattern|") or min(before, after) >= FEWEST


def _keep(con: duckdb.DuckDBPyConnection, table: str, order: str, path: Path) -> None:
    effects.make_directory(path.parent)
    hidden = path.with_name(f".{path.name}.writing")
    kept = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608
    effects.execute(con, f"COPY ({kept}) TO {literal(str(hidden))} (FORMAT parquet, COMPRESSION zstd)", file=hidden)
    effects.settle(hidden, effects.PRIVATE_FILE)
    effects.rename(hidden, path)
