"""Section 4: the primary outcome by visit and arm, and every other score at the primary's visit."""

from __future__ import annotations

from dataclasses import replace

from pipelines.report.board.parts import Figure, Needle, Section, Table
from pipelines.report.board.scoring import scoring
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count
from pipelines.report.closed.arms import everybody, groups_of

QUESTION = "How do the outcomes stand in each arm?"
ADQS = "analysis.adqs"
# Records that stand for their visit, of everybody as allocated; change is from the baseline of the visit's period.
_SCORES = """
    SELECT
        v.avisit, q.paramcd, q.param, a.label,
        (SELECT count(*) FROM closed.person AS everybody WHERE everybody.code = a.code) AS n_people,
        count(q.aval) AS n,
        avg(q.aval) AS mean,
        stddev_samp(q.aval) AS sd,
        count(q.chg) AS n_change,
        avg(q.chg) AS mean_change,
        stddev_samp(q.chg) AS sd_change
    FROM analysis.adqs AS q
    JOIN closed.person AS p ON p.usubjid = q.usubjid
    JOIN closed.arm AS a ON a.code = p.code
    JOIN study.visit AS v ON v.avisit = q.avisit
    WHERE
        q.anl01fl = 'Y'
        AND CASE WHEN $primary THEN q.paramcd = $paramcd ELSE q.paramcd <> $paramcd AND q.avisit = $avisit END
    GROUP BY v.avisit, v.avisitn, q.paramcd, q.param, a.label, a.code, a.position
    HAVING count(q.aval) > 0
    ORDER BY q.paramcd, v.avisitn, v.avisit, a.position
"""
_KNOWN = """
    SELECT count(DISTINCT q.usubjid) AS n
    FROM analysis.adqs AS q
    JOIN closed.person AS p ON p.usubjid = q.usubjid
    WHERE q.anl01fl = 'Y' AND q.aval IS NOT NULL AND q.paramcd <> $paramcd AND q.avisit = $avisit
"""
_SCORED = f"i.paramcd IN (SELECT q.paramcd FROM {ADQS} AS q WHERE q.aval IS NOT NULL OR q.avalc IS NOT NULL)"  # noqa: S608
_KEY = "SELECT DISTINCT paramcd FROM study.definition"
HEAD = ["", "n/N", "Mean", "SD", "Change, n", "Mean change", "SD of change"]
NOTE = "N: everybody of the arm. Change: since baseline, of those who have both. No test is made, nothing is imputed."


def build(source: Source, trial: Trial) -> Section:
    """The primary outcome over time, then the others at its visit (in place those that a definition uses), then the
    rules by which all of them are made."""
    primary = trial.study.outcomes.primary
    people = everybody(groups_of(source))
    wanted = {"paramcd": primary.paramcd, "avisit": primary.avisit}
    figures = []
    if first := source.rows(_SCORES, primary=True, **wanted):
        scored = sum(row["n"] for row in first if row["avisit"] == primary.avisit)
        title = f"{first[0]['param']} at {primary.avisit} is known of {count(scored, 'person', 'people')}"
        table = _table("Visit and arm", first, "avisit")
        figures.append(Figure("C4.1", title, Needle(scored, people, "people"), [ADQS], table, notes=[NOTE]))
    if others := source.rows(_SCORES, primary=False, **wanted):
        known = source.row(_KNOWN, **wanted)["n"]
        figures.append(_others(source, others, primary.avisit, known, people))
    answer = [
        (
            f"The primary outcome is {primary.paramcd} at {primary.avisit}."
            if figures
            else f"No score of the primary outcome, {primary.paramcd} at {primary.avisit}, is known yet."
        )
    ]
    said, rules = scoring("C4.3", source, _SCORED)
    return Section(4, QUESTION, [*answer, *said], figures=[*figures, *rules])


def _others(source: Source, rows: list[Row], avisit: str, known: int, people: int) -> Figure:
    key = {row["paramcd"] for row in source.rows(_KEY)}
    brief = [row for row in rows if row["paramcd"] in key]
    scores = count(len({row["paramcd"] for row in rows}), "other score")
    figure = Figure(
        "C4.2",
        f"{scores} at {avisit}",
        Needle(known, people, "people"),
        [ADQS],
        _table("Score and arm", rows, "param"),
        notes=[NOTE],
    )
    if not brief or len(brief) == len(rows):
        return figure
    note = "Here: the scores that a definition of the study file uses. All of them are in appendix B."
    return replace(figure, appendix=True, brief=_table("Score and arm", brief, "param"), notes=[note, NOTE])


def _table(what: str, rows: list[Row], name: str) -> Table:
    lines = [
        [
            f"{row[name]}, {row['label']}",
            f"{row['n']}/{row['n_people']}",
            row["mean"],
            row["sd"],
            row["n_change"],
            row["mean_change"],
            row["sd_change"],
        ]
        for row in rows
    ]
    return Table([what, *HEAD[1:]], lines, numeric=frozenset(range(1, 7)))
