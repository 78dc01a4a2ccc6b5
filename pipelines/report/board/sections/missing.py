"""Section 5: which forms and items are missing, and which are missing together."""

from __future__ import annotations

from pipelines.report.board.parts import Bar, Cell, Figure, Needle, Section, Table
from pipelines.report.board.scoring import scoring
from pipelines.report.board.sections.indicators import indicator_table
from pipelines.report.board.sections.measures import Measures, measures
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, listed, number, says_shares, share

QUESTION = "What is missing, and in what pattern?"
COMPLETE, PATTERN = "quality.completeness", "quality.missing_pattern"
# What has come, and what comes with no visit, of which nothing is counted here.
SCORED = f"coalesce((SELECT max(c.n_received) FROM {COMPLETE} AS c WHERE c.instrument = i.instrument), 1) > 0"  # noqa: S608


def build(source: Source, trial: Trial) -> Section:
    """The heatmap of forms, the patterns of joint absence, the items, the rules by which scores are made of them."""
    names = measures(source)
    items = indicator_table("T5.3", source, trial, ("K06",))
    figures = [*_heatmap(source, trial, names), *_patterns(source, names), *items]
    said, rules = scoring("T5.4", source, SCORED) if source.has(COMPLETE) else ([], [])
    absent = [] if source.has(PATTERN) else ["Which measures are missing together is not in this snapshot."]
    return Section(5, QUESTION, said, figures=[*figures, *rules], absent=absent)


def _heatmap(source: Source, trial: Trial, names: Measures) -> list[Figure]:
    rows = source.rows(f"SELECT * FROM {COMPLETE}") if source.has(COMPLETE) else []  # noqa: S608
    if not rows:
        return []
    visits = [visit.avisit for visit in trial.study.visits if any(row["avisit"] == visit.avisit for row in rows)]
    found = {(row["site_id"], row["instrument"], row["avisit"]): row for row in rows}
    instruments = [s.instrument for s in trial.study.instruments if any(r["instrument"] == s.instrument for r in rows)]
    lines: list[list[Cell]] = [
        [
            f"{trial.name(site)}, {names[instrument]}",
            *(_layers(found.get((site, instrument, visit))) for visit in visits),
        ]
        for site in trial.site_ids
        for instrument in instruments
        if any((site, instrument, visit) in found for visit in visits)
    ]
    received = sum(row["n_received"] for row in rows)
    due = sum(row["n_received"] + row["n_overdue"] for row in rows)
    worst = min((r for r in rows if _due(r) >= 10), key=lambda r: r["n_received"] / _due(r), default=None)
    title = (
        "Too few forms are due to say what is missing most"
        if worst is None
        else (
            f"Missing most: {names[worst['instrument']]} at {worst['avisit']} in {trial.name(worst['site_id'])}, "
            f"{share(worst['n_received'], _due(worst))} received"
        )
    )
    return [
        Figure(
            "F5.1",
            title,
            Needle(received, due, "forms received or overdue"),
            [COMPLETE],
            Table(["Site and measure", *visits], lines),
            notes=[
                (
                    "Forms received, of those received or overdue; under it, forms that came but cannot be scored, "
                    "and items "
                    "left out of the received forms."
                )
            ],
        )
    ]


def _due(row: Row) -> int:
    due: int = row["n_received"] + row["n_overdue"]
    return due


def _layers(row: Row | None) -> Cell:
    if row is None or not _due(row):
        return "not due"
    below = []
    if row.get("n_unscoreable"):
        below.append(f"{row['n_unscoreable']} not scoreable")
    if row["pct_items_missing"] and not says_shares():
        below.append(f"{row['n_items_missing']} of {count(row['n_items'], 'item')}")
    elif row["pct_items_missing"]:
        below.append(f"{number(row['pct_items_missing'], 1)}% of items")
    return Bar(row["n_received"] / _due(row), share(row["n_received"], _due(row)), ", ".join(below))


def _patterns(source: Source, names: Measures) -> list[Figure]:
    if not source.has(PATTERN):
        return []
    rows = source.rows(f"SELECT * FROM {PATTERN} ORDER BY pattern_no")  # noqa: S608
    columns = sorted({name for row in rows for name in row["missing"].split(", ") if name})
    due = rows[0]["n_due"] if rows else 0
    shown = sum(row["n_people"] for row in rows)
    lines: list[list[Cell]] = [
        [
            str(row["pattern_no"]),
            *("●" if name in row["missing"].split(", ") else "·" for name in columns),
            Bar(row["n_people"] / due, share(row["n_people"], due)),
        ]
        for row in rows
    ]
    top = next((row for row in rows if row["missing"]), None)
    title = (
        "No pattern of missing measures is shared by five people or more"
        if top is None
        else (
            f"Most often missing together: {listed([names[name] for name in top['missing'].split(', ')])} "
            f"({count(top['n_people'], 'person', 'people')} of {top['n_due']})"
        )
    )
    return [
        Figure(
            "F5.2",
            title,
            Needle(shown, due, "people whose primary outcome is due"),
            [PATTERN],
            Table(["Pattern", *(names[name] for name in columns), "People"], lines),
            notes=["● missing, · there. All sites together; the ten commonest patterns of at least five people."],
        )
    ]
