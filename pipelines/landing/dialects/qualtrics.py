"""Qualtrics: three header rows (names, question texts, ImportId), previews and tests among the responses.

A column goes by its name (`Q1_2`) or by its ImportId (`QID1_2`), which stays when a question is renamed; the
study file may use either. Codes of Status are bits: 1 preview, 2 test (also with 8 spam, 16 offline).
Source: qualtrics.com, "Understanding Your Dataset"; ropensci/qualtRics.
"""

from __future__ import annotations

import json
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
FINISHED = ("1", "true")
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
    standard = {own: name for name, own in ids.items()}
    needs = [standard.get(own) for own in ("status", "distributionChannel", "finished")]
    if settings.unfinished == "leave_out" and needs[2] is None:
        raise UnreadableError(
            "the file has no column Finished, by which unfinished responses are told; export it too, or have the "
            "study file say `unfinished: read`"
        )
    status, channel, finished = needs if settings.unfinished == "leave_out" else [*needs[:2], None]
    wanted = tuple(name for name in (status, channel, finished) if name)
    made = {COUNTS: Made(wanted, partial(_counts, status=status, channel=channel, finished=finished))}
    table = Reshaped(export.open(export.source), names, made if wanted else {}, HEADER_ROWS)
    return Opened(table, only_what_counts(export.source) if wanted else export.source)


def _import_ids(table: Table) -> dict[str, dict[str, Any]]:
    """What the third header row says of each column."""
    header = table.header or []
    batch = next(iter(table.batches(header)), None)
    row = batch.cells.row(HEADER_ROWS - 1, named=True) if batch and batch.cells.height >= HEADER_ROWS else {}
    facts = {name: _fact(cell) for name, cell in row.items()}
    lacking = [name for name in header if "ImportId" not in facts.get(name, {})]
    if lacking or not facts:
        raise UnreadableError(
            'the third line is not the row of {"ImportId": …} that Qualtrics writes; it is missing for '
            f"{listed(lacking)}; download the data as CSV or TSV anew and do not delete any header line"
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


def _counts(cells: pl.DataFrame, status: str | None, channel: str | None, finished: str | None) -> pl.Series:
    import polars as pl

    counts = pl.lit(True)
    if status:
        code = pl.col(status).cast(pl.Int64, strict=False).fill_null(0)
        by_text = pl.col(status).str.contains(r"(?i)preview|test").fill_null(False)
        counts &= ((code & 3) == 0) & ~by_text
    if channel:
        counts &= ~pl.col(channel).str.to_lowercase().is_in(["preview", "test"]).fill_null(False)
    if finished:
        counts &= pl.col(finished).str.to_lowercase().is_in(FINISHED).fill_null(False)
    return marked(cells.select(counts.alias("counts")).to_series())


QUALTRICS = Dialect(PLUMBING, open=_open)
