"""xAPI statements: one a record of a JSON file. Statements that void another are no events of their own.

The verb of voiding: xAPI 1.0.3, part two, 2.3.2. A learning record store leaves out of its answers what was voided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.landing.dialects.dialect import (
    COUNTS,
    Dialect,
    Export,
    Made,
    Opened,
    Reshaped,
    marked,
    only_what_counts,
)

if TYPE_CHECKING:
    import polars as pl

VERB = "verb.id"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
PLUMBING = (
    *("id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version"),
    "attachments",
)


def _open(export: Export) -> Opened:
    made = {COUNTS: Made((VERB,), _counts)}
    return Opened(Reshaped(export.open(export.source), made=made), only_what_counts(export.source))


def _counts(cells: pl.DataFrame) -> pl.Series:
    return marked((cells[VERB] != VOIDED).fill_null(True))


XAPI = Dialect(PLUMBING, open=_open)
