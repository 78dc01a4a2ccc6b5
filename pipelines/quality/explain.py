"""Why a number moved since the last report: every unit that changed is moved once, in a stated order, for one reason.

The units behind the numbers (`quality.counted_unit`) are kept with each week. A number is the sum of its units, so what
the units moved for the parts adds up to the difference exactly; nothing is estimated. The first reason that holds:

1. new_participants: the person was not there before.
2. cut_off_change: nothing came; the calendar alone took the unit away or turned it.
3. new_visits: the unit is of a day since the last report (or a visit that has become due since).
4. query_resolutions: queries behind it were opened, answered or closed.
5. corrections: its data were corrected or withdrawn since.
6. late_entries: data of a day before the last report came since.
7. rule_change, dictionary_change: the study file, or the program and its instruments, changed, and nothing else did.
8. else cut_off_change where the day is another, and corrections where it is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

PARTS = (
    "new_participants",
    "new_visits",
    "late_entries",
    "corrections",
    "query_resolutions",
    "rule_change",
    "dictionary_change",
    "cut_off_change",
)
FORMS = "forms|"
_MOVED = """
    WITH before AS (SELECT * FROM {before}), after AS (SELECT * FROM {after}),
    person AS (SELECT DISTINCT usubjid FROM before WHERE usubjid IS NOT NULL),
    changed AS (SELECT usubjid, max(changed_at) AS changed_at FROM after GROUP BY usubjid),
    pair AS (
        SELECT
            coalesce(a.number, b.number) AS number,
            coalesce(a.site_id, b.site_id) AS site_id,
            coalesce(a.usubjid, b.usubjid) AS usubjid,
            b.number IS NOT NULL AS was, a.number IS NOT NULL AS is_now,
            coalesce(a.n, 0) - coalesce(b.n, 0) AS n, coalesce(a.x, 0) - coalesce(b.x, 0) AS x,
            a.first_on, coalesce(b.turns_on > $earlier AND b.turns_on <= $later, FALSE) AS turned,
            a.came_at, a.changed_at,
            a.n_evidence IS DISTINCT FROM b.n_evidence AS other_evidence
        FROM before AS b
        FULL JOIN after AS a ON a.number = b.number AND a.site_id = b.site_id AND a.unit = b.unit
        WHERE a.n IS DISTINCT FROM b.n OR a.x IS DISTINCT FROM b.x
    )
    SELECT p.number, p.site_id,
        CASE
            WHEN NOT p.was AND p.usubjid IS NOT NULL AND k.usubjid IS NULL THEN 'new_participants'
            WHEN p.turned AND (NOT p.is_now OR NOT p.other_evidence) THEN 'cut_off_change'
            WHEN NOT p.was AND p.first_on >= $earlier THEN 'new_visits'
            WHEN p.number IN ('K10', 'K11', 'K12', 'open_queries') AND p.was AND p.is_now AND p.other_evidence
                THEN 'query_resolutions'
            WHEN p.changed_at > $built_at OR (NOT p.is_now AND c.changed_at > $built_at) THEN 'corrections'
            WHEN p.came_at > $built_at OR (p.was AND p.is_now AND p.other_evidence) THEN 'late_entries'
            WHEN $dictionary_changed AND (p.number IN ('K05', 'K06') OR NOT $rules_changed) THEN 'dictionary_change'
            WHEN $rules_changed THEN 'rule_change'
            WHEN $later <> $earlier THEN 'cut_off_change'
            ELSE 'corrections'
        END AS part,
        CAST(sum(p.n) AS BIGINT) AS denominator, CAST(sum(p.x) AS BIGINT) AS numerator
    FROM pair AS p
    LEFT JOIN person AS k ON k.usubjid = p.usubjid
    LEFT JOIN changed AS c ON c.usubjid = p.usubjid
    GROUP BY ALL
    HAVING sum(p.n) <> 0 OR sum(p.x) <> 0
    ORDER BY ALL
"""


@dataclass(frozen=True)
class Between:
    """What lies between two reports: their days, when the earlier was built, and what changed of the rules."""

    earlier: date
    later: date
    built_at: datetime
    rules_changed: bool
    dictionary_changed: bool


@dataclass(frozen=True)
class Part:
    """By how much a site's number moved for one reason."""

    number: str
    site_id: str
    part: str
    denominator: int
    numerator: int


def with_forms(units: str) -> str:
    """The units, and once more those of K04 under the visit and instrument that each form is of: `forms|WEEK 8|phq9`
    counts the forms received among those received or overdue, as `quality.completeness` does."""
    number = f"'{FORMS}' || split_part(unit, '|', -2) || '|' || split_part(unit, '|', -1)"
    again = f"SELECT * REPLACE ({number} AS number, n - x AS x) FROM {units} WHERE number = 'K04'"  # noqa: S608
    return f"(SELECT * FROM {units} UNION ALL {again})"  # noqa: S608


def explain(con: duckdb.DuckDBPyConnection, before: str, after: str, between: Between) -> list[Part]:
    """The parts of every number that moved; `before` and `after` are what SQL reads the units of each report from."""
    sql = _MOVED.format(before=before, after=after)
    return [Part(*row) for row in con.execute(sql, vars(between)).fetchall()]
