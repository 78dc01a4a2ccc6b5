"""Logs as they should not be: none of their rows may be lost, and one busy participant may not hold up the others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.bench.figure import GIB, Figure
from tests.bench.log_trial import write_busy_log, write_log_trial, write_unruly_log
from tests.bench.measure import COMMAND, Measured, measure
from tests.bench.ways import first_night

BUSY = 1_000_000  # events of one participant in one day
COUNTS = "SELECT sum(n_rows) AS a, sum(n_accepted) AS b, sum(n_quarantined) AS c, sum(n_duplicate) AS d"


def hostile_figures(scratch: Path, events: int) -> list[Figure]:
    """Raises RuntimeError where a row is unaccounted for."""
    site = scratch / "hostile"
    log = write_log_trial(site, events)
    plain = first_night(site, scratch / "hostile-workspace")
    unruly = _night_of(
        site, write_unruly_log(log, scratch / "unruly.csv"), scratch, events, n_duplicate=events * 3 // 10
    )
    busy = _night_of(site, write_busy_log(log, scratch / "busy.csv", BUSY), scratch, events + BUSY, n_duplicate=0)
    name = f"{events / 1e6:g} M events"
    return [
        Figure(f"{name}, in order: processor time", plain.processor_seconds, "s"),
        Figure(f"{name}, unordered, 30 % of them twice, two clocks", unruly.processor_seconds, "s"),
        Figure("    memory", unruly.peak_bytes / GIB, "GiB"),
        Figure(f"{name} and a million of one participant in one day", busy.processor_seconds, "s"),
        Figure("    memory", busy.peak_bytes / GIB, "GiB"),
    ]


def _night_of(site: Path, log: Path, scratch: Path, n_accepted: int, n_duplicate: int) -> Measured:
    """A first night with `log` in the place of the site's own."""
    other = scratch / "hostile-site"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(site, other)
    log.replace(other / "usage" / "usage.csv")
    workspace = scratch / "hostile-workspace"
    night = first_night(other, workspace)
    query = f"{COUNTS} FROM quality.delivery WHERE feed = 'usage'"
    command = [*COMMAND, "query", query, "--workspace", str(workspace), "--unblinded", "--format", "json"]
    found = json.loads(measure(command).output)
    if found != [{"a": n_accepted + n_duplicate, "b": n_accepted, "c": 0, "d": n_duplicate}]:
        raise RuntimeError(f"of {n_accepted} events and {n_duplicate} repeated ones the pipeline accounts for {found}")
    return night
