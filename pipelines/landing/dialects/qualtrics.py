"""Qualtrics: three header rows (names, question texts, ImportId), previews and tests among the responses.

A column goes by its name (`Q1_2`) or by its ImportId (`QID1_2`), which stays when a question is renamed; the
study file may use either. Codes of Status are bits: 1 preview, 2 test (also with 8 spam, 16 offline).
Source: qualtrics.com, "Understanding Your Dataset"; ropensci/qualtRics.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

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
from pipelines.landing.readers import Table, UnreadableError, listed
from pipelines.study.dialect import PERSONAL, Qualtrics

if TYPE_CHECKING:
    import polars as pl

HEADER_ROWS = 2  # beyond the first, which the reader takes
STATUS, CHANNEL, FINISHED = "status", "distributionChannel", "finished"  # by their ImportId
NO_RESPONSE = 1 | 2  # bits of Status: preview, test
PLUMBING = (
    *("StartDate", "EndDate", "RecordedDate", "Status", "Progress", "Duration (in seconds)", "Finished"),
    *("ResponseId", "ResponseID", "ResponseSet", "ExternalReference", "DistributionChannel", "UserLanguage"),
    *("startDate", "endDate", "recordedDate", "status", "progress", "duration", "finished", "_recordId"),
    *("externalDataReference", "distributionChannel", "userLanguage"),
    *PERSONAL["qualtrics"],
)


def _open(export: Export) -> Opened:
    settings = export.source.dialect
    assert isinstance(settings, Qualtrics)
    facts = _import_ids(export.open(export.source))
    _same_clock(facts, export.zone)
    ids = {name: str(fact["ImportId"]) for name, fact in facts.items()}
    names = {own: name for name, own in ids.items() if export.wants(own) and not export.wants(name)}
    told = _told_by({own: name for name, own in ids.items()}, settings)
    table = Reshaped(export.open(export.source), names, skip=HEADER_ROWS)
    if not told:
        return Opened(table, export.source)
    table.made = {COUNTS: Made(tuple(told.values()), partial(_counts, told=told))}
    return Opened(table, only_what_counts(export.source))


def _told_by(columns: Mapping[str, str], settings: Qualtrics) -> dict[str, str]:
    """The columns (by ImportId) that tell which responses are read."""
    if settings.unfinished == "leave_out" and FINISHED not in columns:
        raise UnreadableError(
            "the file has no column Finished, by which unfinished responses are told; export it too, or have the "
            "study file say `unfinished: read`"
        )
    telling = [STATUS, CHANNEL] if settings.unfinished == "read" else [STATUS, CHANNEL, FINISHED]
    return {own: columns[own] for own in telling if own in columns}


def _import_ids(table: Table) -> dict[str, dict[str, Any]]:
    """What the third header row says of each column."""
    header = table.header or []
    batch = next(iter(table.batches(header)), None)
    row = batch.cells.row(HEADER_ROWS - 1, named=True) if batch and batch.cells.height >= HEADER_ROWS else {}
    facts = {name: _fact(cell) for name, cell in row.items()}
    lacking = [name for name in header if "ImportId" not in facts.get(name, {})]
    if lacking or not facts:
        # Where it is missing everywhere the first line may be data.
        which = f" (it is missing for {listed(lacking)})" if len(lacking) < len(header) else ""
        raise UnreadableError(
            'the third line is not the row of {"ImportId": …} that Qualtrics writes'
            f"{which}; download the data as CSV or TSV anew and do not delete any header line"
        )
    return facts


def _fact(cell: str | None) -> dict[str, Any]:
    """Older exports write the JSON in single quotes."""
    for text in (cell or "", (cell or "").replace("'", '"')):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    return {}


def _same_clock(facts: dict[str, dict[str, Any]], zone: str) -> None:
    """An export says by which clock it was made; read by another, every time would be hours off."""
    said = {str(fact["timeZone"]) for fact in facts.values() if fact.get("timeZone")}
    said = {"UTC" if name == "Z" else name for name in said}
    if said and not _are_one_clock({*said, zone}):
        raise UnreadableError(
            f"the file's times are by the clock of {listed(sorted(said))}, the study file reads them by {zone}; "
            "have the study file say so under `timezone` of this source, or export with the right time zone"
        )


def _are_one_clock(zones: set[str]) -> bool:
    """Names of the same zone, or of zones that have kept the same time all through the last decades."""
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    moments = [datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=10 * n) for n in range(1000)]
    try:
        clocks = [[moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments] for zone in zones]
    except (KeyError, ValueError):
        return False
    return all(clock == clocks[0] for clock in clocks)


def _counts(cells: pl.DataFrame, told: Mapping[str, str]) -> pl.Series:
    import polars as pl

    counts = pl.lit(True)
    if STATUS in told:
        status = pl.col(told[STATUS])
        is_code = (status.cast(pl.Int64, strict=False).fill_null(0) & NO_RESPONSE) != 0
        counts &= ~is_code & ~status.str.contains(r"(?i)preview|test").fill_null(False)
    if CHANNEL in told:
        counts &= ~pl.col(told[CHANNEL]).str.to_lowercase().is_in(["preview", "test"]).fill_null(False)
    if FINISHED in told:
        counts &= pl.col(told[FINISHED]).str.to_lowercase().is_in(["1", "true"]).fill_null(False)
    return marked(cells.select(counts.alias("counts")).to_series())


QUALTRICS = Dialect(PLUMBING, open=_open)
