"""The readers that are written here, fed with bytes that are chosen by the code they reach: `make fuzz`.

Only these: what pyreadstat, calamine and Arrow do within themselves is not seen, and is held to the same end by
`tests/corpus/test_any_damage.py`. What breaks a reader is written to the current folder as `crash-…`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pipelines.landing"]):
    from pipelines.landing.readers import UnreadableError, open_table
    from pipelines.landing.readers import packed as _packed  # noqa: F401 - instrumented too

from pydantic import TypeAdapter

from pipelines.study.source import Read
from tests.corpus.kinds import KINDS

FORMATS = {
    "delimited": ("csv", "f.csv"),
    "jsonl": ("jsonl", "f.jsonl"),
    "json": ("json", "f.json"),
    "dataset-json": ("dataset_json", "f.json"),
    "xlsx": ("xlsx", "f.xlsx"),
    "gz": ("gz", "f.csv.gz"),
    "zip": ("zip", "f.csv.zip"),
}
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))


def read_once(data: bytes) -> None:
    """The first byte chooses the format. A fault: anything but rows that add up, or UnreadableError."""
    if not data:
        return
    name = sorted(FORMATS)[data[0] % len(FORMATS)]
    form = "delimited" if name in ("gz", "zip") else name
    path = FOLDER / "content"
    path.write_bytes(data[1:])
    try:
        table = open_table(path, FORMATS[name][1], TypeAdapter(Read).validate_python({"format": form}))
        batches = list(table.batches(table.header if table.header is not None else ["ID", "G1"]))
    except UnreadableError:
        return
    assert table.n_records == sum(batch.cells.height + batch.refused.height for batch in batches)


def main() -> None:
    seeds = FOLDER / "seeds"
    seeds.mkdir()
    for number, name in enumerate(sorted(FORMATS)):
        (seeds / name).write_bytes(bytes([number]) + KINDS[FORMATS[name][0]].good("D"))
    atheris.Setup([*sys.argv, "-max_len=4096", str(seeds)], read_once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
