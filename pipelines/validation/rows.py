"""What reading one delivery came to: how many records went where, and the files that hold them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pipelines import effects
from pipelines.study.source import Blinding, Scope

RESULT = "result.json"
ACCEPTED = "accepted.parquet"
QUARANTINE = "quarantine.parquet"
VARIABLES = "variables.parquet"


@dataclass(frozen=True)
class Rows:
    """The records of one delivery: `n_rows = n_accepted + n_quarantined + n_duplicate`.

    `stream` names the source that the file was read as (`house`, or the study file's name for it; empty where
    none takes it). `rejected` says why the whole file was refused; then there are no counts and no rows.
    `n_ambiguous_time` counts accepted records of which a time lies in an hour that exists twice. `variables` is the
    dictionary of the file's columns, where it could be opened at all.
    """

    delivery_id: str
    stream: str
    scope: Scope
    blinding: Blinding
    rejected: str | None = None
    n_rows: int = 0
    n_accepted: int = 0
    n_quarantined: int = 0
    n_duplicate: int = 0
    n_ambiguous_time: int = 0
    unknown_columns: list[str] = field(default_factory=list)
    accepted: Path | None = None
    quarantine: Path | None = None
    variables: Path | None = None

    def save(self, folder: Path) -> Rows:
        """Write `result.json`, whose presence means that the folder is complete."""
        facts = asdict(replace(self, accepted=None, quarantine=None, variables=None))
        effects.write(folder / RESULT, json.dumps(facts, ensure_ascii=False, indent=1).encode())
        return self


def load_rows(folder: Path) -> Rows | None:
    """What an earlier reading left in `folder`; None where it is absent or was not finished."""
    result = folder / RESULT
    if not result.exists():
        return None
    rows = Rows(**json.loads(result.read_bytes()))
    if (folder / VARIABLES).exists():
        rows = replace(rows, variables=folder / VARIABLES)
    if rows.rejected:
        return rows
    return replace(rows, accepted=folder / ACCEPTED, quarantine=folder / QUARANTINE)
