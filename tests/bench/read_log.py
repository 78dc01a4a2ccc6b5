"""Read one usage log as a night does, in the process that is there for it: `python -m tests.bench.read_log CSV`."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from pipelines.landing.receipt import Receipt
from pipelines.study.load import SCHEMAS, load_protocol
from pipelines.validation.isolation import read_deliveries
from pipelines.workspace import Workspace


def main(log: Path) -> None:
    with log.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    now = datetime.now(UTC)
    receipt = Receipt("0" * 16, "oxford", "usage", "log.csv", sha256, log.stat().st_size, now, now, "drop")
    with tempfile.TemporaryDirectory(dir=log.parent) as folder:
        workspace = Workspace(Path(folder))
        original = workspace.original(sha256)
        original.parent.mkdir(parents=True)
        os.link(log, original)
        protocol = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml")
        rows = read_deliveries(workspace, protocol, [receipt])[receipt.delivery_id]
    if rows.rejected:
        raise RuntimeError(rows.rejected)
    print(rows.n_rows, rows.n_accepted, rows.n_quarantined, rows.n_duplicate)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
