"""Section 8: data queries by age, and what each re-delivery changed."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial

QUESTION = "Are queries and corrections being handled?"


def build(source: Source, trial: Trial) -> Section:
    """Not in this snapshot."""
    return Section(8, QUESTION, [], absent=["This snapshot does not hold the summaries of queries and corrections."])
