"""Section 9: can the programme's log be used? Its quality alone, all sites together; use itself is a result."""

from __future__ import annotations

import json

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, day, of

QUESTION = "Is the engagement data usable?"
LOG = "quality.log_quality"
TOO_FEW_USERS = "Fewer than ten people have used the programme by the day up to which this may be told, so nothing is."


def build(source: Source, trial: Trial) -> Section:
    """One table of measures; nothing while they could tell of single people."""
    if not source.has(LOG):
        return Section(9, QUESTION, [], absent=["The quality of the programme's log is not in this snapshot."])
    rows = source.rows("SELECT * FROM quality.log_quality ORDER BY measure")
    if not rows:
        return Section(9, QUESTION, [], absent=[TOO_FEW_USERS])
    meaning = _meanings(source)
    lines: list[list[Cell]] = [
        [
            capital(row["measure"].replace("_", " ")),
            str(row["n"]) if row["n_of"] is None else of(row["n"], row["n_of"]),
            meaning.get(row["measure"], ""),
        ]
        for row in rows
    ]
    users, upto = rows[0]["n_users"], day(rows[0]["upto"])
    return Section(
        9,
        QUESTION,
        ["How much the programme was used is a result, and is not here; only whether its log can be trusted."],
        figures=[
            Figure(
                "T9.1",
                f"The log of {users} people up to {upto}, all sites together, in {len(rows)} measures",
                Needle(users, users, "people who used the programme by then"),
                [LOG],
                Table(["Measure", "Found", "What is counted"], lines),
                notes=["It is told up to that day only, so that no single night can be told from the one before."],
            )
        ],
    )


def _meanings(source: Source) -> dict[str, str]:
    rows = source.rows(
        "SELECT codes FROM meta.column_dictionary WHERE table_name = $table AND column_name = 'measure'", table=LOG
    )
    return dict(json.loads(rows[0]["codes"])) if rows and rows[0]["codes"] else {}
