"""Section 9: the quality of the programme's log, all sites together."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial

QUESTION = "Is the engagement data usable?"


def build(source: Source, trial: Trial) -> Section:
    """Not in this snapshot."""
    return Section(
        9,
        QUESTION,
        [],
        absent=["The quality of the programme's log is not in this snapshot, or fewer than ten people use it."],
    )
