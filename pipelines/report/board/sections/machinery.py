"""Section 11: did the nights run, and do chains and digests hold?"""

from __future__ import annotations

from datetime import date

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, day

QUESTION = "Can the machinery be trusted this month?"
NIGHTS = 28
CAME = "quality.arrival_night"
_REFUSED = """
    SELECT count(*) FILTER (state = 'rejected') AS n_refused, count(*) AS n
    FROM quality.arrival_night WHERE state IN ('accepted', 'partial', 'rejected')
"""
ALTERED = "something was altered after it was written; the data manager must find out what"
OUTCOMES = {
    "published": "published",
    "held_back": "held back by a blocking check",
    "failed": "failed",
    "running": "not finished",
    "ingested": "took in a drop",
}


# What a board may ask of the machinery and nobody has written down here: said, so that silence is not taken for "well".
UNKNOWN = {
    "Built again from the originals, and compared": "not recorded; `ict-trial nightly --full` does it, and the digests "
    "on the cover must stay",
    "Restored from a backup on an empty machine": "not recorded; ask the data manager for the date and the outcome",
    "Allocation held against use of the programme": "not in here, because it would tell of arms; the independent "
    "statistician makes it with the closed report and tells the board whether it holds",
    "Incidents of unblinding or privacy": "not recorded by this program; ask the sponsor",
}


def build(source: Source, trial: Trial) -> Section:
    """The nights of the last four weeks by outcome, whether chains and digests hold, and what nobody has recorded.

    A night that was run again on its day, with the same outcome, counts once.
    """
    trust = _trust(source)
    if not source.has("board.night"):
        said = ["The records of the nights are not kept with this snapshot."]
        return Section(11, QUESTION, [], figures=[trust], absent=said)
    rows = source.rows(
        "SELECT DISTINCT as_of, outcome FROM board.night WHERE as_of > $day - $nights AND as_of <= $day ORDER BY ALL",
        day=trial.as_of,
        nights=NIGHTS,
    )
    (first,) = source.rows("SELECT min(as_of) AS day FROM board.night WHERE as_of <= $day", day=trial.as_of)
    return Section(11, QUESTION, [_answer(rows)], figures=[_nights(rows, first["day"], trial.as_of), trust])


def _trust(source: Source) -> Figure:
    """Each thing that can be known of the machinery, and what is known of it."""
    known = _known(source)
    lines: list[list[Cell]] = [[what, said] for what, said in (known | UNKNOWN).items()]
    return Figure(
        "T11.2",
        _trust_title(source),
        Needle(len(known), len(lines), "things that a record tells of"),
        ["board.audit", *([CAME] if source.has(CAME) else [])],
        Table(["What", "What is known of it"], lines),
    )


def _known(source: Source) -> dict[str, str]:
    said = {
        "Digests of the tables": "computed again from the written file before it was published; a difference stops it"
    }
    if source.has(CAME):
        row = source.row(_REFUSED)
        said["Files refused or held"] = (
            f"on {row['n_refused'] or 'none'} of {count(row['n'], 'night')} with a file, by site and kind, in 90 days: "
            "section 2 shows where; why, the data manager knows"
        )
    for row in source.rows("SELECT * FROM board.audit") if source.has("board.audit") else []:
        said["Chain of all changes"] = (
            "each change follows from the one before" if row["chain_holds"] else f"BROKEN: {ALTERED}"
        )
        said["Ledger of the nights"] = (
            f"whole; of the earlier nights' chains {row['n_unexplained'] or 'none'} changed without a known reason"
            if row["ledger_holds"]
            else f"BROKEN: {ALTERED}"
        )
    return said


def _trust_title(source: Source) -> str:
    rows = source.rows("SELECT * FROM board.audit") if source.has("board.audit") else []
    if not rows:
        return "Whether the audit trail holds was not recorded for this snapshot"
    if all(row["chain_holds"] and row["ledger_holds"] and not row["n_unexplained"] for row in rows):
        return "The audit trail holds; a rebuild, a restore and incidents are not recorded here"
    return "The audit trail does not hold: the data manager must find out what was altered"


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


def _nights(rows: list[Row], first: date | None, today: date) -> Figure:
    lines: list[list[Cell]] = [
        [
            capital(words),
            sum(row["outcome"] == outcome for row in rows),
            max((row["as_of"] for row in rows if row["outcome"] == outcome), default=None),
        ]
        for outcome, words in OUTCOMES.items()
    ]
    nights = {row["as_of"] for row in rows}
    due = min(NIGHTS, (today - first).days + 1) if first else 0
    title = f"No night was missed: a run on each of {count(due, 'day')}"
    if not due:
        title = "No run is on record"
    elif len(nights) < due:
        title = f"No run was made on {count(due - len(nights), 'day')} of the last {due}"
    if 0 < due < NIGHTS:
        title += f" since the first night, of {day(first)}"
    return Figure(
        "T11.1",
        title,
        Needle(len(nights), due, "days since the first night, with a run"),
        ["board.night"],
        Table(["Outcome", "Days", "Last as of"], lines, numeric=frozenset({1})),
    )
