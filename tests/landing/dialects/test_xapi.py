"""xAPI statements as a log of usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.landing.dialects.site import sent, site_with

VERBS = "http://adlnet.gov/expapi/verbs/"
SOURCE: dict[str, Any] = {
    "read": {"format": "jsonl"},
    "dialect": "xapi",
    "values": {
        "event": {f"{VERBS}completed": "module_completed", f"{VERBS}experienced": "page_view"},
        "module": {"https://ict.example/modules/{n}": "core_0{n}"},
    },
}


def statement(number: int, verb: str = "completed", **more: Any) -> dict[str, Any]:
    return {
        "id": f"6690e6c9-3ef0-4ed3-8b37-7f396473{number:04}",
        "actor": {"name": "Canary Person", "account": {"homePage": "https://ict.example", "name": "A1"}},
        "verb": {"id": VERBS + verb, "display": {"en-US": verb}},
        "object": {"id": "https://ict.example/modules/2", "definition": {"name": {"en": "Two"}}},
        "timestamp": "2026-01-05T10:00:00.250+09:00",
        **more,
    }


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_statements_become_events(tmp_path: Path, ict_sad: Protocol, form: str) -> None:
    rows = [
        statement(1, result={"duration": "PT1H2M3.5S", "completion": True}),
        statement(2, "experienced", object={"objectType": "Agent", "mbox": "mailto:canary@example.org"}),
        statement(3, "voided", object={"objectType": "StatementRef", "id": "6690e6c9-3ef0-4ed3-8b37-7f3964730001"}),
        statement(4, "answered"),
        statement(5, result={"duration": "P1M"}),
        statement(6, actor={"mbox": "mailto:canary@example.org"}),
        statement(7) | {"verb": {"id": ["no text"]}},
    ]
    content = json.dumps(rows) if form == "json" else "\n".join(json.dumps(row) for row in rows)
    protocol = site_with(ict_sad, ("usage", {**SOURCE, "read": {"format": form}}))
    read = sent(tmp_path, protocol, "usage", content, f"log.{form}")
    assert read.counts == (7, 4, 3, 0)
    assert sorted(read.refused()) == [
        (4, "unknown_code", "verb.id"),
        (5, "unreadable_number", "result.duration"),
        (7, "unreadable_row", "verb.id"),
    ]
    found = read.accepted.select("subject_id", "actor", "event", "module", "duration_s").rows()
    assert found == [
        ("A1", "participant", "module_completed", "core_02", 3723.5),
        ("A1", "participant", "page_view", None, None),
        (None, "participant", "module_completed", "core_02", None),
    ]
    assert str(read.accepted["occurred_at"][0]) == "2026-01-05 01:00:00.250000+00:00"
    assert read.rows.unknown_columns == [] and "canary" not in read.texts.lower()


def test_a_mapping_may_lead_elsewhere(tmp_path: Path, ict_sad: Protocol) -> None:
    own = "context.extensions.https://ict.example/role"
    facts = {**SOURCE, "columns": {"actor": own, "module": "context.contextActivities.parent"}}
    rows = [statement(1, context={"extensions": {"https://ict.example/role": "therapist"}}), statement(2)]
    rows.append(statement(3, context={"contextActivities": {"parent": [{"id": "x"}]}}))
    content = "\n".join(json.dumps(row) for row in rows)
    read = sent(tmp_path, site_with(ict_sad, ("usage", facts)), "usage", content, "log.jsonl")
    assert read.accepted["actor"].to_list() == ["therapist", None]
    assert read.refused() == [(3, "unreadable_row", "context.contextActivities.parent")]


def test_records_that_are_no_statements_are_refused(tmp_path: Path, ict_sad: Protocol) -> None:
    read = sent(tmp_path, site_with(ict_sad, ("usage", SOURCE)), "usage", '{"event": "login"}\n', "log.jsonl")
    assert "no row holds id" in str(read.rows.rejected)
