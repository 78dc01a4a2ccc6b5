"""A delivery from bytes to rows, without the landing around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.validation.intake import read_delivery
from pipelines.validation.rows import RESULT, Rows
from pipelines.workspace import Workspace

PLACE = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Read:
    """What one file came to. `texts` is everything that people may be shown of it."""

    rows: Rows
    accepted: pl.DataFrame
    quarantine: pl.DataFrame
    folder: Path | None

    @property
    def counts(self) -> tuple[int, int, int, int]:
        rows = self.rows
        return rows.n_rows, rows.n_accepted, rows.n_quarantined, rows.n_duplicate

    def refused(self) -> list[tuple[int, str, str]]:
        return self.quarantine["row_no", "rule", "column_name"].rows()

    @property
    def texts(self) -> str:
        shown = self.quarantine.select(pl.exclude("record_key")).write_csv()
        result = (self.folder / RESULT).read_text() if self.folder else ""
        return f"{shown}\n{self.rows}\n{result}"


def receipt_of(content: bytes, site: str, feed: str, name: str, **facts: Any) -> Receipt:
    digest = sha256(content).hexdigest()
    place = facts.pop("place", PLACE)
    return Receipt(
        delivery_id=sha256(f"{site}/{feed}/{name}/{digest}".encode()).hexdigest()[:16],
        site_id=site,
        feed=feed,
        file_name=name,
        content_sha256=digest,
        bytes=len(content),
        received_at=facts.pop("received_at", place),
        place=place,
        drop="drop",
        **facts,
    )


def deliver(
    folder: Path, protocol: Protocol, content: bytes | str, site: str, feed: str, name: str = "f.csv", **facts: Any
) -> Read:
    content = content.encode() if isinstance(content, str) else content
    workspace = Workspace(folder / "workspace")
    receipt = receipt_of(content, site, feed, name, **facts)
    original = workspace.original(receipt.content_sha256)
    original.parent.mkdir(parents=True, exist_ok=True)
    original.write_bytes(content)
    rows = read_delivery(workspace, protocol, receipt)
    if rows.rejected:
        return Read(rows, pl.DataFrame(), pl.DataFrame({"record_key": []}), None)
    assert rows.accepted is not None and rows.quarantine is not None
    folder = rows.accepted.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "accepted.parquet",
        "quarantine.parquet",
        RESULT,
        "variables.parquet",
    ]
    assert rows.n_rows == rows.n_accepted + rows.n_quarantined + rows.n_duplicate
    quarantine = pl.read_parquet(rows.quarantine)
    assert quarantine["row_no"].n_unique() == rows.n_quarantined
    assert not quarantine.select("row_no", "rule", "column_name").is_duplicated().any()
    return Read(rows, pl.read_parquet(rows.accepted), quarantine, folder)
