"""Other people's files of every statistical format: as many rows as their twins, the same cells, no other ending
than rows or UnreadableError. The broken ones are read in a process of their own, with limits."""

from __future__ import annotations

import csv
import gzip
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.landing.readers import UnreadableError
from tests.landing.readers.examples import opened, rows, settings

SUFFIXES = {"sav", "zsav", "por", "dta", "xpt", "sas7bdat"}
SECONDS, BYTES = 20, 8 << 30  # of addresses, most of which are reserved by libraries and never used


def cells(path: Path, tmp_path: Path, **more: str) -> list[dict[str, str | None]]:
    table, batches = opened(tmp_path, path.read_bytes(), path.name, settings(path.suffix[1:], **more))
    return [dict(zip(table.header or [], row, strict=True)) for row in rows(batches)]


def test_every_sound_file_is_read_packed_or_not(real: Path, tmp_path: Path) -> None:
    folders = [real / "statistical", real / "statistical" / "more", real / "sas7bdat", real / "cdisc_pilot"]
    paths = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix[1:] in SUFFIXES]
    assert len(paths) > 25
    for path in paths:
        more = {"encoding": "utf-8"} if path.name.startswith("charset") else {}
        found = cells(path, tmp_path, **more)
        read = settings(path.suffix[1:], **more)
        _, batches = opened(tmp_path, gzip.compress(path.read_bytes()), f"{path.name}.gz", read)
        assert [tuple(row.values()) for row in found] == rows(batches), path.name
        assert found, path.name


@pytest.mark.parametrize("name", ["all_rand_normal", "all_rand_normal_with_deleted", "charset_aara"])
def test_sas_files_hold_what_their_twins_hold(real: Path, tmp_path: Path, name: str) -> None:
    with (real / "sas7bdat" / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        twin = list(csv.DictReader(file))
    more = {"encoding": "utf-8"} if name == "charset_aara" else {}
    found = cells(real / "sas7bdat" / f"{name}.sas7bdat", tmp_path, **more)
    assert len(found) == len(twin)
    for one, other in zip(found, twin, strict=True):
        assert list(one) == list(other)
        for column in other:
            text, expected = one[column] or "", other[column]
            assert text == expected or float(text) == pytest.approx(float(expected), rel=1e-12)


def test_an_encoding_that_the_file_does_not_name_must_be_declared(real: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="declare its `encoding`"):
        cells(real / "sas7bdat" / "charset_aara.sas7bdat", tmp_path)


def test_sas_dates_by_their_format(real: Path, tmp_path: Path) -> None:
    [row] = cells(real / "sas7bdat" / "date_formats.sas7bdat", tmp_path)
    for name in ("b8601da", "e8601da", "date", "ddmmyyb", "weekdatx", "worddate", "yymmdds", "mmddyyn", "julian"):
        assert row[name] == "2017-03-14"
    assert {row[name] for name in ("dtdate", "e8601dn", "dtwkdatx")} == {"2017-03-14"}
    assert {row[name] for name in ("datetime", "dateampm", "mdyampm", "b8601dt")} == {"2017-03-14T15:36:56.546"}
    assert row["monyy"] == "20892"  # a month is no date: the number itself
    times = cells(real / "statistical" / "datetime.sas7bdat", tmp_path)
    assert times[0] == dict(zip(times[0], ["2015-02-02T14:42:12", *["2015-02-02"] * 3, "14:42:12"], strict=True))


def test_one_table_in_every_statistical_format(real: Path, tmp_path: Path) -> None:
    folder = real / "statistical" / "more"
    plain = cells(folder / "sample.sav", tmp_path)
    for suffix in ("zsav", "por", "dta"):
        other = cells(folder / f"sample.{suffix}", tmp_path)
        same = [{name.lower(): cell for name, cell in row.items()} for row in other]
        assert same == plain, suffix


def test_labels_in_place_of_codes_where_the_study_file_asks_for_them(real: Path, tmp_path: Path) -> None:
    folder = real / "statistical" / "more"
    for suffix, name in (("sav", "mylabl"), ("por", "MYLABL"), ("dta", "mylabl")):
        found = cells(folder / f"sample.{suffix}", tmp_path, values="labels")
        assert [row[name] for row in found][:2] == ["Male", "Female"], suffix
        assert [row[name] for row in cells(folder / f"sample.{suffix}", tmp_path)][:2] == ["1", "2"]


def test_stata_missing_values_and_types(real: Path, tmp_path: Path) -> None:
    for name in ("tagged-na-double", "tagged-na-int"):
        found = [row["x"] for row in cells(real / "statistical" / f"{name}.dta", tmp_path)]
        assert found == ["1", "2", "3", "4", "5", None, None, None]
    [row] = cells(real / "statistical" / "more" / "missing_test.dta", tmp_path)
    assert [name for name, cell in row.items() if cell is not None] == ["var9"]
    first, second = cells(real / "statistical" / "types.dta", tmp_path)
    assert list(first.values())[:5] == ["3.14", "3.14", "2", "2", "2"]  # a single has seven digits, not sixteen
    assert (second["vdate"], second["vdatetime"]) == ("2015-12-01", "1960-01-01T00:00:00")
    assert cells(real / "statistical" / "datetime-d.dta", tmp_path) == [{"date": "2015-11-02"}]


READ_IN_A_CHILD = """
import random, sys, tempfile
from pathlib import Path
from pipelines.landing.readers import UnreadableError
from tests.landing.readers.examples import opened, settings

content, times = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])
chance = random.Random(0)

def spoilt():
    damaged = bytearray(content[: chance.randrange(len(content)) if chance.random() < 0.3 else None])
    for _ in range(chance.randint(1, 4)):
        if damaged:
            # most of what can go wrong stands in the first page
            damaged[min(int(chance.expovariate(1 / 4000)), len(damaged) - 1)] ^= 1 << chance.randrange(8)
    return bytes(damaged)

with tempfile.TemporaryDirectory() as folder:
    for n in range(max(times, 1)):
        try:
            table, _ = opened(Path(folder), spoilt() if times else content, "f", settings("sas7bdat"))
            print("rows", table.n_records)
        except UnreadableError as error:
            print("refused", error)
"""


def in_a_child(path: Path, times: int = 0) -> list[str]:
    """How the file ends, or that many damaged copies of it, with limits on time and memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    done = subprocess.run(
        [sys.executable, "-c", READ_IN_A_CHILD, str(path), str(times)],
        capture_output=True,
        text=True,
        timeout=3 * SECONDS,
        preexec_fn=limit,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("54-class.sas7bdat", "rows 19"),
        ("54-cookie.sas7bdat", "rows 54"),
        ("invalid_lengths.sas7bdat", "refused"),
        ("mixed_data_one.sas7bdat.oom", "refused"),
        ("sas_infinite_loop.sas7bdat", "refused"),
    ],
)
def test_hostile_sas_files_neither_hang_nor_fill_the_memory(real: Path, name: str, ends: str) -> None:
    [ending] = in_a_child(real / "sas7bdat" / "bugs" / name)
    assert ending.startswith(ends)


def test_damaged_sas_files_end_in_rows_or_are_refused(real: Path) -> None:
    endings = in_a_child(real / "sas7bdat" / "all_rand_normal_with_deleted.sas7bdat", times=300)
    assert len(endings) == 300
    assert {ending.split()[0] for ending in endings} == {"rows", "refused"}
