"""Section 11: nights, drills, chains and digests."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial

QUESTION = "Can the machinery be trusted this month?"


def build(source: Source, trial: Trial) -> Section:
    """Not in this snapshot."""
    return Section(11, QUESTION, [], absent=["The records of the nights are not in this snapshot."])
