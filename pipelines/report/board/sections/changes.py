"""Section 12: what of protocol, program, libraries, thresholds and dictionary differs from the last pack's."""

from __future__ import annotations

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, day

QUESTION = "What changed in the rules?"


def build(source: Source, trial: Trial) -> Section:
    """The list, with the reason that the study file gives."""
    if not source.has("board.rule_change", "board.last_pack"):
        return Section(12, QUESTION, [], absent=["The changes of rules are not recorded for this snapshot."])
    last = source.rows("SELECT * FROM board.last_pack")
    if not last:
        return Section(12, QUESTION, ["There is no earlier pack to compare with."])
    rows = source.rows("SELECT what, before, now, reason FROM board.rule_change ORDER BY what")
    since = day(last[0]["as_of"])
    if not rows:
        return Section(12, QUESTION, [f"Nothing, since the pack of {since}."])
    lines: list[list[Cell]] = [
        [row["what"], _short(row["before"]), _short(row["now"]), row["reason"] or "–"] for row in rows
    ]
    differs = "differs from that" if len(rows) == 1 else "differ from those"
    figure = Figure(
        "T12.1",
        f"{capital(count(len(rows), 'rule or tool', 'rules and tools'))} {differs} of the pack of {since}",
        Needle(len(rows), len(rows), "changes", "change"),
        ["board.rule_change"],
        Table(["What", "Then", "Now", "Reason"], lines),
        notes=["Who changed the study file, its own history says; it is identified by its digest."],
    )
    return Section(12, QUESTION, [], figures=[figure])


def _short(text: str | None) -> str:
    """A digest by its beginning."""
    return "–" if text is None else f"{text[:12]}..." if len(text) == 64 and " " not in text else text
