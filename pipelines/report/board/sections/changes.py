"""Section 12: protocol, dictionary, thresholds, code and libraries since the last pack."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial

QUESTION = "What changed in the rules?"


def build(source: Source, trial: Trial) -> Section:
    """Not in this snapshot."""
    return Section(12, QUESTION, [], absent=["The changes of rules are not recorded in this snapshot."])
