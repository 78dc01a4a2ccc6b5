"""Run the timings and say how they compare with what was promised: `python -m tests.bench --sizes 0.2,5,20`."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench.board_report import report_figures
from tests.bench.figure import GIB, Figure
from tests.bench.hostile import hostile_figures
from tests.bench.known import known_figures
from tests.bench.large_log import Row, large_log
from tests.bench.log_trial import write_log_trial
from tests.bench.measure import COMMAND, measure
from tests.bench.reading import reading_figures
from tests.bench.report import heading, markdown

HISTORY = Path("docs/benchmarks.md")
PARTS = ("start", "demo", "report", "known", "reading", "log", "hostile")


def main() -> None:
    asked = _arguments()
    rows: list[Row] = []
    figures: list[Figure] = []
    head = heading()  # before the machine is busy with this
    with tempfile.TemporaryDirectory(prefix="ict-trial-bench-", dir=asked.scratch) as folder:
        for part in asked.parts:
            _run(part, asked, Path(folder), rows, figures)
    text = markdown(head, rows, figures)
    print(text)  # noqa: T201
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "figures.md").write_text(text, encoding="utf-8")
    found = {"run": head, "ways": [asdict(row) for row in rows], "figures": [asdict(f) for f in figures]}
    (asked.out / "figures.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    if asked.record:
        with HISTORY.open("a", encoding="utf-8") as history:
            history.write(f"\n{text}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", default="0.2,5,20", help="millions of events in the large logs")
    parser.add_argument("--parts", default=",".join(PARTS), help="which timings (default: all)")
    parser.add_argument("--only-ours", action="store_true", help="do not run what we are compared with")
    parser.add_argument("--known", type=int, default=1000, help="deliveries that a night knows already")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, of which the median counts")
    parser.add_argument("--scratch", type=Path, help="where the workspaces are made (default: the temporary folder)")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="where figures.md and figures.json go")
    parser.add_argument("--record", action="store_true", help=f"add the figures to {HISTORY} as well")
    asked = parser.parse_args()
    asked.sizes = [round(float(size) * 1e6) for size in asked.sizes.split(",")]
    asked.parts = asked.parts.split(",")
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return asked


def _run(part: str, asked: argparse.Namespace, scratch: Path, rows: list[Row], figures: list[Figure]) -> None:
    if part == "start":
        figures += _help()
    elif part == "demo":
        figures += _demo(scratch)
    elif part == "report":
        figures += report_figures(scratch)
    elif part == "known":
        figures += known_figures(scratch, asked.known, asked.repeat)
    elif part == "reading":
        log = write_log_trial(scratch / "reading", min(5_000_000, max(asked.sizes)))
        figures += reading_figures(scratch, log, asked.repeat)
    elif part == "hostile":
        figures += hostile_figures(scratch, min(5_000_000, max(asked.sizes)))
    else:
        for events in asked.sizes:
            compared, promised = large_log(scratch, events, asked.repeat, asked.only_ours)
            rows += compared
            figures += promised


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
    report = measure([*COMMAND, "report", *at])
    asked = measure([*COMMAND, "query", "FROM analysis.adsl", *at])
    return [
        Figure("demo: simulate", simulated.seconds, "s"),
        Figure("demo: nightly", first.seconds, "s", 15),
        Figure("    processor time", first.processor_seconds, "s"),
        Figure("    memory", first.peak_bytes / GIB, "GiB"),
        Figure("demo: nightly again, nothing new", second.seconds, "s", 5),
        Figure("    processor time", second.processor_seconds, "s"),
        Figure("demo: report and PDF", report.seconds, "s", 10),
        Figure("demo: query", asked.seconds, "s", 1),
    ]


if __name__ == "__main__":
    main()
