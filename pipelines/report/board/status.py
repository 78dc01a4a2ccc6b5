"""The seven statuses, first match wins: glyph and words say it, colour is the third cue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """`flagged`: it asks somebody to look, or says that nobody could."""

    code: str
    glyph: str
    words: str
    meaning: str
    flagged: bool


STATUSES = {
    status.code: status
    for status in (
        Status("BROKEN", "!", "CHECK BROKEN", "the check itself failed or could not be made", True),
        Status("NO_DATA", "∅", "NO DATA", "nothing usable came when it was due, so the number is old", True),
        Status("ACTION", "■", "ACTION", "beyond what was tolerated: somebody must act", True),
        Status("WATCH", "▲", "WATCH", "more than chance would easily give: look again", True),
        Status("TOO_FEW", "n<", "TOO FEW", "fewer records than a judgement needs", False),
        Status("NOT_APPLICABLE", "–", "NOT APPLICABLE", "does not concern this site, or is not due yet", False),
        Status(
            "OK",
            "✓",
            "OK",
            "within what was tolerated, or beyond it by no more than chance easily gives; drawn plain",
            False,
        ),
    )
}
ORDER = tuple(STATUSES)


def worst(codes: Iterable[str]) -> str:
    """The first of the codes in the order of the statuses; NOT_APPLICABLE where there is none."""
    return min(codes, key=ORDER.index, default="NOT_APPLICABLE")
