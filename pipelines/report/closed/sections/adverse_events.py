"""Section 7: adverse events by arm."""

from __future__ import annotations

from pipelines.report.board.parts import Cell, Figure, Needle, Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, counted
from pipelines.report.closed.arms import by_code, everybody, groups_of, side_by_side

QUESTION = "Is anybody harmed, and in which arm?"
ADAE = "analysis.adae"
KINDS = {
    "any": "Any adverse event",
    "emergent": "Begun on or after the start of treatment",
    "serious": "Serious",
    "related": "Related to the treatment",
    "serious_related": "Serious and related",
    "severe": "Severe (grades 3 to 5)",
    "fatal": "Fatal",
}
# The first period of everybody; what happens to people after they changed period is counted apart.
_EVENTS = """
    WITH event AS (
        SELECT
            p.code, e.usubjid,
            unnest(list_filter([
                'any',
                CASE WHEN e.trtemfl = 'Y' THEN 'emergent' END,
                CASE WHEN e.aeser = 'Y' THEN 'serious' END,
                CASE WHEN e.aerel = 'Y' THEN 'related' END,
                CASE WHEN e.aeser = 'Y' AND e.aerel = 'Y' THEN 'serious_related' END,
                CASE WHEN e.aesev = 'SEVERE' THEN 'severe' END,
                CASE WHEN e.aetoxgrn = 5 OR e.aeout = 'FATAL' THEN 'fatal' END
            ], lambda kind: kind IS NOT NULL)) AS kind
        FROM analysis.adae AS e
        JOIN closed.person AS p ON p.usubjid = e.usubjid
        WHERE coalesce(e.aperiod, 1) = 1
    )
    SELECT kind, code, count(*) AS n_events, count(DISTINCT usubjid) AS n_people
    FROM event
    GROUP BY kind, code
"""
_LATER = """
    SELECT count(*) AS n
    FROM analysis.adae AS e
    JOIN closed.person AS p ON p.usubjid = e.usubjid
    WHERE e.aperiod > 1
"""


def build(source: Source, trial: Trial) -> Section:
    """People with events, and events."""
    del trial
    groups = groups_of(source)
    found = by_code(source.rows(_EVENTS), "kind")
    later = source.row(_LATER)["n"]
    if not found and not later:
        return Section(7, QUESTION, ["No adverse event of anybody in the trial has been reported."])
    lines: dict[str, list[Cell]] = {}
    for kind, label in KINDS.items():
        rows = [found.get((kind, g.code), {"n_people": 0, "n_events": 0}) for g in groups]
        lines[label] = [
            f"{counted(row['n_people'], g.n)}; {count(row['n_events'], 'event')}" if g.n else "–"
            for row, g in zip(rows, groups, strict=True)
        ]
    people, serious = (
        sum(row["n_people"] for (kind, _), row in found.items() if kind == which) for which in ("any", "serious")
    )
    title = f"{count(people, 'person', 'people')} had an adverse event, {serious or 'none'} of them a serious one"
    notes = ["People with at least one event, then events; by arm as allocated, whatever was taken up."]
    if later:
        notes.append(f"{count(later, 'event')} of a later period, in which people may be in another arm, not counted.")
    everyone = everybody(groups)
    figure = Figure(
        "C7.1",
        title,
        Needle(everyone, everyone, "people"),
        [ADAE],
        side_by_side("Adverse events", groups, lines),
        notes=notes,
    )
    return Section(7, QUESTION, ["As the sites reported them; nothing is coded or judged here."], figures=[figure])
