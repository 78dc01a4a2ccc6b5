"""Who acknowledged which alert: inputs like the deliveries, kept one file each and never changed."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256

from pipelines import effects
from pipelines.workspace import Workspace


class AcknowledgementError(Exception):
    """It cannot be taken; one sentence says why."""


@dataclass(frozen=True)
class Acknowledgement:
    """Somebody has seen an alert and deals with it. The note stays in the store."""

    acknowledgement_id: str
    alert_id: str
    given_by: str
    given_at: datetime
    note: str


def acknowledge(workspace: Workspace, alert_id: str, given_by: str, note: str, now: datetime) -> Acknowledgement:
    """Keep an acknowledgement of the alert. Raises AcknowledgementError when nobody is named."""
    given_by = re.sub(r"\s+", " ", given_by).strip()
    if not given_by:
        raise AcknowledgementError("an acknowledgement needs the name of whoever gives it: --by NAME")
    given_at = now.astimezone(UTC)
    text = "\n".join((alert_id, given_by, given_at.isoformat(), note))
    given = Acknowledgement(sha256(text.encode()).hexdigest()[:16], alert_id, given_by, given_at, note.strip())
    effects.make_directory(workspace.acknowledgements)
    content = json.dumps(asdict(given), default=datetime.isoformat, ensure_ascii=False, indent=1, sort_keys=True)
    effects.write(workspace.acknowledgements / f"{given.acknowledgement_id}.json", content.encode())
    return given


def load_acknowledgements(workspace: Workspace) -> list[Acknowledgement]:
    """Every acknowledgement, in the order in which they were given."""
    every = []
    for path in workspace.acknowledgements.glob("*.json"):
        facts = json.loads(path.read_bytes())
        every.append(Acknowledgement(**facts | {"given_at": datetime.fromisoformat(facts["given_at"])}))
    return sorted(every, key=lambda given: (given.given_at, given.acknowledgement_id))
