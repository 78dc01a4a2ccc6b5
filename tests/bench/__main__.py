"""Run every timing and say how it compares with what was promised."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench.figure import GIB, Figure
from tests.bench.known import known_figures
from tests.bench.log_trial import AS_OF, write_log_trial
from tests.bench.measure import COMMAND, Measured, measure
from tests.bench.reading import reading_figures

BARE = Path(__file__).with_name("bare.py")


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="ict-trial-bench-", dir=asked.scratch) as scratch:
        figures = [*_help(), *_demo(Path(scratch)), *known_figures(Path(scratch), asked.known, asked.repeat)]
        log = write_log_trial(Path(scratch) / "drops", asked.events)
        figures += reading_figures(Path(scratch), log, asked.repeat)
        figures += _log(Path(scratch), log, asked.events, asked.repeat)
    table = _markdown(figures)
    print(table)  # noqa: T201
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "figures.md").write_text(table, encoding="utf-8")
    (asked.out / "figures.json").write_text(json.dumps([asdict(f) for f in figures], indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000, help="usage events in the large log")
    parser.add_argument("--known", type=int, default=1000, help="deliveries that a night knows already")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, of which the median counts")
    parser.add_argument("--scratch", type=Path, help="where the workspaces are made (default: the temporary folder)")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="where figures.md and figures.json go")
    return parser.parse_args()


def _help() -> list[Figure]:
    seconds = [measure([*COMMAND, "--help"]).seconds for _ in range(6)][1:]  # the first fills the disk cache
    return [Figure("ict-trial --help", statistics.median(seconds), "s", 0.5)]


def _demo(scratch: Path) -> list[Figure]:
    """The trial of `make demo`: three sites of sixty, with faults."""
    workspace = scratch / "demo"
    at = ["--workspace", str(workspace)]
    measure([*COMMAND, "init", *at])
    simulated = measure([*COMMAND, "simulate", *at, "--participants", "180", "--seed", "1", "--faults"])
    first = measure([*COMMAND, "nightly", *at, "--settle", "0"])
    second = measure([*COMMAND, "nightly", *at, "--settle", "0"])
    return [
        Figure("demo: simulate", simulated.seconds, "s"),
        Figure("demo: nightly", first.seconds, "s", 15),
        Figure("    processor time", first.processor_seconds, "s"),
        Figure("    peak memory", first.peak_bytes / GIB, "GiB"),
        Figure("demo: nightly again, nothing new", second.seconds, "s"),
    ]


def _log(scratch: Path, log: Path, events: int, repeat: int) -> list[Figure]:
    """A large log, from drop to published sessions, against the bare script; by turns, so that both meet
    the same machine."""
    pairs = [(_bare(scratch, log), _nightly(scratch, log.parents[1])) for _ in range(repeat)]
    bare = statistics.median(b.seconds for b, _ in pairs)
    ours = statistics.median(n.seconds for _, n in pairs)
    size = log.stat().st_size / 1e6
    return [
        Figure(f"{events:,} events ({size:,.0f} MB): bare script", bare, "s"),
        Figure(f"{events:,} events: drop to published sessions", ours, "s"),
        Figure("    times the bare script", ours / bare, "×", 2.5),
        Figure("    processor time, bare script", statistics.median(b.processor_seconds for b, _ in pairs), "s"),
        Figure("    processor time", statistics.median(n.processor_seconds for _, n in pairs), "s"),
        Figure("    peak memory, bare script", max(b.peak_bytes for b, _ in pairs) / GIB, "GiB"),
        Figure("    peak memory", max(n.peak_bytes for _, n in pairs) / GIB, "GiB", 2),
    ]


def _bare(scratch: Path, log: Path) -> Measured:
    database = scratch / "bare.duckdb"
    database.unlink(missing_ok=True)
    return measure([sys.executable, str(BARE), str(log), str(database)])


def _nightly(scratch: Path, site: Path) -> Measured:
    """One night on a workspace that has never seen the log. Fails unless it makes the sessions that are there."""
    workspace = scratch / "log"
    shutil.rmtree(workspace, ignore_errors=True)
    at = ["--workspace", str(workspace)]
    measure([*COMMAND, "init", *at])
    landing = workspace / "landing" / "oxford"
    shutil.copytree(site, landing, copy_function=os.link, dirs_exist_ok=True)
    night = measure([*COMMAND, "nightly", *at, "--settle", "0", "--as-of", AS_OF])
    _compare_sessions(scratch, at)
    return night


def _compare_sessions(scratch: Path, at: list[str]) -> None:
    import duckdb

    with duckdb.connect(str(scratch / "bare.duckdb"), read_only=True) as con:
        expected = con.execute("SELECT count(*) FROM session").fetchone()
    sql = "SELECT count(*) AS n FROM engagement.session"
    found = json.loads(measure([*COMMAND, "query", sql, *at, "--unblinded", "--format", "json"]).output)
    if expected is None or found != [{"n": expected[0]}]:
        raise RuntimeError(f"the bare script finds {expected} sessions, the pipeline {found}")


def _markdown(figures: list[Figure]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    lines = [f"Machine: {machine}", "", "| figure | value | promised | kept |", "|---|---|---|---|"]
    for f in figures:
        promised = "" if f.promised is None else f"≤ {f.promised:g} {f.unit}"
        lines.append(f"| {f.name} | {f.value:.2f} {f.unit} | {promised} | {f.kept} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
