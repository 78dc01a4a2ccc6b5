"""Why a number moved since the last report: every unit that changed is moved once, in a stated order, for one reason.

The units behind the numbers (`quality.counted_unit`, `quality.checked_unit`, and what `pipelines.quality.numbers` makes
of them) are kept with each week. A number is the sum of its units, so what the units moved for the parts adds up to the
difference exactly; nothing is estimated. A unit that is always in one of several states (a person at a visit, a night
of the calendar, a query by its age) leaves one number and enters another for the same reason. The first reason that
holds:

1. new_participants: the person was not there before.
2. cut_off_change: nothing came; the calendar alone took the unit away, turned it, or lets it count now.
3. query_resolutions: queries behind it were opened, answered or closed.
4. new_visits: the unit is of a day since the last report (or a visit that has become due since).
5. late_entries: a form of a day before the last report first came since, and is none whose date or visit was corrected
   (then another form of the same person and instrument is gone).
6. corrections: its data were corrected or withdrawn since.
7. late_entries: other data of a day before the last report came since.
8. rule_change, dictionary_change: the study file, or the program and its instruments, changed, and nothing else did.
9. else cut_off_change where the day is another, and corrections where it is the same.

A night of the arrival calendar is new or drops out with the calendar; it changes by files that came late, else by the
rules. Of what checks count in files: new_visits where a file of a day since the last report came, late_entries where
one of an earlier day did, else the rules, else corrections (a refused file was made good, a later one stands in its
place). A source is overdue by the calendar or the rules, and no longer so by a file that came late. A rule's query
answered, or its answer void, is query_resolutions; closed by a correction it is that correction.
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
_IN_FILES = "^check\\|(quarantined|refused|drift)_"
_REASONED = """
    CREATE OR REPLACE TEMP TABLE reasoned AS
    WITH thing AS (
        SELECT *, CASE
            WHEN number LIKE 'visit|%' OR number LIKE 'nights|%'
                THEN split_part(number, '|', 1) || '|' || split_part(number, '|', 2)
            WHEN number LIKE 'queries|%' THEN 'queries'
            WHEN number LIKE 'pattern|%' THEN 'pattern'
            ELSE number
        END AS thing
        FROM (SELECT *, TRUE AS is_now FROM {after} UNION ALL BY NAME SELECT *, FALSE AS is_now FROM {before})
    ),
    before AS (SELECT * FROM thing WHERE NOT is_now),
    after AS (SELECT * FROM thing WHERE is_now),
    person AS (SELECT DISTINCT usubjid FROM before WHERE usubjid IS NOT NULL),
    changed AS (SELECT usubjid, max(changed_at) AS changed_at FROM after GROUP BY usubjid),
    -- Instruments of which a form of the person is there no longer: what is new of them may be that form, corrected.
    gone AS (
        SELECT b.usubjid, list(DISTINCT split_part(b.unit, '|', 2)) AS instruments
        FROM before AS b
        ANTI JOIN after AS a ON a.thing = b.thing AND a.site_id = b.site_id AND a.unit = b.unit
        WHERE b.thing = 'K06'
        GROUP BY b.usubjid
    ),
    pair AS (
        SELECT
            coalesce(a.thing, b.thing) AS thing, coalesce(a.site_id, b.site_id) AS site_id,
            coalesce(a.unit, b.unit) AS unit, coalesce(a.usubjid, b.usubjid) AS usubjid,
            b.number AS left_number, b.n AS left_n, b.x AS left_x, coalesce(b.n_evidence, 0) = 0 AS was_bare,
            a.number AS entered_number, a.n AS entered_n, a.x AS entered_x,
            b.number IS NOT NULL AS was, a.number IS NOT NULL AS is_now,
            a.number IS NOT DISTINCT FROM b.number AND a.n = b.n AND a.x = b.x AS same,
            b.value IS NULL AND a.value IS NOT NULL AS counts_now,
            a.first_on, coalesce(b.turns_on > $earlier AND b.turns_on <= $later, FALSE) AS turned,
            a.came_at, a.changed_at,
            coalesce(a.n_evidence, 0) <> coalesce(b.n_evidence, 0) AS other_evidence
        FROM before AS b
        FULL JOIN after AS a ON a.thing = b.thing AND a.site_id = b.site_id AND a.unit = b.unit
        WHERE a.number IS DISTINCT FROM b.number OR a.n <> b.n OR a.x <> b.x OR a.value IS DISTINCT FROM b.value
            OR a.first_on IS DISTINCT FROM b.first_on
    )
    SELECT p.*,
        CASE
            WHEN NOT p.was AND p.usubjid IS NOT NULL AND k.usubjid IS NULL THEN 'new_participants'
            WHEN p.turned AND (NOT p.is_now OR NOT p.other_evidence) THEN 'cut_off_change'
            WHEN p.same AND p.counts_now AND NOT p.other_evidence THEN 'cut_off_change'
            WHEN p.thing LIKE 'nights|%' OR p.thing LIKE 'came|%' THEN CASE
                WHEN NOT p.was AND p.first_on > $earlier THEN 'cut_off_change'
                WHEN p.other_evidence THEN 'late_entries'
                WHEN $rules_changed THEN 'rule_change'
                WHEN $dictionary_changed THEN 'dictionary_change'
                ELSE 'late_entries'
            END
            WHEN p.thing = 'check|overdue_deliveries' THEN CASE
                WHEN p.turned AND p.entered_x > p.left_x THEN 'cut_off_change'
                WHEN p.other_evidence AND NOT coalesce(p.entered_x > p.left_x, FALSE) THEN 'late_entries'
                WHEN $rules_changed THEN 'rule_change'
                WHEN $dictionary_changed THEN 'dictionary_change'
                ELSE 'cut_off_change'
            END
            WHEN regexp_matches(p.thing, '{in_files}') THEN CASE
                WHEN p.came_at > $built_at AND p.first_on >= $earlier THEN 'new_visits'
                WHEN p.came_at > $built_at THEN 'late_entries'
                WHEN $rules_changed THEN 'rule_change'
                WHEN $dictionary_changed THEN 'dictionary_change'
                ELSE 'corrections'
            END
            WHEN (p.thing IN ('K10', 'K11', 'K12', 'open_queries', 'queries') OR p.thing LIKE 'check|%')
                AND p.was AND p.is_now AND p.other_evidence
                THEN 'query_resolutions'
            WHEN (NOT p.was OR p.left_number <> p.entered_number) AND p.first_on >= $earlier THEN 'new_visits'
            WHEN p.came_at > $built_at AND (NOT p.was OR p.was_bare OR p.thing = 'pattern') AND (
                g.usubjid IS NULL OR NOT (
                    p.thing LIKE 'visit|%' OR p.thing IN ('K05', 'pattern')
                    OR list_has_any(g.instruments, string_split(p.unit, '|'))
                )
            ) THEN 'late_entries'
            WHEN p.changed_at > $built_at OR (NOT p.is_now AND c.changed_at > $built_at) THEN 'corrections'
            WHEN p.came_at > $built_at OR (p.is_now AND p.other_evidence) THEN 'late_entries'
            WHEN $dictionary_changed AND (p.thing IN ('K05', 'K06') OR NOT $rules_changed) THEN 'dictionary_change'
            WHEN $rules_changed THEN 'rule_change'
            WHEN $later <> $earlier AND NOT coalesce(p.same, FALSE) THEN 'cut_off_change'
            ELSE 'corrections'
        END AS part
    FROM pair AS p
    LEFT JOIN person AS k ON k.usubjid = p.usubjid
    LEFT JOIN changed AS c ON c.usubjid = p.usubjid
    LEFT JOIN gone AS g ON g.usubjid = p.usubjid
"""
_SUMMED = """
    SELECT number, site_id, part, CAST(sum(n) AS BIGINT) AS denominator, CAST(sum(x) AS BIGINT) AS numerator
    FROM (
        SELECT left_number AS number, site_id, part, -left_n AS n, -left_x AS x FROM reasoned WHERE was
        UNION ALL
        SELECT entered_number AS number, site_id, part, entered_n AS n, entered_x AS x FROM reasoned WHERE is_now
    )
    GROUP BY ALL
    HAVING sum(n) <> 0 OR sum(x) <> 0
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


def explain(con: duckdb.DuckDBPyConnection, before: str, after: str, between: Between) -> list[Part]:
    """The parts of every number that moved; `before` and `after` are what SQL reads the units of each report from.

    Leaves the temporary table `reasoned`: each unit that changed, and the part it belongs to.
    """
    con.execute(_REASONED.format(before=before, after=after, in_files=_IN_FILES), vars(between))
    return [Part(*row) for row in con.execute(_SUMMED).fetchall()]
