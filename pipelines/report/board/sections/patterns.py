"""Section 10: central statistical checks, for discussion; never red."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial

QUESTION = "Is anything odd enough to discuss?"


def build(source: Source, trial: Trial) -> Section:
    """Not in this snapshot."""
    return Section(10, QUESTION, [], absent=["The central statistical checks are not in this snapshot."])
