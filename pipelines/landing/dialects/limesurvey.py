"""LimeSurvey: question codes as headings, unfinished responses among the others.

Codes are written `Q1[SQ001]`, or `Q1_SQ001` (expression manager codes; R and SPSS), or with the question's text
behind them (`Q1[SQ001]. Text`). A response without `submitdate` was not finished; a survey that keeps no dates
writes 1980-01-01 there. Source: LimeSurvey, application/helpers/admin/export/Writer.php and viewHelper.php.
"""

from __future__ import annotations

import re
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
from pipelines.landing.readers import UnreadableError
from pipelines.study.dialect import PERSONAL, LimeSurvey
from pipelines.study.source import number_in

if TYPE_CHECKING:
    import polars as pl

SUBMITTED = "submitdate"
NO_DATE = "1980-01-01 00:00:00"
PLUMBING = (
    *("id", SUBMITTED, "lastpage", "startlanguage", "seed", "token", "startdate", "datestamp"),
    *("interviewtime", "groupTime*", "*Time"),
    *PERSONAL["limesurvey"],
)


def _open(export: Export) -> Opened:
    settings = export.source.dialect
    assert isinstance(settings, LimeSurvey)
    table = export.open(export.source)
    patterns = list(dict.fromkeys(p for source in (export.source, *export.others) for p in source.patterns))
    names: dict[str, str] = {}
    for column in table.header or []:
        if (shown := _as_mapped(column, patterns)) and shown != column:
            names.setdefault(shown, column)
    if settings.unfinished == "read":
        return Opened(Reshaped(table, names), export.source)
    submitted = names.get(SUBMITTED, SUBMITTED)
    if submitted not in (table.header or []):
        raise UnreadableError(
            f"the file has no column {SUBMITTED}, by which unfinished responses are told; export it too (with "
            "question codes as headings), or have the study file say `unfinished: read`"
        )
    counts = Made((submitted,), lambda cells: _has_text(cells[submitted]))
    return Opened(Reshaped(table, names, {COUNTS: counts}), only_what_counts(export.source))


def _as_mapped(column: str, patterns: list[str]) -> str | None:
    """A heading as the study file writes the same code, or None where it does not name it."""
    code = column.split(". ", 1)[0]
    for pattern in patterns:
        for written in (pattern, _underscored(pattern)):
            for candidate in (column, code):
                number = number_in(written, candidate)
                if number is not None:
                    return pattern.replace("{n}", number)
    return None


def _underscored(code: str) -> str:
    """`Q1[SQ001]` as `Q1_SQ001`, `Q1[SQ001][1]` as `Q1_SQ001_1`."""
    return re.sub(r"\[([^\]]*)\]", r"_\1", code)


def _has_text(text: pl.Series) -> pl.Series:
    return marked(text.str.strip_chars().fill_null("") != "")


LIMESURVEY = Dialect(PLUMBING, blanks=(NO_DATE,), open=_open)
