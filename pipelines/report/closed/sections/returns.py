"""Section 2: which assessments came, by visit and arm, those of visits that only one arm has too."""

from __future__ import annotations

from pipelines.report.board.parts import Bar, Figure, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import counted

QUESTION = "Are assessments coming in alike from every arm?"
EXPECTED = "quality.expected"
STATES = ("not_due", "open", "received", "missing", "left")
# Of a person's forms of a visit the first state that holds for any of them; one that was never asked has none.
_RETURNED = """
    WITH person AS (
        SELECT
            p.code, e.avisit, e.usubjid,
            min(CASE
                WHEN e.state IN ('received', 'received_late') THEN 1
                WHEN e.state = 'structurally_absent' THEN NULL
                WHEN p.eosdt < coalesce(e.due_on, p.eosdt + 1) THEN 2
                WHEN e.state IN ('overdue', 'quarantined', 'coded_missing', 'lost') THEN 3
                WHEN e.state = 'due' THEN 4
                ELSE 5
            END) AS state
        FROM quality.expected AS e
        JOIN closed.person AS p ON p.usubjid = e.usubjid
        WHERE e.week_no = 0
        GROUP BY p.code, e.avisit, e.usubjid
    )
    SELECT
        v.avisit, a.code, a.label,
        count(*) AS n_asked,
        count(*) FILTER (WHERE s.state = 5) AS n_not_due,
        count(*) FILTER (WHERE s.state = 4) AS n_open,
        count(*) FILTER (WHERE s.state = 1) AS n_received,
        count(*) FILTER (WHERE s.state = 3) AS n_missing,
        count(*) FILTER (WHERE s.state = 2) AS n_left
    FROM person AS s
    JOIN study.visit AS v ON v.avisit = s.avisit
    JOIN closed.arm AS a ON a.code = s.code
    WHERE s.state IS NOT NULL
    GROUP BY v.avisit, v.avisitn, a.code, a.label, a.position
    ORDER BY v.avisitn, v.avisit, a.position
"""
HEAD = [
    "Visit and arm",
    "Asked",
    "Not yet due",
    "Window open",
    "Received",
    "Missing",
    "Left before",
    "Returned, of received or missing",
]
NOTE = (
    "Each person is in one column of each visit that the arm has. Received: any form of the visit came. Missing: its "
    "window has closed, or what came cannot be used."
)


def build(source: Source, trial: Trial) -> Section:
    """One table of visits and arms."""
    del trial
    if not source.has(EXPECTED):
        return Section(2, QUESTION, [], absent=["This snapshot does not hold the state of each form."])
    rows = source.rows(_RETURNED)
    if not rows:
        return Section(2, QUESTION, ["No assessment is planned for anybody yet."])
    shown = sum(row[f"n_{state}"] for row in rows for state in STATES)
    figure = Figure(
        "C2.1",
        _title(rows),
        Needle(shown, sum(row["n_asked"] for row in rows), "people by visit"),
        [EXPECTED],
        Table(HEAD, [_line(row) for row in rows], numeric=frozenset(range(1, 7))),
        notes=[NOTE],
    )
    return Section(2, QUESTION, ["Returned is what came, of what came or is missing."], figures=[figure])


def _due(row: Row) -> int:
    return int(row["n_received"] + row["n_missing"])


def _line(row: Row) -> list[str | int | Bar]:
    due = _due(row)
    bar = Bar(row["n_received"] / due if due else None, counted(row["n_received"], due))
    return [f"{row['avisit']}, {row['label']}", row["n_asked"], *(row[f"n_{state}"] for state in STATES), bar]


def _title(rows: list[Row]) -> str:
    due = [row for row in rows if _due(row) >= 10]
    if not due:
        return "Too few assessments are due to compare arms"
    worst = min(due, key=lambda row: row["n_received"] / _due(row))
    return f"The lowest return is {worst['label']} at {worst['avisit']}: {counted(worst['n_received'], _due(worst))}"
