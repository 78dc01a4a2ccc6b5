"""What people said to data queries: inputs like the deliveries, kept one file each and never changed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

from pipelines import effects
from pipelines.workspace import Workspace

Status = Literal["resolved", "confirmed"]
STATUSES: tuple[Status, ...] = ("resolved", "confirmed")


class AnswerError(Exception):
    """The answer cannot be taken; one sentence says why."""


@dataclass(frozen=True)
class Answer:
    """One answer. `resolved`: the site has corrected, or will; the next delivery shows it. `confirmed`: it is right
    as it is.

    What it answers, as the snapshot `snapshot_id` showed it: `episode`, which time the fault has come, `version` of the
    wrong value, and `last_delivery_id`, the newest delivery of the record's source.
    """

    answer_id: str
    query_id: str
    status: Status
    given_by: str
    given_at: datetime
    note: str
    episode: int
    version: str
    last_delivery_id: str
    snapshot_id: str


def give_answer(
    workspace: Workspace,
    query: Mapping[str, Any],
    snapshot_id: str,
    status: Status,
    given_by: str,
    note: str,
    now: datetime,
) -> Answer:
    """Keep an answer to `query`, a row of `quality.data_query` in the snapshot `snapshot_id`.

    Raises AnswerError when nobody is named or the query is closed.
    """
    given_by = re.sub(r"\s+", " ", given_by).strip()
    if not given_by:
        raise AnswerError("an answer needs the name of whoever gives it: --by NAME")
    if query["status"] == "closed":
        raise AnswerError(f"{query['query_id']} is closed: its fault is gone, and there is nothing to answer")
    facts = {
        "query_id": query["query_id"],
        "status": status,
        "given_by": given_by,
        "given_at": now.astimezone(UTC),
        "note": note.strip(),
        "episode": query["n_reopened"] + 1,
        "version": query["version"],
        "last_delivery_id": query["last_delivery_id"],
        "snapshot_id": snapshot_id,
    }
    text = json.dumps(facts, default=datetime.isoformat, ensure_ascii=False, sort_keys=True)
    answer = Answer(answer_id=sha256(text.encode()).hexdigest()[:16], **facts)
    effects.make_directory(workspace.answers)
    content = json.dumps(asdict(answer), default=datetime.isoformat, ensure_ascii=False, indent=1, sort_keys=True)
    effects.write(workspace.answers / f"{answer.answer_id}.json", content.encode())
    return answer


def load_answers(workspace: Workspace) -> list[Answer]:
    """Every answer, in the order in which they were given."""
    answers = []
    for path in workspace.answers.glob("*.json"):
        facts = json.loads(path.read_bytes())
        answers.append(Answer(**facts | {"given_at": datetime.fromisoformat(facts["given_at"])}))
    return sorted(answers, key=lambda answer: (answer.given_at, answer.answer_id))
