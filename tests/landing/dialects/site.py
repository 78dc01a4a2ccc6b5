"""One site of the built-in study, sending in one dialect."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.study.load import Protocol
from pipelines.study.redcap_dictionary import read_dictionary
from pipelines.study.source import Source
from tests.validation.deliver import Read, deliver


def site_with(protocol: Protocol, *sources: tuple[str, dict[str, Any]], dictionary: Path | None = None) -> Protocol:
    """The protocol whose site oxford sends these (feed, source)."""
    feeds: dict[str, list[Source]] = {}
    for feed, facts in sources:
        whole = {"source": feed, "files": "*", "read": {"format": "delimited"}, **facts}
        feeds.setdefault(feed, []).append(Source.model_validate(whole))
    site = protocol.study.site_by_id["oxford"].model_copy(update={"feeds": feeds})
    others = [s for s in protocol.study.sites if s.site != "oxford"]
    study = protocol.study.model_copy(update={"sites": [site, *others]})
    study.__dict__.pop("site_by_id", None)
    known = {dictionary.name: read_dictionary(dictionary)} if dictionary else {}
    return replace(protocol, study=study, digest="changed", dictionaries=known)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def sent(
    folder: Path, protocol: Protocol, feed: str, content: str | bytes, name: str = "export.csv", **facts: Any
) -> Read:
    return deliver(folder, protocol, content, "oxford", feed, name, **facts)
