"""Section 10: central statistical checks, each site against the others together; for discussion, never red."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, chance, count, listed, number

QUESTION = "Is anything odd enough to discuss?"
CHECK = "quality.central_check"


def build(source: Source, trial: Trial) -> Section:
    """What is listed, and how much of it could be looked at."""
    if not source.has(CHECK):
        return Section(10, QUESTION, [], absent=["The central statistical checks are not in this snapshot."])
    rows = source.rows("SELECT * FROM quality.central_check ORDER BY check_id, measure, site_id")
    found = [row for row in rows if row["status"] == "LISTED"]
    answer = (
        "Nothing is listed." if not found else f"{capital(count(len(found), 'comparison'))} listed, to be discussed."
    )
    return Section(10, QUESTION, [answer, _not_made(rows)], figures=[_listed(rows, found, trial), _looked_at(rows)])


def _not_made(rows: list[Row]) -> str:
    """Which comparisons could not be made, by check: not the same as having found nothing."""
    few = Counter(f"{row['check_id']} {row['title'].lower()}" for row in rows if row["status"] == "TOO_FEW")
    if not few:
        return f"Each of {count(len(rows), 'comparison')} could be made."
    named = listed([f"{name} ({n})" for name, n in few.items()])
    return (
        f"{few.total()} of {count(len(rows), 'comparison')} could not be made, so nothing is said of them: {named}. "
        "Either side has too few values, or no feed brings what would be compared (appendix B)."
    )


def _listed(rows: list[Row], found: list[Row], trial: Trial) -> Figure:
    lines: list[list[Cell]] = [
        [
            f"{row['check_id']} {row['title']}, {row['measure'] or 'all'}",
            trial.name(row["site_id"]),
            f"{row['n_site']} and {row['n_rest']}",
            number(row["statistic"]),
            "–" if row["p"] is None else chance(row["p"]),
            row["n_listed"],
        ]
        for row in found
    ]
    judged = [row for row in rows if row["status"] != "TOO_FEW"]
    title = "No site differs from the others in a way that would be listed"
    if found:
        title = f"Listed for discussion: {found[0]['title'].lower()} at {trial.name(found[0]['site_id'])}"
        title += f", and {len(found) - 1} more" if len(found) > 1 else ""
    return Figure(
        "T10.1",
        title,
        Needle(len(judged), len(rows), "comparisons that could be made"),
        [CHECK],
        Table(["Check, of what", "Site", "Values here and elsewhere", "Statistic", "Chance", "To look at"], lines),
        notes=[
            (
                "Baseline alone, because what comes later is outcome. With few sites such checks find little "
                "and err often."
            )
        ],
    )


def _looked_at(rows: list[Row]) -> Figure:
    lines: list[list[Cell]] = []
    for _, of_check in groupby(rows, key=lambda row: row["check_id"]):
        these = list(of_check)
        tally = [sum(row["status"] == status for row in these) for status in ("LISTED", "NOT_LISTED", "TOO_FEW")]
        lines.append(
            [f"{these[0]['check_id']} {these[0]['title']}", these[0]["definition"], these[0]["minimum"], *tally]
        )
    return Figure(
        "T10.2",
        "What was compared, how, and how often there was too little",
        Needle(len(rows), len(rows), "comparisons"),
        [CHECK],
        Table(
            ["Check", "Definition", "Least on each side", "Listed", "Not listed", "Too few"],
            lines,
            numeric=frozenset({2, 3, 4, 5}),
        ),
        appendix=True,
    )
