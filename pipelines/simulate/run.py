"""Run a trial, let its sites report, and write down what is true."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    from pipelines.simulate.clinicians import Seen
    from pipelines.simulate.drops import Drop
    from pipelines.simulate.state import State

EVENTS = 1100.0


class SimulationError(Exception):
    """The workspace cannot take a simulated trial; the message says what to do."""


def simulate(
    workspace: Workspace,
    protocol: Protocol,
    participants: int,
    seed: int,
    faults: bool = False,
    *,
    today: date | None = None,
    events: float = EVENTS,
) -> Path:
    """Fill `landing/` with the deliveries of a synthetic trial, and the store with what its clinicians acknowledged of
    the alerts; returns the folder of its truth.

    `participants` are randomised, in all; screen failures and people still in screening come on top. `today`
    (default: now, UTC) is the day before which the trial has run; what would lie later does not exist.
    `events` is about the mean number of usage events of a participant with the programme.
    The same arguments give the same bytes; where they lie in `landing/` already, nothing is done.

    The truth folder holds `adsl.parquet`, `score.parquet`, `session.parquet`, `participant_week.parquet`,
    `module_progress.parquet` (see `truth_tables`), `delivery.parquet` (site_id, feed, file_name, status,
    n_rows, n_accepted, n_quarantined, n_duplicate of each), `quarantine.parquet` (site_id, feed, file_name,
    row_no, rule), `faults.json` (for every planted fault its delivery,
    kind, rows and expected ending) and `simulation.json` (these arguments).

    Raises SimulationError where `landing/` holds other files, or a source is of a format that is only read.
    """
    truth = workspace.root / "truth"
    asked = {
        "study": protocol.study.study,
        "study_digest": protocol.digest,
        "participants": participants,
        "seed": seed,
        "faults": faults,
        "events": events,
    }
    if any(path.is_file() for path in workspace.landing.rglob("*")):
        _same_or_refuse(truth / "simulation.json", asked, today)
        return truth
    _require_formats(protocol)
    today = today or datetime.now(UTC).date()
    drops, state, planted, seen = _run(protocol, asked, today)
    _write_truth(truth, protocol, drops, state, planted, today)
    from pipelines.safety.acknowledgement import acknowledge
    from pipelines.simulate.post import deliver

    for drop in drops:
        deliver(workspace, drop)
    for alert in seen:
        acknowledge(workspace, alert.alert_id, alert.given_by, "", alert.given_at)
    _json(truth / "simulation.json", asked | {"today": str(today)})
    return truth


def _same_or_refuse(record: Path, asked: dict[str, Any], today: date | None) -> None:
    done = json.loads(record.read_bytes()) if record.is_file() else {}
    same_day = today is None or done.get("today") == str(today)
    if {name: done.get(name) for name in asked} != asked or not same_day:
        raise SimulationError(
            f"{record.parent.parent / 'landing'} already holds files of something else; "
            "simulate into a new workspace, made with `ict-trial init`"
        )


def _require_formats(protocol: Protocol) -> None:
    from pipelines.simulate.files import FORMATS

    for site in protocol.study.sites:
        for source in (source for sources in site.feeds.values() for source in sources):
            if source.read.format not in FORMATS:
                raise SimulationError(
                    f"{site.site}: the source {source.source} is read as {source.read.format}, which cannot be "
                    f"simulated; what can: {', '.join(FORMATS)}"
                )


def _run(
    protocol: Protocol, asked: dict[str, Any], today: date
) -> tuple[list[Drop], State, list[dict[str, Any]], list[Seen]]:
    import numpy as np

    from pipelines.simulate.calendar import Calendar
    from pipelines.simulate.clinicians import acknowledgements
    from pipelines.simulate.drops import log_ends, plan
    from pipelines.simulate.faults import plant
    from pipelines.simulate.people import longest_follow_up
    from pipelines.simulate.scene import Scene
    from pipelines.simulate.state import State
    from pipelines.simulate.trial import run_trial

    calendar = Calendar(today, longest_follow_up(protocol.study))
    trial = run_trial(protocol, asked["participants"], calendar, asked["events"], asked["seed"])
    state = State.of(trial, calendar)
    drops, state.by_day = plan(protocol, trial, calendar)
    planted: list[dict[str, Any]] = []
    if asked["faults"]:
        scene = Scene(protocol, calendar, drops, state, trial.people, np.random.default_rng([asked["seed"], 9]))
        plant(scene)
        planted = scene.planted
    state.log_ends = log_ends(drops)
    seen = acknowledgements(protocol, state, calendar, today, np.random.default_rng([asked["seed"], 10]))
    return drops, state, planted, seen


def _write_truth(
    truth: Path,
    protocol: Protocol,
    drops: list[Drop],
    state: State,
    planted: list[dict[str, Any]],
    today: date,
) -> None:
    from pipelines.simulate.truth import truth_tables

    effects.make_directory(truth)
    tables = truth_tables(protocol, state, today)
    tables |= {"delivery": _deliveries(drops), "quarantine": _quarantine(drops)}
    for name, table in tables.items():
        effects.write(truth / f"{name}.parquet", _parquet(table))
    _json(truth / "faults.json", planted)


def _deliveries(drops: list[Drop]) -> pl.DataFrame:
    """What must become of every delivery; of a rejected or repeated one there are no counts."""
    import polars as pl

    rows = []
    for drop in drops:
        expected = drop.expected
        refused = len({row for row, _ in expected.quarantine})
        counts: list[int | None] = [drop.rows, drop.rows - refused - expected.duplicates, refused, expected.duplicates]
        status = expected.status or ("partial" if refused else "accepted")
        if expected.status:
            counts = [None] * 4
        rows.append([drop.site, drop.feed, drop.file_name, status, *counts])
    names = ("site_id", "feed", "file_name", "status")
    numbers = ("n_rows", "n_accepted", "n_quarantined", "n_duplicate")
    schema = [(name, pl.String()) for name in names] + [(name, pl.Int64()) for name in numbers]
    return pl.DataFrame(rows, schema=schema, orient="row").sort("site_id", "feed", "file_name")


def _quarantine(drops: list[Drop]) -> pl.DataFrame:
    """Every record that must be refused, with the rule it is listed under."""
    import polars as pl

    rows = [
        (drop.site, drop.feed, drop.file_name, row, rule) for drop in drops for row, rule in drop.expected.quarantine
    ]
    schema = [(name, pl.String()) for name in ("site_id", "feed", "file_name")]
    found = pl.DataFrame(rows, schema=[*schema, ("row_no", pl.Int64()), ("rule", pl.String())], orient="row")
    return found.sort(found.columns)


def _parquet(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_parquet(out)
    return out.getvalue()


def _json(path: Path, content: Any) -> None:
    effects.write(path, json.dumps(content, ensure_ascii=False, indent=1, default=str).encode())
