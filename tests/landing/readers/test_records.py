"""Where records begin, against a plain reading of the rules one character at a time, and against Arrow."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.landing.readers.delimited import DelimitedTable
from pipelines.landing.readers.records import blocks, first_record
from pipelines.landing.readers.table import UnreadableError
from pipelines.study.source import Delimited

READ = Delimited(format="delimited")
TEXT = st.text(alphabet='a,"\n\r', max_size=40)


def one_by_one(text: str) -> list[tuple[int, str]] | None:
    """The records with their lines, or None where a quote stays open."""
    found, start, line, start_line, inside, at_start = [], 0, 1, 1, False, True
    i = 0
    while i < len(text):
        c = text[i]
        if inside:
            if c == '"' and text[i + 1 : i + 2] == '"':
                i += 1
            elif c == '"':
                inside, at_start = False, False
            elif c == "\n" or (c == "\r" and text[i + 1 : i + 2] != "\n"):
                line += 1
        elif c == '"' and at_start:
            inside = True
        elif c in "\r\n":
            if text[start:i]:
                found.append((start_line, text[start:i]))
            i += text[i : i + 2] == "\r\n"
            line += 1
            start, start_line, at_start = i + 1, line, True
        else:
            at_start = c == ","
        i += 1
    if inside:
        return None
    return [*found, (start_line, text[start:])] if text[start:] else found


@settings(max_examples=600, deadline=None)
@given(TEXT, st.integers(1, 9))
@example('"a"\n\n"b\n', 3)
@example('a"",b\r\r\n"a""\n",', 2)
@example('""a"",\n"\n', 1)
def test_records_are_cut_where_the_rules_say(text: str, size: int) -> None:
    data = text.encode()
    chunks = (data[i : i + size] for i in range(0, len(data), size))
    expected = one_by_one(text)
    try:
        found = list(blocks(chunks, ",", '"', 1))
    except UnreadableError:
        assert expected is None
        return
    assert expected is not None
    assert [line for block in found for line in block.lines.tolist()] == [line for line, _ in expected]


@settings(max_examples=600, deadline=None)
@given(TEXT)
@example('"a"\n\n"b\n')
@example('a,"b"c"\n,\n')
def test_arrow_sees_the_same_records(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "records.csv"
    path.write_bytes(b"x,y\n" + text.encode())
    expected = one_by_one("x,y\n" + text)
    table = DelimitedTable(path, "records.csv", READ)
    if expected is None:
        with pytest.raises(UnreadableError, match="never closed"):
            list(table.batches(["y", "x"]))
        return
    batches = list(table.batches(["y", "x"]))
    places = sorted(
        place for b in batches for frame in (b.places, b.refused) for place in frame["row_no", "line_no"].rows()
    )
    assert places == [(n, line) for n, (line, _) in enumerate(expected[1:], start=1)]
    assert all(b.places.height == b.cells.height and b.cells.columns == ["y", "x"] for b in batches)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_header_is_the_first_record_with_anything_in_it(size: int) -> None:
    data = b'\r\n\n"a\nb",c\r\n\n1,2\n'
    chunks = iter([data[i : i + size] for i in range(0, len(data), size)])
    header, rest, line = first_record(chunks, ",", '"')
    found = list(blocks(iter([rest, *chunks]), ",", '"', line))
    assert header == '"a\nb",c'
    assert [line for block in found for line in block.lines.tolist()] == [6]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\r\n"])
def test_a_file_without_a_header_is_empty(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="empty"):
        first_record(iter([content]), ",", '"')


@pytest.mark.parametrize("content", [b'a,"b', b'a,"b\nc,d\n'])
def test_a_header_with_an_open_quote_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="line 1 is never closed"):
        first_record(iter([content]), ",", '"')
