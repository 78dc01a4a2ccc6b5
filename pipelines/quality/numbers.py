"""More of the report's numbers out of the units that are kept: what follows from the indicators' units needs no own.

A check's number is `check|<its name>`. The four checks that an indicator judges too have none: it is the indicator's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipelines.warehouse.quoting import identifier

if TYPE_CHECKING:
    import duckdb

UNITS, CHECKED, CENTRAL = "quality.counted_unit", "quality.checked_unit", "quality.central_unit"
AGES = {"0_7": 7, "8_14": 14, "15_30": 30, "31_60": 60}  # days that an open query's age is at most; older: over_60
FEWEST = 5  # people of a pattern that may be told of, as in quality.missing_pattern
_AGE = " ".join(f"WHEN $day - first_on <= {days} THEN '{name}'" for name, days in AGES.items())
_OLDER_ON = " ".join(f"WHEN $day - first_on <= {days} THEN first_on + {days + 1}" for days in AGES.values())
_NUMBERS = f"""
    WITH kept AS (SELECT * FROM {{units}}),
    -- By visit and instrument, as in quality.completeness: forms received, of those received or overdue; of those
    -- received the ones that cannot be scored; of their items the ones left out.
    form AS (
        SELECT * REPLACE (
            unnest(['forms|', 'unscored|', 'items|']) || split_part(unit, '|', -2) || '|' || split_part(unit, '|', -1)
                AS number,
            unnest([n, n - x, n_items]) AS n,
            unnest([n - x, n_unscored, n_items - CASE WHEN n_items > 0 THEN n_evidence ELSE 0 END]) AS x,
            NULL AS value
        )
        FROM kept WHERE number = 'K04'
    ),
    -- Who returned a form at a visit, of those from whom one came or is overdue, as in quality.visit_return.
    returned AS (
        SELECT * REPLACE (
            'return|' || split_part(number, '|', 2) AS number,
            CASE WHEN number LIKE '%|received' THEN 1 ELSE 0 END AS x,
            NULL AS turns_on
        )
        FROM kept WHERE number LIKE 'visit|%|received' OR number LIKE 'visit|%|overdue'
    ),
    -- Every query in one state, as in quality.query_summary: open for so many days, closed, or answered.
    query AS (
        SELECT * REPLACE (
            'queries|' || CASE
                WHEN n_evidence > 0 THEN CASE {_AGE} ELSE 'over_60' END
                WHEN value IS NOT NULL THEN 'closed'
                ELSE 'answered'
            END AS number,
            1 AS x, NULL AS value,
            CASE WHEN n_evidence > 0 THEN CASE {_OLDER_ON} END END AS turns_on
        )
        FROM kept WHERE number = 'K12'
    ),
    -- Which forms of the visit of the primary outcome a person misses, as in quality.missing_pattern.
    missed AS (
        SELECT *, split_part(unit, '|', -1) AS form
        FROM kept
        WHERE number = 'K04' AND split_part(unit, '|', -2) = (SELECT primary_avisit FROM study.setting)
    ),
    pattern AS (
        SELECT
            'pattern|' || coalesce(string_agg(CASE WHEN x = 1 THEN form END, ', ' ORDER BY form), '') AS number,
            '' AS site_id, usubjid AS unit, usubjid, 1 AS n, 1 AS x, max(first_on) AS first_on,
            max(changed_at) AS changed_at, CAST(sum(n_evidence) AS BIGINT) AS n_evidence
        FROM missed
        GROUP BY usubjid
    ),
    -- Each check of a unit, as in quality.check_card; of what sets rows aside on reading, every rule that did in either
    -- report is a check of all rows that stand.
    checked AS (
        SELECT * FROM {{checked}} WHERE NOT starts_with(checks, 'refused_') OR checks = 'refused_deliveries'
    ),
    asked AS (
        SELECT * EXCLUDE (checks), unnest(
            CASE WHEN checks = 'refused' THEN CAST($refusals AS VARCHAR[]) ELSE string_split(checks, ',') END
        ) AS check_name
        FROM checked
    ),
    card AS (
        SELECT
            'check|' || a.check_name AS number, a.site_id, a.unit, a.usubjid, a.n,
            CASE WHEN list_contains(string_split(a.failing, ','), a.check_name) THEN a.x ELSE coalesce(r.x, 0) END AS x,
            a.first_on, a.turns_on, a.came_at, a.changed_at,
            CASE WHEN list_contains(string_split(a.answered, ','), a.check_name) THEN 1 ELSE a.n_evidence END
                AS n_evidence
        FROM asked AS a
        LEFT JOIN {{checked}} AS r
            ON r.checks = a.check_name AND starts_with(r.checks, 'refused_') AND r.checks <> 'refused_deliveries'
            AND r.site_id = a.site_id AND r.unit = a.unit
    ),
    -- No numbers, but what statistics are made of: which part each belongs to, pipelines.quality.central_steps asks.
    central AS (
        SELECT
            concat_ws('|', 'central', kind, measure) AS number, site_id, unit, usubjid, 1 AS n, x, first_on, came_at,
            changed_at, 0 AS n_evidence,
            coalesce(CAST(round(value * 1000000) AS BIGINT), CAST(hash(code) >> 2 AS BIGINT), 0) AS value
        FROM {{central}}
    )
    SELECT * FROM kept
    UNION ALL BY NAME SELECT * FROM form
    UNION ALL BY NAME SELECT * FROM returned
    UNION ALL BY NAME SELECT * FROM query
    UNION ALL BY NAME SELECT * FROM pattern
    UNION ALL BY NAME SELECT * FROM card
    UNION ALL BY NAME SELECT * FROM central
"""  # noqa: S608


@dataclass(frozen=True)
class Kept:
    """What SQL reads the units of a report from."""

    units: str
    checked: str
    central: str


TONIGHT = Kept(UNITS, CHECKED, CENTRAL)


def make_numbers(con: duckdb.DuckDBPyConnection, name: str, kept: Kept, refusals: Sequence[str], day: date) -> str:
    """Make the temporary table `name`: the units of `day`, which SQL reads from `kept`, and what follows from them.

    `refusals`: the checks of rows set aside that either report has. Returns the table's name.
    """
    sql = _NUMBERS.format(units=kept.units, checked=kept.checked, central=kept.central)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS {sql}", {"day": day, "refusals": list(refusals)})
    return name


def refusals_of(con: duckdb.DuckDBPyConnection, *kept: Kept) -> list[str]:
    """The checks of rows set aside that any of the reports has."""
    either = " UNION ALL ".join(f"SELECT checks FROM {one.checked}" for one in kept)  # noqa: S608
    refusal = "starts_with(checks, 'refused_') AND checks <> 'refused_deliveries'"
    rows = con.execute(f"SELECT DISTINCT checks FROM ({either}) WHERE {refusal} ORDER BY checks").fetchall()  # noqa: S608
    return [name for (name,) in rows]
