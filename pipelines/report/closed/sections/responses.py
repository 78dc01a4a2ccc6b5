"""Section 5: reliable change, response, remission and recovery by named definition, visit and arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, counted
from pipelines.report.closed.arms import Group, everybody, groups_of, side_by_side

QUESTION = "How many changed reliably, responded or are in remission in each arm?"
ADRESP = "analysis.adresp"
_ANSWERS = """
    SELECT
        v.avisit, r.defid, r.param, a.code,
        count(*) FILTER (WHERE r.avalc = 'Y') AS n_yes,
        count(*) FILTER (WHERE r.avalc IN ('Y', 'N')) AS n_asked,
        count(*) FILTER (WHERE r.avalc = 'NA') AS n_not_applicable
    FROM analysis.adresp AS r
    JOIN closed.person AS p ON p.usubjid = r.usubjid
    JOIN closed.arm AS a ON a.code = p.code
    JOIN study.visit AS v ON v.avisit = r.avisit
    GROUP BY v.avisit, v.avisitn, r.defid, r.paramcd, r.param, a.code, a.position
    ORDER BY r.defid, r.paramcd, v.avisitn, v.avisit, a.position
"""
_PEOPLE = """
    SELECT count(DISTINCT r.usubjid) AS n
    FROM analysis.adresp AS r
    JOIN closed.person AS p ON p.usubjid = r.usubjid
    JOIN study.visit AS v ON v.avisit = r.avisit
"""


def build(source: Source, trial: Trial) -> Section:
    """In place the answers at the primary outcome's visit, all of them in appendix B."""
    if not source.has(ADRESP):
        return Section(5, QUESTION, [], absent=["This snapshot does not hold responses by definition."])
    rows = source.rows(_ANSWERS)
    if not rows:
        return Section(5, QUESTION, ["Nobody has a visit yet of which a definition of the study file could be asked."])
    groups = groups_of(source)
    avisit = trial.study.outcomes.primary.avisit
    brief = [row for row in rows if row["avisit"] == avisit]
    definitions = count(len({row["defid"] for row in rows}), "definition")
    figure = Figure(
        "C5.1",
        f"{definitions} of the study file, visit by visit",
        Needle(source.row(_PEOPLE)["n"], everybody(groups), "people"),
        [ADRESP],
        _table(rows, groups),
        notes=["Yes, of those who have the values it needs; who has none is in neither number."],
    )
    if brief and len(brief) < len(rows):
        note = f"Here: {avisit}. Every visit is in appendix B."
        figure = replace(figure, appendix=True, brief=_table(brief, groups), notes=[note, *figure.notes])
    return Section(5, QUESTION, ["Each definition by its own rule; several stand side by side."], figures=[figure])


def _table(rows: list[Row], groups: Sequence[Group]) -> Table:
    lines: dict[str, dict[str, Cell]] = {}
    for row in rows:
        name = f"{row['defid']}: {row['param'].lower()}, {row['avisit']}"
        apart = f"; does not apply to {row['n_not_applicable']}" if row["n_not_applicable"] else ""
        lines.setdefault(name, {})[row["code"]] = counted(row["n_yes"], row["n_asked"]) + apart
    cells = {name: [found.get(group.code) for group in groups] for name, found in lines.items()}
    return side_by_side("Definition and visit", groups, cells)
