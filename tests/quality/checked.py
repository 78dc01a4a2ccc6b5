"""What the units of checks add up to, beside what the checks say."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb

from pipelines.quality.numbers import TONIGHT, make_numbers, refusals_of
from pipelines.study.check import load_checks
from pipelines.study.grid import load_grid
from pipelines.study.indicator import load_indicators

Counts = dict[tuple[str, str], tuple[int, int]]  # by check and site: evaluated, failing
_SUMS = """
    SELECT number, site_id, CAST(sum(n) AS BIGINT), CAST(sum(x) AS BIGINT) FROM made
    WHERE number LIKE 'check|%' OR number LIKE 'K%' GROUP BY ALL HAVING sum(n) > 0
"""


def of_units(con: duckdb.DuckDBPyConnection, day: date) -> Counts:
    """What the units of the build add up to."""
    make_numbers(con, "made", TONIGHT, refusals_of(con, TONIGHT), day)
    twins = {indicator.kri: indicator.limit for indicator in load_indicators()}
    names = {check.name for check in load_checks()}
    found: Counts = {}
    for number, site, n, x in con.execute(_SUMS).fetchall():
        name = twins.get(number, number.removeprefix("check|"))
        if number.startswith("check|") or name in names:
            found[name, site] = n, x
    return found


def of_checks(rows: list[Any]) -> Counts:
    """What (check, site, evaluated, failing) say, where there was anything to look at."""
    return {(name, site): (n, x) for name, site, n, x in rows if n}


def told_by_sql(con: duckdb.DuckDBPyConnection) -> Counts:
    """As the cards of the report have it: the checks that everybody may see, and the rules that have a card."""
    safe = {check.name for check in load_checks() if check.blinding == "safe"}
    checks = con.execute("SELECT check_name, site_id, n_checked, n_failed FROM quality.metric").fetchall()
    rules = con.execute("SELECT check_name, site_id, n_evaluated, n_failing FROM quality.check_count").fetchall()
    taken = {check.name for check in load_checks()}
    return of_checks(
        [row for row in checks if row[0] in safe] + [row for row in rules if load_grid().card_of(row[0]) not in taken]
    )
