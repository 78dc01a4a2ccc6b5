"""The night that a run works on: its workspace, its day, and the lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from pipelines.assets.names import INGEST
from pipelines.landing.scan import Landing, scan
from pipelines.lock import run_lock, sites_locked
from pipelines.night import Night, load_night
from pipelines.quality.engine import ENGINE
from pipelines.report.board.write import Page
from pipelines.study.load import Protocol
from pipelines.validation.isolation import reading
from pipelines.workspace import Workspace


class NightResource(dg.ConfigurableResource["NightResource"]):
    """What a run was asked for. Unset: every site, today (UTC), the study file's settling time."""

    root: str
    as_of: str | None = None
    sites: list[str] | None = None
    settle_seconds: int | None = None
    full: bool = False

    @property
    def workspace(self) -> Workspace:
        return Workspace(Path(self.root))

    @property
    def day(self) -> date:
        return date.fromisoformat(self.as_of) if self.as_of else datetime.now(UTC).date()

    _read: list[Protocol] = PrivateAttr(default_factory=list)
    _takes_in_only: bool = PrivateAttr(default=False)
    _begun: dict[str, Page] = PrivateAttr(default_factory=dict)

    @property
    def begun(self) -> dict[str, Page]:
        """By snapshot the page of its report, where that was made to have its PDF begun."""
        return self._begun

    @property
    def takes_in_only(self) -> bool:
        """Whether the run ends with the rows of what sites dropped, and is no night."""
        return self._takes_in_only

    def protocol(self) -> Protocol:
        """The workspace's protocol, read once a run."""
        if not self._read:
            self._read.append(self.workspace.protocol())
        return self._read[0]

    def landing(self) -> Landing:
        return scan(self.workspace.landing, self.protocol().study)

    def record(self, run_id: str) -> Night:
        """The record of this run, begun when it is first asked for."""
        begun = datetime.now(UTC).isoformat(timespec="seconds")
        known = load_night(self.workspace, run_id)
        return known or Night(run_id, begun, self.day.isoformat(), self.sites or [])

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[NightResource]:
        """Hold the locks for as long as the run (or, where each step is a process of its own, the step) lasts, and
        one process that reads its deliveries. Whoever finds a lock taken waits its turn: a night for all, a run that
        only takes in what sites dropped for those sites."""
        every = [site.site for site in self.protocol().study.sites]
        taken = _sites_taken_in(context.run, every)
        self._takes_in_only = taken is not None
        whole = nullcontext() if taken else run_lock(self.workspace)
        with whole, sites_locked(self.workspace, taken or every), reading() as session:
            if session.expects_more:  # there will be something to judge; until anything is read a core is free
                session.when_a_core_is_free(ENGINE.load)
            yield self


def _sites_taken_in(run: dg.DagsterRun | None, every: list[str]) -> list[str] | None:
    """The sites of a run of the ingest job; None where the run is another one."""
    if run is None or run.job_name != INGEST:
        return None
    first, last = (run.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    if first in every and last in every:
        return every[every.index(first) : every.index(last) + 1]
    one = run.tags.get("dagster/partition")
    return [one] if one in every else every
