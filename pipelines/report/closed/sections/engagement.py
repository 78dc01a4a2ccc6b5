"""Section 6: use of the programme and adherence, of the people who have been given it, by allocated arm."""

from __future__ import annotations

from dataclasses import replace

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import counted, number
from pipelines.report.closed.arms import everybody, groups_of

QUESTION = "How is the programme used by those who are given it?"
ADENG, ADADH = "analysis.adeng", "analysis.adadh"
_USE = """
    SELECT
        e.aperiod, e.param, a.label, e.paramcd,
        count(*) AS n_people,
        count(e.aval) AS n,
        CAST(count(*) FILTER (WHERE e.paramcd = 'UPTAKE' AND e.aval = 1) AS BIGINT) AS n_yes,
        avg(e.aval) AS mean,
        stddev_samp(e.aval) AS sd,
        quantile_cont(e.aval, 0.5) AS median,
        min(e.aval) AS lowest,
        max(e.aval) AS highest
    FROM analysis.adeng AS e
    JOIN closed.person AS p ON p.usubjid = e.usubjid
    JOIN closed.arm AS a ON a.code = p.code
    WHERE e.paramcd IN ('UPTAKE', 'DAYACT', 'NSESS', 'SESSMIN', 'MODOPEN', 'MODCOMP', 'CMPCORE', 'WKFPCT', 'THERMIN')
    GROUP BY e.aperiod, e.param, e.paramcd, e.paramn, a.label, a.position
    ORDER BY list_position(['TREATMENT', 'FOLLOW-UP', 'OVERALL'], e.aperiod), e.paramn, a.position
"""
_ADHERENT = """
    SELECT
        d.param, d.defver, a.label,
        count(*) AS n_people,
        count(*) FILTER (WHERE d.avalc = 'Y') AS n_yes,
        count(d.avalc) AS n_known
    FROM analysis.adadh AS d
    JOIN closed.person AS p ON p.usubjid = d.usubjid
    JOIN closed.arm AS a ON a.code = p.code
    GROUP BY d.defid, d.param, d.defver, a.label, a.position
    ORDER BY d.defid, a.position
"""
_GIVEN = """
    SELECT count(DISTINCT e.usubjid) AS n
    FROM analysis.adeng AS e
    JOIN closed.person AS p ON p.usubjid = e.usubjid
"""
HEAD = ["Period, measure and arm", "Known, of those given it", "Mean", "SD", "Median", "Lowest to highest"]
NOTE = "Not known is where the log tells too little: silence of a log is no proof that nobody came."
ADHERENT = ["Definition and arm", "Adherent, of those known", "Not known yet"]


def build(source: Source, trial: Trial) -> Section:
    """Measures of use, then the definitions of adherence."""
    del trial
    if not source.has(ADENG):
        return Section(6, QUESTION, [], absent=["This snapshot does not hold measures of use."])
    rows = source.rows(_USE)
    if not rows:
        return Section(6, QUESTION, ["Nobody has been given the programme yet."])
    given, people = source.row(_GIVEN)["n"], everybody(groups_of(source))
    needle = Needle(given, people, "people in the trial")
    figure = Figure("C6.1", _title(rows), needle, [ADENG], _table(rows), notes=[NOTE])
    treatment = [row for row in rows if row["aperiod"] == "TREATMENT"]
    if treatment and len(treatment) < len(rows):
        note = "Here: the weeks of treatment. What followed, and both together, are in appendix B."
        figure = replace(figure, appendix=True, brief=_table(treatment), notes=[note, NOTE])
    figures = [figure]
    if source.has(ADADH) and (definitions := source.rows(_ADHERENT)):
        lines: list[list[Cell]] = [
            [
                f"{row['param']}, {row['label']}",
                counted(row["n_yes"], row["n_known"]),
                row["n_people"] - row["n_known"],
            ]
            for row in definitions
        ]
        table = Table(ADHERENT, lines, numeric=frozenset({1, 2}))
        figures.append(Figure("C6.2", "Use held against what was intended", needle, [ADADH], table))
    return Section(6, QUESTION, ["By allocated arm, of everybody who has been given the programme."], figures=figures)


def _title(rows: list[Row]) -> str:
    uptake = [row for row in rows if row["paramcd"] == "UPTAKE" and row["aperiod"] == "OVERALL"]
    yes, known = (sum(row[name] for row in uptake) for name in ("n_yes", "n"))
    return f"Used it at least once: {counted(yes, known)}" if known else "Whether anybody used it is not known yet"


def _table(rows: list[Row]) -> Table:
    return Table(HEAD, [_line(row) for row in rows], numeric=frozenset(range(1, 6)))


def _line(row: Row) -> list[Cell]:
    name = f"{row['aperiod'].capitalize()}: {row['param'].lower()}, {row['label']}"
    if row["paramcd"] == "UPTAKE":
        known = "" if row["n"] == row["n_people"] else f"; known of {row['n']}/{row['n_people']}"
        return [name, counted(row["n_yes"], row["n"]) + known, None, None, None, None]
    spread = f"{number(row['lowest'])} to {number(row['highest'])}" if row["n"] else None
    return [name, f"{row['n']}/{row['n_people']}", row["mean"], row["sd"], row["median"], spread]
