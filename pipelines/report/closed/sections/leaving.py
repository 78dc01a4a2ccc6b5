"""Section 8: who left the study and why, and intercurrent events, by arm."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.report.board.parts import Cell, Figure, Needle, Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, counted
from pipelines.report.closed.arms import Group, by_code, everybody, groups_of, side_by_side

QUESTION = "Who left, why, and what happened that changes what later measurements mean?"
ADSL, ADICE = "analysis.adsl", "analysis.adice"
_LEFT = """
    SELECT coalesce(dcsreas, 'NOT STATED') AS reason, code, count(*) AS n
    FROM closed.person
    WHERE eosstt = 'DISCONTINUED'
    GROUP BY coalesce(dcsreas, 'NOT STATED'), code
    ORDER BY reason
"""
_EVENTS = """
    SELECT i.icecat AS kind, p.code, count(*) AS n_events, count(DISTINCT i.usubjid) AS n_people
    FROM analysis.adice AS i
    JOIN closed.person AS p ON p.usubjid = i.usubjid
    GROUP BY i.icecat, p.code
    ORDER BY kind
"""


def build(source: Source, trial: Trial) -> Section:
    """Reasons of leaving, then intercurrent events."""
    del trial
    groups = groups_of(source)
    figures = [*_left(source, groups), *_intercurrent(source, groups)]
    answer = ["By arm as allocated."] if figures else ["Nobody has left, and no intercurrent event is known."]
    return Section(8, QUESTION, answer, figures=figures)


def _left(source: Source, groups: Sequence[Group]) -> list[Figure]:
    found = by_code(source.rows(_LEFT), "reason")
    if not found:
        return []
    total = sum(row["n"] for row in found.values())
    lines: dict[str, list[Cell]] = {
        "Discontinued": [counted(sum(r["n"] for (_, code), r in found.items() if code == g.code), g.n) for g in groups]
    }
    for reason in dict.fromkeys(reason for reason, _ in found):
        counts = [found[reason, g.code]["n"] if (reason, g.code) in found else 0 for g in groups]
        lines[capital(reason.lower())] = [counted(n, g.n) for n, g in zip(counts, groups, strict=True)]
    people = everybody(groups)
    title = f"{count(total, 'person', 'people')} of {people} left the study"
    table = side_by_side("Reason", groups, lines)
    return [Figure("C8.1", title, Needle(people, people, "people"), [ADSL], table)]


def _intercurrent(source: Source, groups: Sequence[Group]) -> list[Figure]:
    found = by_code(source.rows(_EVENTS), "kind") if source.has(ADICE) else {}
    if not found:
        return []
    lines: dict[str, list[Cell]] = {}
    for kind in dict.fromkeys(kind for kind, _ in found):
        rows = [found.get((kind, g.code), {"n_people": 0, "n_events": 0}) for g in groups]
        lines[capital(kind.replace("_", " "))] = [
            f"{counted(row['n_people'], g.n)}; {count(row['n_events'], 'event')}" if g.n else "–"
            for row, g in zip(rows, groups, strict=True)
        ]
    people = everybody(groups)
    title = f"{count(sum(row['n_events'] for row in found.values()), 'intercurrent event')}"
    table = side_by_side("Kind", groups, lines)
    return [Figure("C8.2", title, Needle(people, people, "people"), [ADICE], table)]
