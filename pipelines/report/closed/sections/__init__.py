"""One module a section of the closed report, each with `build(source, trial)` as the open report's have."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.closed.sections import (
    adverse_events,
    allocation_check,
    cover,
    engagement,
    flow,
    leaving,
    missing,
    outcomes,
    responses,
    returns,
)

SECTIONS: tuple[Callable[[Source, Trial], Section], ...] = (
    cover.build,
    flow.build,
    returns.build,
    missing.build,
    outcomes.build,
    responses.build,
    engagement.build,
    adverse_events.build,
    leaving.build,
    allocation_check.build,
)
