"""What a proposed mapping would make of the file it was proposed for, read as a night would read it."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.study.source import Source
from pipelines.validation.intake import read_delivery
from pipelines.validation.rows import Rows
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class TriedOut:
    """`rejected` says why the file could not be read so; `refused` counts rows by rule and column of the file, with
    one message each."""

    rejected: str | None
    n_rows: int = 0
    n_accepted: int = 0
    n_quarantined: int = 0
    n_duplicate: int = 0
    unused: tuple[str, ...] = ()
    refused: tuple[tuple[str, str, int, str], ...] = ()


def try_out(protocol: Protocol, site_id: str, feed: str, source: dict[str, Any], path: Path) -> TriedOut:
    """Read `path` with `source` as the site's only mapping of the feed, in a folder that is thrown away."""
    try:
        only = Source.model_validate(source)
    except ValidationError as error:
        return TriedOut(f"the mapping is not complete: {error.errors()[0]['msg']}")
    site = protocol.study.site_by_id[site_id]
    alone = site.model_copy(update={"feeds": {feed: [only]}})
    study = protocol.study.model_copy(update={"sites": [alone]})
    study.__dict__.pop("site_by_id", None)  # it was worked out for the sites before
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        receipt = _receipt(workspace, site_id, feed, path)
        return _told(read_delivery(workspace, replace(protocol, study=study), receipt))


def _receipt(workspace: Workspace, site_id: str, feed: str, path: Path) -> Receipt:
    digest = sha256(path.read_bytes()).hexdigest()
    original = workspace.original(digest)
    original.parent.mkdir(parents=True)
    shutil.copyfile(path, original)
    now = datetime.now(UTC)
    return Receipt("sample", site_id, feed, path.name, digest, path.stat().st_size, now, now, "sample")


def _told(rows: Rows) -> TriedOut:
    import polars as pl

    if rows.rejected or rows.quarantine is None:
        return TriedOut(rows.rejected)
    lines = pl.read_parquet(rows.quarantine).select("rule", "column_name", "message").rows()
    counted = Counter((rule, column) for rule, column, _ in lines)
    messages = {(rule, column): message for rule, column, message in reversed(lines)}
    return TriedOut(
        None,
        rows.n_rows,
        rows.n_accepted,
        rows.n_quarantined,
        rows.n_duplicate,
        tuple(rows.unknown_columns),
        tuple((*key, count, messages[key]) for key, count in counted.most_common()),
    )
