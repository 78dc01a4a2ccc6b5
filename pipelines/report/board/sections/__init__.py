"""One module a section, each with `build(source, trial)`: a question, the answer in words, the figures that show it."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.report.board.parts import Section
from pipelines.report.board.sections import (
    arrival,
    attention,
    changes,
    corrections,
    cover,
    engagement,
    indicators,
    machinery,
    missing,
    patterns,
    recruitment,
    retention,
    rules,
)
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial

Build = Callable[[Source, Trial], Section]
SECTIONS: tuple[Build, ...] = (
    cover.build,
    attention.build,
    arrival.build,
    recruitment.build,
    retention.build,
    missing.build,
    rules.build,
    indicators.build,
    corrections.build,
    engagement.build,
    patterns.build,
    machinery.build,
    changes.build,
)
