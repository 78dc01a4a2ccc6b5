"""The examples in docs/mapping.md are what a study file may say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipelines.study.dialect import DIALECT_NAMES
from pipelines.study.source import Source

DOCS = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)


def source(text: str) -> dict[str, Any]:
    found = dict(YAML(typ="rt", pure=True).load(text))
    facts = found["questionnaires"][0] if "questionnaires" in found else found
    return {"source": "own", "files": "*", "read": {"format": "delimited"}, **facts}


@pytest.mark.parametrize("text", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_is_a_source(text: str) -> None:
    assert Source.model_validate(source(text)).source


@pytest.mark.parametrize("row", re.findall(r"^\| `([^`]+)` \|", DOCS, re.MULTILINE))
def test_a_key_is_one_that_is_known(row: str) -> None:
    name = row.partition(":")[0]
    facts = source(row if ":" in row else f"{row}: []")
    assert name in Source.model_fields and Source.model_validate(facts)


def test_every_key_and_every_dialect_is_told_of() -> None:
    told = {"scope", "blinding", "expected_every_days", "missing_reasons", "source"}  # of deliveries, not of the file
    missing = [name for name in Source.model_fields if name not in told and f"{name}:" not in DOCS]
    assert missing == []
    examples = {Source.model_validate(source(text)).system for text in BLOCKS}
    assert set(DIALECT_NAMES) <= examples
