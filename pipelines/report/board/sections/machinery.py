"""Section 11: did the nights run, and do chains and digests hold?"""

from __future__ import annotations

from datetime import date, timedelta

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, day, number

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
    "Allocation held against use of the programme": "not in here, because it would tell of arms; the independent "
    "statistician makes it with the closed report and tells the board whether it holds",
    "Incidents of unblinding or privacy": "not recorded by this program; ask the sponsor",
}
REBUILT = {  # whether from a backup → what it is, and how it is done
    False: ("Built again from the originals, and compared", "ict-trial verify"),
    True: ("Restored from a backup, built again and compared", "ict-trial verify --backup FOLDER"),
}
_LAST = """
    SELECT *, rebuilt = 'same' AND digests_hold AND chain_holds AS holds FROM board.verification
    WHERE NOT (rebuilt = 'other_rules' AND digests_hold AND chain_holds)  -- nothing was built, and nothing differs
    QUALIFY row_number() OVER (PARTITION BY from_backup ORDER BY made_on DESC, position DESC) = 1
    ORDER BY from_backup
"""


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
    rebuilt = _rebuilt(source)
    known = _known(source) | rebuilt
    lines: list[list[Cell]] = [[what, said] for what, said in (known | UNKNOWN).items()]
    return Figure(
        "T11.2",
        _trust_title(source),
        Needle(len(known), len(lines), "things that a record tells of"),
        ["board.audit", *(["board.verification"] if rebuilt else []), *([CAME] if source.has(CAME) else [])],
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


def _rebuilt(source: Source) -> dict[str, str]:
    """When a snapshot was last built again, from the originals and from a backup, and how that ended."""
    if not source.has("board.verification"):
        return {}
    made = {row["from_backup"]: _ended(row) for row in source.rows(_LAST)}
    return {
        what: made.get(from_backup, f"never done; the command {command} does it")
        for from_backup, (what, command) in REBUILT.items()
    }


def _ended(row: Row) -> str:
    if row["rebuilt"] == "impossible":
        return f"last tried on {day(row['made_on'])}: IT COULD NOT BE DONE; the data manager must find out why"
    took = f"last on {day(row['made_on'])}, in {number(row['seconds'] / 60, 1)} minutes"
    return f"{took}: every table was the same" if row["holds"] else f"{took}: NOT THE SAME; {ALTERED}"


def _trust_title(source: Source) -> str:
    rows = source.rows("SELECT * FROM board.audit") if source.has("board.audit") else []
    if not rows:
        return "Whether the audit trail holds was not recorded for this snapshot"
    if not all(row["chain_holds"] and row["ledger_holds"] and not row["n_unexplained"] for row in rows):
        return "The audit trail does not hold: the data manager must find out what was altered"
    made = source.rows(_LAST) if source.has("board.verification") else []
    if not made:
        return "The audit trail holds; no snapshot was ever built again to compare"
    if not all(row["holds"] for row in made):
        return "The audit trail holds, but a snapshot that was built again was not the same, or could not be built"
    return (
        f"The audit trail holds, and a snapshot built again on {day(max(row['made_on'] for row in made))} was the same"
    )


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
    missed = [today - timedelta(days=ago) for ago in range(due) if today - timedelta(days=ago) not in nights]
    lines.append(["No run", len(missed), max(missed, default=None)])
    title = f"No night was missed: a run on each of {count(due, 'day')}"
    if not due:
        title = "No run is on record"
    elif missed:
        title = f"No run was made on {count(len(missed), 'day')} of the last {due}"
    if 0 < due < NIGHTS:
        title += f" since the first night, of {day(first)}"
    return Figure(
        "T11.1",
        title,
        Needle(len(nights), due, "days since the first night, with a run"),
        ["board.night"],
        Table(["Outcome", "Days", "Last as of"], lines, numeric=frozenset({1})),
    )
