"""The data queries of the current snapshot for people, with the answers that the next night will take in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.quality.answers import Answer, load_answers
from pipelines.warehouse.published import current_snapshot
from pipelines.warehouse.query import query
from pipelines.workspace import Workspace

# The contract's columns of quality.data_query first, then what is needed to find the record and to answer.
COLUMNS = (
    "query_id, rule, severity, site_id, subject_id, record_key, message, opened_on, closed_on, status, n_reopened, "
    "answer, answered_by, age_days, feed, column_name, version, last_delivery_id"
)
ORDER = """
    ORDER BY list_position(['open', 'miscorrected', 'answered', 'closed'], status),
        list_position(['critical', 'warning'], severity), opened_on, site_id, subject_id, rule, record_key, query_id
"""
Row = dict[str, Any]


def data_queries(workspace: Workspace, site: str | None = None, statuses: Sequence[str] = ()) -> list[Row]:
    """Every query of the current snapshot, what needs attention first; with the `note` of its latest answer.

    A query that was answered since the snapshot counts as answered already. Raises QueryError.
    """
    found = query(workspace, f"SELECT {COLUMNS} FROM quality.data_query {ORDER}", unblinded=True)  # noqa: S608
    answers = {answer.query_id: answer for answer in load_answers(workspace)}
    snapshot_id = current_snapshot(workspace)
    rows = [_with_answer(dict(zip(found.names, row, strict=True)), answers, snapshot_id) for row in found.rows]
    return [row for row in rows if site in (None, row["site_id"]) and (not statuses or row["status"] in statuses)]


def _with_answer(row: Row, answers: dict[str, Answer], snapshot_id: str | None) -> Row:
    answer = answers.get(row["query_id"])
    row["note"] = answer.note if answer else None
    if answer and answer.snapshot_id == snapshot_id and row["status"] != "closed":
        row |= {"status": "answered", "answer": answer.status, "answered_by": answer.given_by}
    return row
