"""Delimited text in the encodings that sites use, and what makes a file unreadable."""

from __future__ import annotations

import gzip
from pathlib import Path
from unicodedata import normalize

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.landing.readers import Batch, UnreadableError, open_table
from pipelines.study.source import Delimited

GOLDEN = ["髙橋", "﨑", "①", "表", "ｶﾅ", "１２", "a\u3000b"]


def read(path: Path, content: bytes, name: str = "f.csv", **options: str) -> list[Batch]:
    path = path / "content"
    path.write_bytes(content)
    table = open_table(path, name, Delimited(format="delimited", **options))
    assert table.header is not None
    batches = list(table.batches(table.header))
    assert table.n_records == sum(b.cells.height + b.refused.height for b in batches)
    return batches


def whole(batches: list[Batch]) -> Batch:
    return Batch(
        pl.concat([b.places for b in batches]),
        pl.concat([b.cells for b in batches]),
        pl.concat([b.refused for b in batches]),
        all(b.plain for b in batches),
    )


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp932", "cp932"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_golden_rows_come_through_every_encoding(tmp_path: Path, encoding: str, declared: str, packed: bool) -> None:
    text = "番号,値\r\n" + "".join(f"{i},{cell}\r\n" for i, cell in enumerate(GOLDEN))
    content = gzip.compress(text.encode(encoding)) if packed else text.encode(encoding)
    batch = whole(read(tmp_path, content, "f.csv.gz" if packed else "f.csv", encoding=declared))
    assert batch.cells["値"].to_list() == GOLDEN
    assert batch.cells.columns == ["番号", "値"]
    assert not batch.plain


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='a,"é\u3000 \t\v\x1c\x7f\n\r', max_size=20))
@example("a,a\r\na,a")
@example("a\n\na")
def test_cells_called_plain_are_what_trimming_and_normalising_make_of_them(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "plain.csv"
    path.write_text(f"x,y\n{text}", encoding="utf-8", newline="")
    table = open_table(path, "plain.csv", Delimited(format="delimited"))
    try:
        batches = list(table.batches(["x", "y"]))
    except UnreadableError:
        return
    for batch in batches:
        cells = [cell for row in batch.cells.rows() for cell in row if cell is not None]
        made_plain = [normalize("NFKC", cell).strip() for cell in cells]
        assert made_plain == cells or not batch.plain
        assert batch.plain or set(text) - set("a,\n")


def test_a_mark_before_explicit_utf_16_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    [batch] = read(tmp_path, "\ufeffa,b\n1,2\n".encode("utf-16-le"), encoding="utf-16-le")
    assert batch.cells.columns == ["a", "b"]


def test_rows_and_lines_are_counted_past_breaks_blank_lines_and_ragged_rows(tmp_path: Path) -> None:
    batch = whole(read(tmp_path, b'a,b\n\n1,"x\r\n\r\ny"\n2\n\n\r\n3,4,5\n6,7'))
    assert batch.places.rows() == [(1, 3), (4, 10)]
    assert batch.refused.rows() == [(2, 6, "ragged_row", ""), (3, 9, "ragged_row", "")]
    assert batch.cells.rows() == [("1", "x\r\n\r\ny"), ("6", "7")]


def test_columns_bind_by_name(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(b"b,a,c\n1,2,3\n")
    [batch] = open_table(path, "f.csv", Delimited(format="delimited")).batches(["a", "b"])
    assert batch.cells.to_dicts() == [{"a": "2", "b": "1"}]


def test_semicolons_and_single_quotes_can_be_declared(tmp_path: Path) -> None:
    [batch] = read(tmp_path, b"a;b\n'1;2';\"\n", delimiter=";", quote="'")
    assert batch.cells.rows() == [("1;2", '"')]


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b\n") == []
    assert read(tmp_path, b"a,b") == []


def test_nothing_is_lost_over_many_blocks(tmp_path: Path) -> None:
    rows = [f'{i},"{"x" * (i % 50)}\n{i}"' if i % 7 else f"{i}" for i in range(200_000)]
    batches = read(tmp_path, ("a,b\n" + "\n".join(rows) + "\n").encode())
    assert len(batches) >= 1
    places = [place for b in batches for place in b.places["row_no"].to_list()]
    ragged = [place for b in batches for place in b.refused["row_no"].to_list()]
    cells = [cell for b in batches for cell in b.cells["a"].to_list()]
    assert cells == [str(i) for i in range(200_000) if i % 7]
    assert places == [i + 1 for i in range(200_000) if i % 7]
    assert ragged == [i + 1 for i in range(200_000) if not i % 7]
    assert batches[-1].places["line_no"][-1] == 2 + sum(1 + (i % 7 > 0) for i in range(199_999))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "empty"),
        (b"a,b\n1,\xff\n", {}, "byte 6 is not text"),
        (b"a,b\n1,\xe3\x81", {}, "byte 6 is not text"),
        ("a,b\n1,é\n".encode("latin-1"), {"encoding": "ascii"}, "byte 6"),
        (b"a,b\n1,\x81\x20\n", {"encoding": "cp932"}, "byte 6"),
        (b"a,b\n1,\x81", {"encoding": "cp932"}, "byte 6"),
        ("a,b\n1,2\n".encode("utf-16-le") + b"x", {"encoding": "utf-16-le"}, "byte 16"),
        (b"a,b\n\n1,\x00\n", {}, "line 3 holds a NUL"),
        (b"a\x00,b\n", {}, "line 1 holds a NUL"),
        (b'a,b\n1,"2\n3,4\n', {}, "line 2 is never closed"),
        (b'a,b\n1,2\n3,"4', {}, "line 3 is never closed"),
        (b"a,b,a\n1,2,3\n", {}, r"more than once \(columns 1 and 3\)"),
    ],
)
def test_an_unreadable_file_says_where(tmp_path: Path, content: bytes, options: dict[str, str], message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        read(tmp_path, content, **options)


@pytest.mark.parametrize(
    ("text", "encoding", "refused"),
    [
        ("症例,a\n1,2\n", "cp932", True),
        ("Größe,a\n1,2\n", "latin-1", True),
        ("Größe,a\n1,2\n", "cp1252", True),
        ("年齢,a\n1,2\n", "gb18030", True),
        ("a,b\n1,2\n", "cp932", False),
    ],
)
def test_utf_8_by_another_name_is_refused(tmp_path: Path, text: str, encoding: str, refused: bool) -> None:
    if not refused:
        assert read(tmp_path, text.encode(), encoding=encoding)
        return
    with pytest.raises(UnreadableError, match="the file is in UTF-8, the study file reads it as"):
        read(tmp_path, text.encode(), encoding=encoding)


@pytest.mark.parametrize(("word", "encoding"), [("女", "gbk"), ("联通", "gbk"), ("é", "latin-1"), ("ｿﾞ", "cp932")])
def test_words_whose_bytes_happen_to_be_letters_of_utf_8_are_read(tmp_path: Path, word: str, encoding: str) -> None:
    assert read(tmp_path, f"a,b\n{word},2\n".encode(encoding), encoding=encoding)


def test_offsets_count_over_chunks(tmp_path: Path) -> None:
    start = b"a,b\n" + "é,1\n".encode() * 3_000_000
    with pytest.raises(UnreadableError, match=f"byte {len(start)} is not text"):
        read(tmp_path, start + b"\xff")
    text = "a,b\n" + "表,1\n" * 3_000_000
    with pytest.raises(UnreadableError, match=f"byte {len(text.encode('cp932'))} is not text"):
        read(tmp_path, text.encode("cp932") + b"\x81\x20", encoding="cp932")


@pytest.mark.parametrize("cut", [5, 12, 200, -9, -5, -1])
def test_a_cut_off_gzip_is_refused(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress("".join(f"{i},{i * 7919}\n" for i in range(5000)).encode())
    with pytest.raises(UnreadableError, match="gzip"):
        read(tmp_path, packed[:cut], "f.csv.gz")


def test_what_is_no_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="gzip"):
        read(tmp_path, b"a,b\n1,2\n", "f.csv.gz")
    broken = bytearray(gzip.compress(b"a,b\n1,2\n" * 1000))
    broken[-6] ^= 0xFF
    with pytest.raises(UnreadableError, match="gzip"):
        read(tmp_path, bytes(broken), "f.csv.gz")


def test_column_names_are_shown_clean_and_short() -> None:
    from pipelines.landing.readers import listed, shown

    assert shown("a\n\x1b[31mb\u202e") == "a??[31mb?"
    assert len(shown("x" * 300)) == 60
    assert listed(["c"] * 20).endswith("and 8 more")
