"""The night that a run works on: its workspace, its day, and the lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from pipelines.landing.scan import Landing, scan
from pipelines.lock import run_lock
from pipelines.night import Night, load_night
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
        """Hold the workspace's lock for the whole run, and one process that reads its deliveries; a run that finds
        the lock taken waits its turn."""
        with run_lock(self.workspace), reading():
            yield self
