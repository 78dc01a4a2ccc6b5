"""Which of a site's sources a file belongs to."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pipelines.landing.readers import UnreadableError, listed, shown
from pipelines.landing.readers.packed import bare_name, raw_chunks
from pipelines.landing.receipt import Receipt
from pipelines.study.source import Blinding, Delimited, Read, Scope, Source
from pipelines.study.study import Site
from pipelines.validation.mapping import may_be_data
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
    header, instead = _csv_header(path, name)
    if set(feed.header) <= set(header):
        return _house(receipt, feed, header)
    for source in site.feeds.get(feed.name, []):  # type: ignore[call-overload]
        if fnmatchcase(name, source.files) or fnmatchcase(bare_name(name), source.files):
            source = _with_path(source, receipt.file_name)
            default: Scope = "full" if feed.full_by_default else "incremental"
            return Choice(
                source.source,
                source.read,
                receipt.scope or source.scope or default,
                source.blinding or feed.blinding,
                source,
            )
    raise UnreadableError(_taken_by_none(name, _not_house(header, instead, feed), site, feed))


def _with_path(source: Source, file_name: str) -> Source:
    """The source with what the folders and the name of this file say of its rows. Raises UnreadableError."""
    if source.from_path is None:
        return source
    parts = re.split(r"\{(\w+)\}|(\*)", source.from_path)
    pattern = ""
    for text, name, star in zip(parts[::3], [*parts[1::3], None], [*parts[2::3], None], strict=True):
        pattern += re.escape(text) + (f"(?P<{name}>[^/]+?)" if name else "[^/]*" if star else "")
    found = re.fullmatch(pattern, file_name)
    if found is None:
        raise UnreadableError(
            f"its path must say of whom it is, as {source.from_path}; put the file into the right folder below the feed"
        )
    return source.model_copy(update={"constants": {**source.constants, **found.groupdict()}})


def _house(receipt: Receipt, feed: Feed, header: list[str]) -> Choice:
    read = Delimited(format="delimited")
    columns = {c.name: c.name for c in feed.columns if not c.optional or c.name in header}
    source = Source(source=HOUSE, files="*.csv", read=read, columns=columns)
    return Choice(HOUSE, read, receipt.scope or "incremental", feed.blinding, source)


def _csv_header(path: Path, name: str) -> tuple[list[str], str]:
    """The first line of a `.csv`, packed or not, as column names, or none and why it cannot be in the house format."""
    if not bare_name(name).lower().endswith(".csv"):
        return [], "its name does not end in .csv, .csv.gz or .csv.zip"
    try:
        start = next(raw_chunks(path, name, chunk=_HEADER_BYTES), b"")
        return _column_names(start)
    except UnreadableError as error:
        return [], str(error)
    except UnicodeDecodeError:
        return [], 'its first line is not text in UTF-8; save it as "CSV UTF-8"'
    except csv.Error:
        return [], "its first line cannot be split into column names; export the file again"


def _column_names(start: bytes) -> tuple[list[str], str]:
    """Of a file that begins with `start`; empty lines before the header are passed over, as in its reading."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in start[:4]:
        return [], 'the file is in UTF-16, not UTF-8; save it as "CSV UTF-8"'
    line = next(filter(None, start.removeprefix(codecs.BOM_UTF8).splitlines()), b"").decode()
    if not line.strip():
        return [], "the file is empty; a file without rows still has its header line"
    return [cell.strip() for cell in next(csv.reader([line]))], ""


def _not_house(header: list[str], instead: str, feed: Feed) -> str:
    """What keeps a file from being read in the house format."""
    if instead:
        return f"{instead} (expected: a CSV in UTF-8 with the columns {', '.join(feed.header)})"
    text = f"it lacks the columns {listed(c for c in feed.header if c not in header)}"
    unexpected = [column for column in header if column and column not in feed.header]
    if may_be_data(unexpected, header):  # which is not told
        return f"{text}; its first line must hold the columns' names and nothing else"
    return f"{text} and holds unexpected ones: {listed(unexpected)}" if unexpected else text


def _taken_by_none(name: str, why_not_house: str, site: Site, feed: Feed) -> str:
    sources = site.feeds.get(feed.name, [])  # type: ignore[call-overload]
    takes = ", ".join(f"{source.source} ({source.files})" for source in sources)
    if not takes:
        return (
            f"the study file names no source of {feed.name} for {site.site}, so that {shown(name)} must be in the "
            f"house format: {why_not_house}"
        )
    return (
        f"no source of {site.site} takes a {feed.name} file called {shown(name)} (they take: {takes}), and it is not "
        f"in the house format either: {why_not_house}"
    )
