"""Why a number moved that is no sum: a median, an age, a share of a curve, a rate, a forecast.

What the number is made of is replaced in steps, in the order of `PARTS`: first what new people brought, then new
visits, and so on, the day that counts as today last. The number is reckoned again after each step, by the formula that
made it, rounded as it is shown; a part is what its step moved it by. So the parts add up to the difference exactly,
and what two reasons do together falls to the later one. Where a step leaves nothing to reckon with, the number stays
what it was before the step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pipelines.quality.explain import PARTS, Between, Part

if TYPE_CHECKING:
    import duckdb

Size = tuple[int, int]  # denominator, numerator; of what has none the same number twice
SHARES_BY = (0, 28)  # days after the close of a visit's window
# The days to receipt (K03), newest days (K06, screened), and the waiting times of forms (K04) and queries (K12), each
# unit as it was before its step and as it is from it on.
_AT_STEPS = """
    WITH version AS (
        SELECT b.number, b.site_id, b.value, b.x, b.first_on, 0 AS from_step,
            coalesce(list_position($parts, r.part), len($parts) + 1) AS to_step
        FROM {before} AS b
        LEFT JOIN reasoned AS r ON r.thing = b.number AND r.site_id = b.site_id AND r.unit = b.unit
        UNION ALL
        SELECT a.number, a.site_id, a.value, a.x, a.first_on, list_position($parts, r.part) AS from_step,
            len($parts) + 1 AS to_step
        FROM {after} AS a
        JOIN reasoned AS r ON r.thing = a.number AND r.site_id = a.site_id AND r.unit = a.unit
    ),
    grouped AS (
        SELECT number, site_id, from_step, to_step, value,
            CASE WHEN value IS NULL AND (number = 'K12' OR number = 'K04' AND x = 1) THEN first_on END AS waits_from,
            count(*) AS n
        FROM version
        WHERE number IN ('K03', 'K04', 'K06', 'K12', 'screened')
        GROUP BY ALL
    ),
    at_step AS (
        SELECT g.*, s.step, CASE WHEN s.step = len($parts) THEN $later ELSE $earlier END AS day
        FROM grouped AS g
        JOIN (SELECT unnest(range(len($parts) + 1)) AS step) AS s ON s.step >= g.from_step AND s.step < g.to_step
    ),
    ranked AS (
        SELECT number, site_id, step, value,
            sum(sum(n)) OVER (PARTITION BY number, site_id, step ORDER BY value) AS so_far,
            sum(sum(n)) OVER (PARTITION BY number, site_id, step) AS in_all
        FROM at_step
        WHERE number = 'K03' AND value IS NOT NULL
        GROUP BY number, site_id, step, value
    ),
    waited AS (
        SELECT number, unnest([site_id, '']) AS site_id, step, n, value IS NOT NULL AS ended,
            coalesce(value, greatest(day - waits_from, 0)) AS days
        FROM at_step
        WHERE number = 'K12' OR (number = 'K04' AND (value IS NOT NULL OR waits_from < day))
    ),
    at_risk AS (
        SELECT number, site_id, step, days, sum(n) FILTER (ended) AS n_ended,
            sum(sum(n)) OVER (
                PARTITION BY number, site_id, step ORDER BY days ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            ) AS n_at_risk
        FROM waited
        GROUP BY number, site_id, step, days
    ),
    curve AS (
        SELECT number, site_id, step, days,
            round(product(CAST(n_at_risk - coalesce(n_ended, 0) AS DOUBLE) / n_at_risk) OVER (
                PARTITION BY number, site_id, step ORDER BY days ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ), 12) AS share_waiting
        FROM at_risk
    ),
    found AS (
        SELECT 'lag_median' AS number, site_id, step, min(value) FILTER (so_far >= 0.5 * in_all) AS value
        FROM ranked GROUP BY site_id, step
        UNION ALL
        SELECT 'lag_p90' AS number, site_id, step, min(value) FILTER (so_far >= 0.9 * in_all) AS value
        FROM ranked GROUP BY site_id, step
        UNION ALL
        SELECT CASE WHEN number = 'K06' THEN 'age|questionnaires' ELSE 'age|participants' END AS number, site_id, step,
            max(day) - DATE '1970-01-01' - max(value) AS value
        FROM at_step WHERE number IN ('K06', 'screened') GROUP BY number, site_id, step
        UNION ALL
        SELECT 'share_by|' || d.days AS number, c.site_id, c.step,
            round(100 * (1 - coalesce(min(c.share_waiting) FILTER (c.days <= d.days), 1))) AS value
        FROM curve AS c CROSS JOIN (SELECT unnest($shares_by) AS days) AS d
        WHERE c.number = 'K04' GROUP BY d.days, c.site_id, c.step
        UNION ALL
        SELECT CASE WHEN number = 'K12' THEN 'close_median' ELSE 'received_median' END AS number, site_id, step,
            min(days) FILTER (share_waiting <= 0.5) AS value
        FROM curve GROUP BY number, site_id, step
    )
    SELECT number, site_id, step, CAST(value AS BIGINT) FROM found WHERE value IS NOT NULL ORDER BY ALL
"""


@dataclass(frozen=True)
class Steps:
    """A number before any step and after each: one more size than there are parts; None where nothing is known."""

    number: str
    site_id: str
    sizes: Sequence[Size | None]


def ranked_in_steps(con: duckdb.DuckDBPyConnection, before: str, after: str, between: Between) -> list[Steps]:
    """Medians, ages and shares of curves; what `explain` left in `reasoned` says which unit changes at which step."""
    sql = _AT_STEPS.format(before=before, after=after)
    days = {"earlier": between.earlier, "later": between.later}
    found: dict[tuple[str, str], dict[int, Size]] = {}
    given = {"parts": list(PARTS), "shares_by": list(SHARES_BY)} | days
    for number, site, step, value in con.execute(sql, given).fetchall():
        found.setdefault((number, site), {})[step] = (value, value)
    return [Steps(*key, [sizes.get(step) for step in range(len(PARTS) + 1)]) for key, sizes in found.items()]


def as_shown(value: float, decimals: int) -> Size:
    """A number with as many decimals as are shown, without its point."""
    found = int(f"{value:.{decimals}f}".replace(".", ""))
    return found, found


def totals_of(steps: Iterable[Steps]) -> Iterator[tuple[str, str, Size, Size]]:
    """Each number then and now, of those that were known both times."""
    for one in steps:
        first, last = one.sizes[0], one.sizes[-1]
        if first is not None and last is not None:
            yield one.number, one.site_id, first, last


def parts_of(steps: Iterable[Steps]) -> Iterator[Part]:
    """What each step moved, of the numbers that were known both times."""
    for one in steps:
        if one.sizes[0] is None or one.sizes[-1] is None:
            continue
        known = [one.sizes[0]]
        for size in one.sizes[1:]:
            known.append(known[-1] if size is None else size)
        for part, (was, now) in zip(PARTS, pairwise(known), strict=True):
            if was != now:
                yield Part(one.number, one.site_id, part, now[0] - was[0], now[1] - was[1])
