"""Small files that would become large, deep or endless: each is refused with the place, by the limits of its reader.

What no reader foresees is stopped from outside: see test_isolation.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.readers import UnreadableError, open_table, records
from pipelines.landing.readers.packed import HARMLESS
from pipelines.landing.readers.table import MOST_COLUMNS
from pipelines.study.load import Protocol
from pipelines.study.source import Parquet
from tests.validation.deliver import deliver

CANARY = "Zx9Qcanary"
HEADER = "event_id,subject_id,occurred_at,actor,event,module,duration_s\n"
GOOD = f"{HEADER}e1,A1,2026-01-05T10:00:00Z,system,login,,\n"


def zipped(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


def long_line() -> bytes:
    return (GOOD + CANARY * (records.LONGEST_RECORD // len(CANARY) + 1)).encode()


def deep_lines() -> bytes:
    nested = "[" * 100_000 + "]" * 100_000
    return f'{{"id": "{CANARY}", "user": {nested}}}\n{{"id": "e2"}}\n'.encode()


# What the file is called, what is in it, and what is said of it.
BOMBS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "gzip": ("f.csv.gz", lambda: gzip.compress(GOOD.encode() + b" " * HARMLESS), "more than 100 times its size"),
    "zip": ("f.csv.zip", lambda: zipped("f.csv", GOOD.encode() + b" " * HARMLESS), "more than 100 times its size"),
    "packed twice": ("f.csv.gz", lambda: gzip.compress(gzip.compress(GOOD.encode())), "packed twice"),
    "name outside": ("f.csv.zip", lambda: zipped("../f.csv", GOOD.encode()), "points outside"),
    "endless line": ("f.csv", long_line, "line 3 is longer than 32 MiB"),
    "endless line of JSON": ("f.jsonl", lambda: b'{"id": "' + long_line(), "is longer than 32 MiB"),
    "endless quote": ("f.csv", lambda: GOOD.encode() + b'"' + long_line(), "a quote that opens in line 3"),
    "endless header": (
        "f.csv",
        lambda: GOOD.rstrip().encode().replace(b"\n", b"," * MOST_COLUMNS, 1),
        "more than 50,000 columns",
    ),
    "endless keys": (
        "f.jsonl",
        lambda: ("{" + ",".join(f'"k{n}": 1' for n in range(MOST_COLUMNS + 1)) + "}").encode(),
        "more than 50,000 columns",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused(tmp_path: Path, ict_sad: Protocol, bomb: str) -> None:
    name, make, said = BOMBS[bomb]
    rows = deliver(tmp_path, ict_sad, make(), "oxford", "usage", name).rows
    assert rows.rejected is not None and said in rows.rejected
    assert CANARY not in rows.rejected


def test_a_deep_line_is_refused_alone(tmp_path: Path, ict_sad: Protocol) -> None:
    read = deliver(tmp_path, ict_sad, deep_lines(), "oxford", "usage", "f.jsonl")
    assert (1, "unreadable_row", "") in read.refused()
    assert CANARY not in read.texts


def test_a_parquet_file_that_lies_about_itself_is_refused_or_read(tmp_path: Path) -> None:
    """Each byte of its closing words in turn says something else: sizes, counts, places, types."""
    made = io.BytesIO()
    pq.write_table(pa.table({"a": ["1", "2"]}), made)
    content = made.getvalue()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    sound = 0
    for at in range(len(content) - footer, len(content), 3):
        (tmp_path / "f").write_bytes(content[:at] + b"\xfe" + content[at + 1 :])
        try:
            table = open_table(tmp_path / "f", "f.parquet", Parquet(format="parquet"))
            sound += sum(batch.cells.height for batch in table.batches(table.header or [])) == 2
        except UnreadableError:
            continue
    assert sound > 0
