"""Section 11: did the nights run, and do chains and digests hold?"""

from __future__ import annotations

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, day

QUESTION = "Can the machinery be trusted this month?"
NIGHTS = 28
OUTCOMES = {
    "published": "published",
    "held_back": "held back by a blocking check",
    "failed": "failed",
    "running": "not finished",
    "ingested": "took in a drop",
}


def build(source: Source, trial: Trial) -> Section:
    """The nights of the last four weeks, by outcome; one that was run again on its day, with the same, counts once."""
    if not source.has("board.night"):
        return Section(11, QUESTION, [], absent=["The records of the nights are not kept with this snapshot."])
    rows = source.rows(
        "SELECT DISTINCT as_of, outcome FROM board.night WHERE as_of > $day - $nights ORDER BY ALL",
        day=trial.as_of,
        nights=NIGHTS,
    )
    return Section(11, QUESTION, [_answer(rows)], figures=[_nights(rows)])


def _answer(rows: list[Row]) -> str:
    if not rows:
        return f"No night is on record for the last {NIGHTS} days."
    bad = [row for row in rows if row["outcome"] in ("failed", "held_back")]
    published = {row["as_of"] for row in rows if row["outcome"] == "published"}
    said = f"In the last {NIGHTS} days {count(len(published), 'night was', 'nights were')} published"
    if not bad:
        return f"{said}; none failed and none was held back."
    return (
        f"{said}; on {count(len({row['as_of'] for row in bad}), 'day')} one failed or was held back, the last on "
        f"{day(bad[-1]['as_of'])}."
    )


def _nights(rows: list[Row]) -> Figure:
    lines: list[list[Cell]] = [
        [
            capital(words),
            sum(row["outcome"] == outcome for row in rows),
            max((row["as_of"] for row in rows if row["outcome"] == outcome), default=None),
        ]
        for outcome, words in OUTCOMES.items()
    ]
    nights = {row["as_of"] for row in rows}
    return Figure(
        "T11.1",
        f"Runs were made on {count(len(nights), 'day')} of the last {NIGHTS}",
        Needle(len(nights), NIGHTS, "days with a run"),
        ["board.night"],
        Table(["Outcome", "Days", "Last as of"], lines, numeric=frozenset({1})),
    )
