"""Which of a site's sources a file belongs to."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pipelines.landing.readers import UnreadableError, listed, shown
from pipelines.landing.readers.packed import bare_name, raw_chunks
from pipelines.landing.receipt import Receipt
from pipelines.study.source import Blinding, Delimited, Read, Scope, Source
from pipelines.study.study import Site
from schemas.feeds import Feed

HOUSE = "house"
_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Choice:
    """The stream a file belongs to, and how it is to be read. A house file has no mapping."""

    stream: str
    read: Read
    scope: Scope
    blinding: Blinding
    source: Source


def choose_source(path: Path, receipt: Receipt, site: Site, feed: Feed) -> Choice:
    """House format by its header, whatever the file is called; else the first source whose pattern takes the
    name. Raises UnreadableError where there is neither."""
    name = PurePosixPath(receipt.file_name).name
    header = _csv_header(path, name)
    if header is not None and set(feed.header) <= set(header):
        return _house(receipt, feed)
    for source in site.feeds.get(feed.name, []):  # type: ignore[call-overload]
        if fnmatchcase(name, source.files) or fnmatchcase(bare_name(name), source.files):
            default: Scope = "full" if feed.full_by_default else "incremental"
            return Choice(
                source.source,
                source.read,
                receipt.scope or source.scope or default,
                source.blinding or feed.blinding,
                source,
            )
    raise UnreadableError(_taken_by_none(name, header, site, feed))


def _house(receipt: Receipt, feed: Feed) -> Choice:
    read = Delimited(format="delimited")
    source = Source(source=HOUSE, files="*.csv", read=read, columns={name: name for name in feed.header})
    return Choice(HOUSE, read, receipt.scope or "incremental", feed.blinding, source)


def _csv_header(path: Path, name: str) -> list[str] | None:
    """The first line of a `.csv`, packed or not, as column names, or None where it is not UTF-8 or not such a file."""
    if not bare_name(name).lower().endswith(".csv"):
        return None
    try:
        start = next(raw_chunks(path, name, chunk=_HEADER_BYTES), b"")
        line = start.splitlines()[0].decode("utf-8-sig") if start else ""
        rows = list(csv.reader([line]))
    except (UnicodeDecodeError, UnreadableError, OSError, csv.Error):
        return None
    return [cell.strip() for cell in rows[0]] if rows else None


def _taken_by_none(name: str, header: list[str] | None, site: Site, feed: Feed) -> str:
    sources = site.feeds.get(feed.name, [])  # type: ignore[call-overload]
    takes = ", ".join(f"{source.source} ({source.files})" for source in sources)
    text = f"no source of {site.site} takes a {feed.name} file called {shown(name)}"
    text += f"; its sources take: {takes}" if takes else "; the study file names no source of that feed for it"
    if header is None:
        return f"{text}; nor is it a CSV in UTF-8 with the house columns {', '.join(feed.header)}"
    text += f"; for the house format it lacks the columns {listed(c for c in feed.header if c not in header)}"
    unexpected = [column for column in header if column not in feed.header]
    return f"{text} and holds unexpected ones: {listed(unexpected)}" if unexpected else text
