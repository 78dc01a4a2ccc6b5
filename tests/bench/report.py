"""Timings as Markdown, headed by the machine, the day and the commit that they belong to."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version

from tests.bench.figure import Figure
from tests.bench.large_log import Row

LIBRARIES = ("duckdb", "polars", "pandas")


def heading() -> dict[str, str]:
    """What a run's figures depend on besides the code."""
    git = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "day": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": git.stdout.strip() or "unknown",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "load before": "{:.1f}, {:.1f}, {:.1f} (1, 5, 15 minutes)".format(*os.getloadavg()),
        "software": ", ".join([f"Python {platform.python_version()}", *(f"{n} {version(n)}" for n in LIBRARIES)]),
    }


def _processor() -> str:
    with open("/proc/cpuinfo") as facts:
        names = [line.partition(":")[2].strip() for line in facts if line.startswith("model name")]
    return names[0] if names else platform.machine()


def markdown(head: dict[str, str], rows: Iterable[Row], figures: Iterable[Figure]) -> str:
    day, *more = head.items()
    lines = [f"## {day[1]}", "", *(f"- {name}: {value}" for name, value in more), ""]
    rows = list(rows)
    if rows:
        lines += [
            "| events | way | wall s | processor s | memory GiB | wall ÷ bare | processor ÷ bare |",
            "|---:|---|---:|---:|---:|---:|---:|",
            *(_row(row) for row in rows),
            "",
        ]
    lines += ["| figure | value | promised | kept |", "|---|---:|---:|---|"]
    for f in figures:
        promised = "" if f.promised is None else f"≤ {f.promised:.3g} {f.unit}"
        lines.append(f"| {f.name} | {f.value:.2f} {f.unit} | {promised} | {f.kept} |")
    return "\n".join(lines) + "\n"


def _row(row: Row) -> str:
    ratios = ("" if ratio is None else f"{ratio:.2f}" for ratio in (row.against_bare, row.processor_against_bare))
    measured = f"{row.seconds:.1f} | {row.processor_seconds:.1f} | {row.peak_gib:.2f}"
    return f"| {row.events / 1e6:g} M | {row.way} | {measured} | {' | '.join(ratios)} |"
