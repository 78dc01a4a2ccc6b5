"""Every format plain, as `.gz` and in a `.zip`; archives that attack."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
from pathlib import Path

import pytest

from pipelines.landing.readers import UnreadableError, packed
from tests.landing.readers.examples import ROWS, examples, opened, rows, settings, zipped

CSV = settings("delimited")
FORMATS = sorted(examples())


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_rows_packed_or_not(tmp_path: Path, form: str) -> None:
    content = examples()[form]
    sent = {
        "f": content,
        "f.gz": gzip.compress(content),
        "F.ZIP": zipped({"folder/": "", "folder/f.x": content, "__MACOSX/folder/._f.x": "x"}),
    }
    for name, data in sent.items():
        table, batches = opened(tmp_path, data, name, settings(form))
        assert [name.lower() for name in table.seen] == ["a", "b"]  # portable files know no small letters
        found = rows(batches)
        assert [(a, b and b.removesuffix(".0")) for a, b in found] == ROWS
        if form not in ("jsonl", "json", "dataset-json"):  # which keep what was sent
            assert found == ROWS


@pytest.mark.parametrize("form", FORMATS)
def test_no_column_asked_for_still_counts_the_rows(tmp_path: Path, form: str) -> None:
    from pipelines.landing.readers import open_table

    (tmp_path / "content").write_bytes(gzip.compress(examples()[form]))
    table = open_table(tmp_path / "content", "f.gz", settings(form))
    assert [n for batch in table.batches([]) for n in batch.places["row_no"]] == [1, 2, 3]
    assert table.n_records == 3


def test_the_study_file_names_one_of_several_members(tmp_path: Path) -> None:
    content = zipped({"data/answers_2026.csv": "a,b\n1,2\n", "data/codebook.csv": "x\n", "readme.txt": "x"})
    _, batches = opened(tmp_path, content, "f.zip", settings("delimited", member="*/answers_*.csv"))
    assert rows(batches) == [("1", "2")]
    with pytest.raises(UnreadableError, match="holds 3 files, not one"):
        opened(tmp_path, content, "f.zip", CSV)
    with pytest.raises(UnreadableError, match=r"holds 2 files of the name \*\.csv"):
        opened(tmp_path, content, "f.zip", settings("delimited", member="*.csv"))
    with pytest.raises(UnreadableError, match=r"holds 0 files of the name \*\.tsv"):
        opened(tmp_path, content, "f.zip", settings("delimited", member="*.tsv"))


@pytest.mark.parametrize("name", ["/etc/x.csv", "../x.csv", "a/../../x.csv", "..\\x.csv", "C:\\x.csv", "\\x.csv"])
def test_a_name_that_points_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableError, match="points outside"):
        opened(tmp_path, zipped({name: "a\n1\n"}), "f.zip", CSV)


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            info = zipfile.ZipInfo("x.csv")
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, "/etc/passwd")
        with pytest.raises(UnreadableError, match="link or a device"):
            opened(tmp_path, made.getvalue(), "f.zip", CSV)


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = b"a\n" + b"1" * (packed.HARMLESS + 1)
    for name, content in (("f.gz", gzip.compress(bomb)), ("f.zip", zipped({"x.csv": bomb}))):
        with pytest.raises(UnreadableError, match="more than 100 times"):
            opened(tmp_path, content, name, CSV)
    monkeypatch.setattr(packed, "MOST_BYTES", 100)
    with pytest.raises(UnreadableError, match="unpacks to more than"):
        opened(tmp_path, zipped({"x.csv": "a\n" * 60}), "f.zip", CSV)
    with pytest.raises(UnreadableError, match="unpacks to more than"):
        opened(tmp_path, gzip.compress(examples()["sav"]), "f.sav.gz", settings("sav"))


def test_what_is_packed_twice_is_refused(tmp_path: Path) -> None:
    content = b"a\n1\n"
    again = {
        "f.csv.gz.gz": gzip.compress(gzip.compress(content)),
        "f.csv.gz": gzip.compress(gzip.compress(content)),
        "f.zip.gz": gzip.compress(zipped({"x.csv": content})),
        "f.zip": zipped({"x.csv.gz": gzip.compress(content)}),
        "F.ZIP": zipped({"x.Zip": zipped({"x.csv": content})}),
    }
    for name, packed_twice in again.items():
        with pytest.raises(UnreadableError, match="packed twice"):
            opened(tmp_path, packed_twice, name, CSV)


def test_a_zip_of_too_many_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="more than 1,000 files"):
        opened(tmp_path, zipped({f"{n}.csv": "" for n in range(1001)}), "f.zip", CSV)


def test_a_size_that_is_not_true_is_noticed(tmp_path: Path) -> None:
    content = bytearray(zipped({"x.csv": "a\n" + "1\n" * 5000}))
    for at in (22, content.rindex(b"PK\x01\x02") + 24):
        content[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(UnreadableError, match="zip file is damaged"):
        opened(tmp_path, bytes(content), "f.zip", CSV)


def test_locked_uncommon_and_doubled_archives_are_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"x.csv": "a\n1\n"}))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UnreadableError, match="password"):
        opened(tmp_path, bytes(content), "f.zip", CSV)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.csv", "a\n1\n")
    with pytest.raises(UnreadableError, match="uncommon"):
        opened(tmp_path, made.getvalue(), "f.zip", CSV)
    made = io.BytesIO(zipped({"x.csv": "a\n1\n", "X.csv": "a\n2\n"}))
    with pytest.raises(UnreadableError, match="two files of one name"):
        opened(tmp_path, made.getvalue(), "f.zip", CSV)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"a,b\n1,2\n", b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06" + b"\0" * 18]
)
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableError, match="zip"):
        opened(tmp_path, content, "f.zip", CSV)
