"""The stored weeks behind a number, as a line of twelve: as they were found then, never reckoned again."""

from __future__ import annotations

from itertools import groupby

from pipelines.report.board.parts import WEEKS, Spark
from pipelines.report.board.source import Source
from pipelines.report.board.words import percent, says_shares

_WEEKLY = """
    WITH last AS (SELECT max(week) AS week FROM board.weekly)
    SELECT w.name, w.site_id, (l.week - w.week) // 7 AS ago, w.value, w.threshold
    FROM board.weekly AS w, last AS l
    WHERE w.kind = $kind AND w.week > l.week - 7 * $weeks
    ORDER BY w.name, w.site_id, w.week
"""


def weekly_sparks(source: Source, kind: str) -> dict[tuple[str, str], Spark]:
    """The line of every check or indicator (`kind`), by name and site; a week without a night is a gap."""
    if not source.has("board.weekly"):
        return {}
    sparks = {}
    rows = source.rows(_WEEKLY, kind=kind, weeks=WEEKS)
    for key, of_line in groupby(rows, key=lambda row: (row["name"], row["site_id"])):
        these = list(of_line)
        values: list[float | None] = [None] * WEEKS
        for row in these:
            values[WEEKS - 1 - row["ago"]] = row["value"]
        known = [value for value in values if value is not None]
        words = f"{len(known)} of {WEEKS} weeks known" + (
            f", the newest {percent(known[-1], 1)}" if known and says_shares() else ""
        )
        sparks[key] = Spark(values, words, these[-1]["threshold"])
    return sparks
