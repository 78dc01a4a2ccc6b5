"""JSON lines: numbers as they were sent, broken lines set aside one by one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipelines.landing.readers import UnreadableError, open_table
from pipelines.study.source import JsonLines


def read(path: Path, content: bytes, columns: list[str], name: str = "f.jsonl"):  # type: ignore[no-untyped-def]
    path = path / "content"
    path.write_bytes(content)
    table = open_table(path, name, JsonLines(format="jsonl"))
    return table, list(table.batches(columns))


def test_values_keep_the_text_they_were_sent_with(tmp_path: Path) -> None:
    line = b'{"a": 1.50, "b": 12345678901234567890123, "c": true, "d": null, "e": "\\u9ad9", "f": 1E5, "g": NaN}\n'
    _, [batch] = read(tmp_path, line, list("abcdefgh"))
    assert batch.cells.row(0) == ("1.50", "12345678901234567890123", "true", None, "髙", "1E5", "NaN", None)


def test_a_broken_line_is_refused_alone(tmp_path: Path) -> None:
    lines = [
        b'{"a": 1}',
        b"",
        b'{"a": ',
        b"[1]",
        b'{"a": [1]}',
        b'{"a": {"b": 1}, "z": [1]}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b"[" * 100_000,
        b'{"a": "x", "z": {}}\r',
        b'{"a": 2}',
    ]
    table, batches = read(tmp_path, b"\n".join(lines), ["a"])
    places = [place for b in batches for place in b.places.rows()]
    refused = [row for b in batches for row in b.refused.rows()]
    assert places == [(1, 1), (9, 10), (10, 11)]
    assert [cell for b in batches for cell in b.cells["a"]] == ["1", "x", "2"]
    assert [(n, line, column) for n, line, _, column in refused] == [
        (2, 3, ""),
        (3, 4, ""),
        (4, 5, "a"),
        (5, 6, "a"),
        (6, 7, ""),
        (7, 8, ""),
        (8, 9, ""),
    ]
    assert {rule for _, _, rule, _ in refused} == {"unreadable_row"}
    assert table.n_records == 10
    assert table.seen == ["a", "z"]


@pytest.mark.parametrize("others", [b"", b'{"a": [1]}\n', b'{"a" : 1}\n', b'{"a": "\\":"}\n'])
@pytest.mark.parametrize("twice", [b'{"a": 1, "a": 2}', b'{"b": {"c": 1, "c": 1}}', b'{"a" : 1, "a": 1}'])
def test_an_object_with_a_name_that_stands_twice_is_refused(tmp_path: Path, twice: bytes, others: bytes) -> None:
    _, [batch] = read(tmp_path, twice + b"\n" + others, ["b"])
    assert batch.refused["row_no", "rule"].rows() == [(1, "unreadable_row")]


def test_packed_and_marked_files_are_read(tmp_path: Path) -> None:
    _, [batch] = read(tmp_path, gzip.compress(b'\xef\xbb\xbf{"a": 1}\n'), ["a"], "f.jsonl.gz")
    assert batch.cells["a"].to_list() == ["1"]


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "empty"), (b'{"a": "\xff"}\n', "byte 7"), (b'{"a": 1}\n\xe3', "byte 9")]
)
def test_an_unreadable_file_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        read(tmp_path, content, ["a"])
