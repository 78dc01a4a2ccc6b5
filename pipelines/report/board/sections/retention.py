"""Section 4: the state of every visit's forms, and the indicators of staying."""

from __future__ import annotations

from itertools import groupby

from pipelines.report.board.parts import Bar, Figure, Needle, Section, Table
from pipelines.report.board.sections.indicators import indicator_table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import listed, share

QUESTION = "Are participants staying, and are assessments happening on time?"
RETURN = "quality.visit_return"
INDICATORS = ("K04", "K05", "K07", "K15")
STATES = ("not_yet", "open", "received", "overdue", "excused")


def build(source: Source, trial: Trial) -> Section:
    """The table of time points, then the indicators."""
    rows = source.rows(f"SELECT * FROM {RETURN} ORDER BY avisitn, avisit") if source.has(RETURN) else []  # noqa: S608
    figures = [*_returned(rows, trial), *indicator_table("T4.2", source, trial, INDICATORS)]
    absent = [] if rows else ["This snapshot does not hold the state of each visit's forms."]
    return Section(4, QUESTION, _answer(rows), figures=figures, absent=absent)


def _answer(rows: list[Row]) -> list[str]:
    said = []
    for avisit, of_visit in groupby(rows, key=lambda row: row["avisit"]):
        these = list(of_visit)
        received = sum(row["n_received"] for row in these)
        due = received + sum(row["n_overdue"] for row in these)
        if due:
            said.append(f"at {avisit} {share(received, due)}")
    return (
        [f"Assessments received, of those received or overdue: {listed(said)}."]
        if said
        else ["No assessment has been due yet."]
    )


def _returned(rows: list[Row], trial: Trial) -> list[Figure]:
    if not rows:
        return []
    place = {site: i for i, site in enumerate(trial.site_ids)}
    lines, shown = [], 0
    for avisit, of_visit in groupby(rows, key=lambda row: row["avisit"]):
        for row in sorted(of_visit, key=lambda row: place.get(row["site_id"], len(place))):
            due = row["n_received"] + row["n_overdue"]
            shown += sum(row[f"n_{state}"] for state in STATES)
            bar = Bar(row["n_received"] / due if due else None, share(row["n_received"], due))
            lines.append(
                [f"{avisit}, {trial.name(row['site_id'])}", row["n_randomised"], *(row[f"n_{s}"] for s in STATES), bar]
            )
    head = [
        "Visit and site",
        "Randomised",
        "Not yet due",
        "Window open",
        "Received",
        "Overdue",
        "Left before",
        "Returned, of received or overdue",
    ]
    eligible = sum(row["n_randomised"] for row in rows)
    worst = min(
        (row for row in rows if row["n_received"] + row["n_overdue"] >= 10),
        key=lambda row: row["n_received"] / (row["n_received"] + row["n_overdue"]),
        default=None,
    )
    title = (
        "Too few assessments are due to compare sites"
        if worst is None
        else (
            f"The lowest return is {trial.name(worst['site_id'])} at {worst['avisit']}: "
            f"{share(worst['n_received'], worst['n_received'] + worst['n_overdue'])}"
        )
    )
    return [
        Figure(
            "T4.1",
            title,
            Needle(shown, eligible, "people by visit"),
            [RETURN],
            Table(head, lines, numeric=frozenset(range(1, 7))),
            notes=[
                (
                    "Each randomised person is in exactly one column of each visit. Visits that only one arm has "
                    "are not here."
                )
            ],
        )
    ]
