"""The folder of one trial, and where everything in it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.deployment.settings import Deployment
    from pipelines.study.load import Protocol


@dataclass(frozen=True)
class Workspace:
    """One folder a trial; see the README for what each part is for and who may read it."""

    root: Path

    @property
    def study_file(self) -> Path:
        return self.root / "study.yaml"

    @property
    def deployment_file(self) -> Path:
        """How this installation runs; it need not be there."""
        return self.root / "deployment.yaml"

    @property
    def landing(self) -> Path:
        """What sites drop, `<site>/<feed>/<file>`; the pipeline only reads it."""
        return self.root / "landing"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def originals(self) -> Path:
        """The bytes of every delivery, by sha256."""
        return self.store / "originals"

    def original(self, sha256: str) -> Path:
        return self.originals / sha256[:2] / sha256

    @property
    def receipts(self) -> Path:
        return self.store / "receipts"

    @property
    def acknowledgements(self) -> Path:
        """What people said to safety alerts: one file each, never changed."""
        return self.store / "acknowledgements"

    @property
    def safety(self) -> Path:
        """Each night's list of alerts for each site's clinician, `<as-of>/<site>/`; nobody else's to read."""
        return self.root / "safety"

    @property
    def answers(self) -> Path:
        """What people said to data queries: inputs like the receipts."""
        return self.store / "answers"

    @property
    def decisions(self) -> Path:
        """What the data manager decided on deliveries."""
        return self.store / "decisions"

    @property
    def audit(self) -> Path:
        """The ledger of every published night's audit trail."""
        return self.store / "audit"

    @property
    def rows(self) -> Path:
        """Rows read from the originals: a cache, rebuilt from them when it is gone."""
        return self.store / "rows"

    @property
    def keys(self) -> Path:
        return self.store / "keys"

    @property
    def build(self) -> Path:
        """Where tonight's database grows before anyone can see it."""
        return self.store / "build"

    @property
    def spill(self) -> Path:
        """Where DuckDB puts what does not fit into memory."""
        return self.build / "spill"

    @property
    def nights(self) -> Path:
        """One record a night: what was asked, what came of it."""
        return self.store / "nights"

    @property
    def notices(self) -> Path:
        """Who was told of which night: one file each."""
        return self.store / "notices"

    @property
    def lock(self) -> Path:
        return self.store / "lock"

    @property
    def site_locks(self) -> Path:
        return self.store / "locks"

    @property
    def dagster_home(self) -> Path:
        return self.store / "dagster"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def snapshots(self) -> Path:
        return self.published / "snapshots"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def closed(self) -> Path:
        return self.root / "closed"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    def protocol(self) -> Protocol:
        """The study file with its instruments. Raises InvalidFileError."""
        from pipelines.study.load import load_protocol

        return load_protocol(self.study_file)

    def deployment(self) -> Deployment:
        """The settings of the installation. Raises InvalidFileError."""
        from pipelines.deployment.settings import load_deployment

        return load_deployment(self.deployment_file)
