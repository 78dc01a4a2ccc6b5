"""By which rules the scores are made, and which of these nobody has read in their source yet."""

from __future__ import annotations

from pipelines.report.board.parts import Cell, Figure, Needle, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.words import count, listed

RULES = "quality.instrument"
HEAD = ["Score", "Instrument, rule", "Read in its source", "Items that may be missing", "That rule", "Not read yet"]


def scoring(figure_id: str, source: Source, scored: str) -> tuple[list[str], list[Figure]]:
    """What is said where scores are shown, and every rule as a table. `scored` is the query, on `quality.instrument`
    as `i`, of what has scores: its condition."""
    if not source.has(RULES):
        return [], []
    rows = source.rows(f"SELECT * FROM {RULES} AS i WHERE {scored} ORDER BY instrument, paramcd")  # noqa: S608
    if not rows:
        return [], []
    return _said(rows), [_figure(figure_id, rows)]


def _said(rows: list[Row]) -> list[str]:
    unread = [row["paramcd"] for row in rows if not row["verified"]]
    chosen = [row["paramcd"] for row in rows if row.get("missing_rule_verified") is False]
    scores = count(len(rows), "score")
    each = "the score is" if len(rows) == 1 else f"each of the {scores} is"
    rest = "rests" if len(unread) == 1 else "rest"
    said = [
        f"Of {scores} {len(unread)} {rest} on a rule that nobody has read in its source: {listed(unread)}."
        if unread
        else f"Somebody has read in its source how {each} made."
    ]
    if chosen:
        said.append(
            f"For {len(chosen)} of them how many items may be missing is not published but chosen for this trial: "
            f"{listed(chosen)}."
        )
    return said


def _figure(figure_id: str, rows: list[Row]) -> Figure:
    n_read = sum(row["verified"] for row in rows)
    unread = [row for row in rows if not row["verified"]]
    return Figure(
        figure_id,
        f"The rules of {n_read} of {count(len(rows), 'score')} have been read in their sources",
        Needle(n_read, len(rows), "scores whose rule was read in its source"),
        [RULES],
        Table(HEAD, [_line(row) for row in rows]),
        notes=["Thresholds and sources of each are in the same table of the snapshot."],
        appendix=True,
        brief=Table([HEAD[0], HEAD[1], HEAD[5]], [_short(row) for row in unread]) if unread else None,
    )


def _line(row: Row) -> list[Cell]:
    return [
        f"{row['param']} ({row['paramcd']})",
        f"{row['title']}, {row['version']}",
        "yes" if row["verified"] else "no",
        row["missing_allowed"],
        {True: "published", False: "a choice", None: "–"}[row.get("missing_rule_verified")],
        row["unsure"] or "–",
    ]


def _short(row: Row) -> list[Cell]:
    name, rule, *_, unsure = _line(row)
    return [name, rule, unsure]
