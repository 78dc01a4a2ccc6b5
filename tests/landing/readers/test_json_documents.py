"""JSON arrays and CDISC Dataset-JSON: values as they were sent, broken records set aside, broken files refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.landing.readers import UnreadableError
from pipelines.landing.readers.json_stream import JsonStream
from tests.landing.readers.examples import dataset_json, opened, rows, settings

ARRAY, DATASET = settings("json"), settings("dataset-json")


def refusals(batches: list) -> list[tuple[int, int, str, str]]:  # type: ignore[type-arg]
    return [row for batch in batches for row in batch.refused.rows()]


def test_values_keep_the_text_they_were_sent_with(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf[ {"a": 1.50, "b": true},\n{"b": "\\u9ad9", "c": 1}, {}\n]\n'
    table, batches = opened(tmp_path, text, "f.json", ARRAY)
    assert rows(batches) == [("1.50", "true"), (None, "髙"), (None, None)]
    assert [n for b in batches for n in b.places["line_no"]] == [1, 2, 2]
    assert table.seen == ["a", "b", "c"] and table.header is None


def test_elements_that_are_no_record_are_refused_alone(tmp_path: Path) -> None:
    text = b'[{"a": "1"},\n 7, [1], "x", null,\n{"a": [1]}, {"a": "\\ud800"}, {"a": "\\u0000"},\n'
    text += b'{"z": [1]}, {"z": {"y": 1, "y": 1}}]'
    table, batches = opened(tmp_path, text, "f.json", ARRAY)
    assert refusals(batches) == [(n, 2, "unreadable_row", "") for n in (2, 3, 4, 5)] + [
        (6, 3, "unreadable_row", "a"),
        (7, 3, "unreadable_row", ""),
        (8, 3, "unreadable_row", ""),
        (10, 4, "unreadable_row", ""),
    ]
    assert table.n_records == 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b'{"a": 1}', r"line 1: expected \["),
        (b'[{"a": 1}\n{"a": 2}]', "line 2: expected , or ]"),
        (b'[{"a": 1},\n{"a": 2}', "line 2: .*cut off"),
        (b'[{"a": 1},\n{"a": ', "line 2: .*cut off"),
        (b'[{"a": 1}]\n[]', "line 2: there is more"),
        (b'[{"a": 1},]', "line 1: a value is broken"),
        (b"[" + b"[" * 200_000, "nested too deeply"),
        (b'[{"a": "\xff"}]', "byte 8"),
    ],
)
def test_a_broken_array_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        opened(tmp_path, content, "f.json", ARRAY)


def test_values_may_lie_across_chunks() -> None:
    text = json.dumps([12345, -1.5e10, "a髙b\n", {"a": [1, 2]}, True, None], ensure_ascii=False, indent=1).encode()
    for size in range(1, 9):
        stream = JsonStream(text[i : i + size] for i in range(0, len(text), size))
        found = list(stream.elements())
        assert [value for value, _ in found] == ["12345", "-15000000000.0", "a髙b\n", {"a": ["1", "2"]}, True, None]
        assert [line for _, line in found] == [2, 3, 4, 5, 11, 12]
        assert stream.peek() == ""


def test_a_value_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.landing.readers.json_stream.LONGEST_VALUE", 1000)
    with pytest.raises(UnreadableError, match="longer than"):
        list(JsonStream(iter([b'["', *[b"x" * 100] * 20])).elements())


def test_dataset_json_in_both_forms(tmp_path: Path) -> None:
    values: list[list[object]] = [["2026-01-05", 1], ["2026-01", None], ["", 2.50]]
    whole = dataset_json(values)
    facts = json.loads(whole)
    body = facts.pop("rows")
    lines = "\n".join(json.dumps(part) for part in (facts, *body)) + "\n"
    last_first = json.dumps({"rows": body} | facts)
    for text in (whole, lines, last_first):
        table, batches = opened(tmp_path, text.encode(), "f.json", DATASET)
        assert rows(batches) == [("2026-01-05", "1"), ("2026-01", None), ("", "2.5")]
        assert table.header == ["a", "b"]


def test_rows_of_another_width_are_ragged(tmp_path: Path) -> None:
    text = dataset_json([["x", 1], ["x"], ["x", 1, 2], {"a": 1}, ["y", [1]], ["\ud800", 1], ["z", 3]])  # type: ignore[list-item]
    table, batches = opened(tmp_path, text.encode(), "f.json", DATASET)
    assert rows(batches) == [("x", "1"), ("z", "3")]
    assert [(n, rule, column) for n, _, rule, column in refusals(batches)] == [
        (2, "ragged_row", ""),
        (3, "ragged_row", ""),
        (4, "unreadable_row", ""),
        (5, "unreadable_row", "b"),
        (6, "unreadable_row", ""),
    ]
    assert table.n_records == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected {"),
        ("[]", "expected {"),
        ("{}", "does not list|not list its columns"),
        ('{"columns": 7, "rows": []}', "not list its columns"),
        ('{"columns": [{"name": "a"}, {"label": "b"}], "rows": []}', "not list its columns"),
        ('{"columns": [{"name": "a"}, {"name": "a"}], "rows": []}', r"more than once \(columns 1 and 2\)"),
        ('{"columns": [{"name": "a"}], "rows": [[1]]', "cut off"),
        ('{"columns": [{"name": "a"}], "rows": [[1]]} x', "more after"),
        ('{"columns": [{"name": "a"}], "records": 2, "rows": [[1]]}', "another number of records"),
        ('{"columns": [{"name": "a"}], "rows": [[1]], "records": 2}', "another number of records"),
        ('{"columns": [{"name": "a"}], "records": 2}\n[1]\n', "another number of records"),
        ('{"columns": [{"name": "\\ud800"}], "rows": []}', "half a character"),
        ('{"clinicalData": {}}', "not list its columns"),
    ],
)
def test_a_broken_dataset_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        opened(tmp_path, text.encode(), "f.json", DATASET)
