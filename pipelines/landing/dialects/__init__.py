"""One module a system: what is known about its exports, beyond their file format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.landing.dialects.dialect import Dialect, Export, Opened
from pipelines.landing.dialects.limesurvey import LIMESURVEY
from pipelines.landing.dialects.moodle import MOODLE
from pipelines.landing.dialects.qualtrics import QUALTRICS
from pipelines.landing.dialects.redcap import REDCAP
from pipelines.landing.dialects.xapi import XAPI

if TYPE_CHECKING:
    from pipelines.study.source import Source

DIALECTS: dict[str | None, Dialect] = {
    None: Dialect(),
    "redcap": REDCAP,
    "qualtrics": QUALTRICS,
    "limesurvey": LIMESURVEY,
    "moodle": MOODLE,
    "xapi": XAPI,
}


def dialect_of(source: Source) -> Dialect:
    """The dialect that the study file says a source's files are in."""
    return DIALECTS[source.system]


def open_export(export: Export) -> Opened:
    """The file's table as its source's mapping knows it. Raises UnreadableError."""
    return dialect_of(export.source).open(export)


__all__ = ["DIALECTS", "Dialect", "Export", "Opened", "dialect_of", "open_export"]
