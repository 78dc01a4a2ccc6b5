"""Put deliveries into `landing/`: each file, and where it has one, its manifest last."""

from __future__ import annotations

import json
from hashlib import sha256

from pipelines import effects
from pipelines.simulate.drops import Drop
from pipelines.workspace import Workspace

FOLDER, FILE = 0o755, 0o644  # landing/ belongs to the sites; the rest of a workspace is private


def deliver(workspace: Workspace, drop: Drop) -> None:
    path = workspace.landing / drop.site / drop.feed / drop.file_name
    content = drop.encoded()
    effects.make_directory(path.parent, FOLDER)
    effects.write(path, content, FILE)
    if drop.period_end is not None:
        effects.write(path.with_name(f"{path.name}.manifest.json"), _manifest(drop, drop.promised or content), FILE)


def _manifest(drop: Drop, content: bytes) -> bytes:
    entry = {
        "name": drop.file_name.rpartition("/")[2],
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
        "rows": drop.rows,
    }
    return json.dumps({"files": [entry], "period_end": str(drop.period_end)}, ensure_ascii=False, indent=1).encode()
