"""Reading and checking a large log, against DuckDB that does the same to the same file; by turns, so that both meet
the same machine."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from tests.bench.figure import GIB, Figure
from tests.bench.log_trial import write_faulty_log
from tests.bench.measure import measure

BARE = Path(__file__).with_name("bare_check.py")


def reading_figures(scratch: Path, log: Path, repeat: int) -> list[Figure]:
    faulty = write_faulty_log(log, scratch / "faulty.csv")
    return [
        *_ratio(scratch, log, repeat, "reading and checking the log"),
        *_ratio(scratch, faulty, repeat, "reading and checking it with faults and duplicates"),
    ]


def _ratio(scratch: Path, log: Path, repeat: int, name: str) -> list[Figure]:
    bare_command = [sys.executable, str(BARE), str(log), str(scratch / "bare.parquet")]
    our_command = [sys.executable, "-m", "tests.bench.read_log", str(log)]
    pairs = [(measure(bare_command), measure(our_command)) for _ in range(repeat)]
    bare, ours = (statistics.median(each) for each in zip(*((b.seconds, o.seconds) for b, o in pairs), strict=True))
    processor = statistics.median(o.processor_seconds / b.processor_seconds for b, o in pairs)
    return [
        Figure(f"{name}: bare DuckDB", bare, "s"),
        Figure(f"{name}: the pipeline", ours, "s"),
        Figure("    times bare DuckDB", ours / bare, "×", 2.5),
        Figure("    in processor time", processor, "×", 2.5),
        Figure("    peak memory", max(o.peak_bytes for _, o in pairs) / GIB, "GiB", 2),
    ]
