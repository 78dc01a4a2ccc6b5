"""What the contract asks of every row of a log, as pandera checks it for polars and pandas alike: the first step of
the ways that check as a night does. A fault ends them; the log that is compared has none."""

from __future__ import annotations

from typing import Any

from schemas.feeds.feed import IDENTIFIER
from schemas.feeds.usage import USAGE

TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"
SECONDS = r"^\d+(\.\d+)?$"
CODES = {column.name: list(column.codes) for column in USAGE.columns if column.codes}


def check_text(pandera: Any, log: Any) -> None:
    """Every cell as it was sent, and every event once; `pandera` is its module for the frame that `log` is.

    Raises pandera's SchemaErrors.
    """
    column, check = pandera.Column, pandera.Check
    columns = {
        "event_id": column(str, check.str_matches(IDENTIFIER), unique=True),
        "subject_id": column(str, check.str_matches(IDENTIFIER), nullable=True),
        "occurred_at": column(str, check.str_matches(TIME), nullable=True),
        "actor": column(str, check.isin(CODES["actor"]), nullable=True),
        "event": column(str, check.isin(CODES["event"]), nullable=True),
        "module": column(str, nullable=True),
        "duration_s": column(str, check.str_matches(SECONDS), nullable=True),
    }
    pandera.DataFrameSchema(columns, strict=True).validate(log, lazy=True)


def check_times(pandera: Any, log: Any, now: Any) -> None:
    """No event lies in the future. Raises pandera's SchemaErrors."""
    columns = {"occurred_at": pandera.Column(checks=pandera.Check.le(now), nullable=True)}
    pandera.DataFrameSchema(columns).validate(log, lazy=True)
