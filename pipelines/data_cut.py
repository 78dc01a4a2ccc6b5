"""The build of an earlier snapshot, made once more: the stored deliveries as they counted then, beside the last build.

Nothing of a build is published but its end, so that a number of an earlier snapshot can be walked back only by building
it again, exactly: from the same deliveries, decisions, answers and acknowledgements, by the same study file and
code, as of the same day. Whether it is the same, digests say; where it cannot be, CutError says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from filelock import Timeout

from pipelines import effects
from pipelines.lock import run_lock
from pipelines.study.load import Protocol
from pipelines.validation.deliveries import all_deliveries
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import build_file, close_build, open_build
from pipelines.warehouse.digest import Canon, inputs_digest, table_digest
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.graph import Graph, load_graph
from pipelines.warehouse.published import MANIFEST, UNBLINDED, UNBLINDED_MANIFEST
from pipelines.workspace import Workspace


class CutError(Exception):
    """The snapshot cannot be built again; one sentence says why."""


class OtherRulesError(CutError):
    """The study file or the program is another than the snapshot was made by: what is built says nothing of it."""


@dataclass(frozen=True)
class DataCut(Workspace):
    """The workspace as an earlier snapshot had it: what was stored by then, and a build of its own."""

    snapshot_id: str = ""

    @property
    def build(self) -> Path:
        return self.store / "cuts" / self.snapshot_id


def data_cut(workspace: Workspace, protocol: Protocol, snapshot_id: str, tables: Iterable[str]) -> DataCut:
    """A build of the snapshot that holds `tables` and what they are made of. Raises CutError.

    It is kept until another snapshot is asked for, and what it holds already is not made again.
    """
    folder = workspace.snapshots / snapshot_id
    if not (folder / MANIFEST).is_file():
        raise CutError(f"there is no snapshot {snapshot_id}; `ict-trial snapshots` lists them")
    manifest = json.loads((folder / MANIFEST).read_bytes())
    hidden = json.loads((folder / UNBLINDED_MANIFEST).read_bytes())
    must_be_same_rules(protocol, manifest)
    cut = DataCut(workspace.root, snapshot_id)
    with between_nights(workspace):
        try:
            _build(cut, protocol, manifest, hidden, set(tables))
        except WarehouseError as error:
            raise CutError(f"snapshot {snapshot_id} could not be built again: {error}") from None
        finally:
            close_build(cut)
    return cut


@contextmanager
def between_nights(workspace: Workspace) -> Iterator[None]:
    """Within the block no night begins. Raises CutError where one is at work."""
    lock = run_lock(workspace)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CutError("a night is at work on the store; ask again when it has ended") from None
    try:
        yield
    finally:
        lock.release()


def must_be_same_rules(protocol: Protocol, manifest: dict[str, Any]) -> None:
    """Raises OtherRulesError where the study file or the program is another than the snapshot was made by."""
    snapshot = f"snapshot {manifest['snapshot_id']}"
    if manifest["study_digest"] != protocol.digest:
        raise OtherRulesError(
            f"{snapshot} was made by another study file than the workspace has now; put that one back as study.yaml, "
            "with its instruments, in a copy of the workspace, and ask there"
        )
    if manifest["code_version"] != code_version():
        raise OtherRulesError(
            f"{snapshot} was made by {manifest['code_version']}, this is {code_version()}; what is derived may differ. "
            "Ask with that version of the program"
        )


def _build(
    cut: DataCut, protocol: Protocol, manifest: dict[str, Any], hidden: dict[str, Any], tables: set[str]
) -> None:
    graph = load_graph()
    if not build_file(cut).exists():
        for other in (cut.store / "cuts").glob("*"):
            effects.remove(other)
        try:
            start_from_inputs(cut, protocol, manifest, hidden)
        except BaseException:
            close_build(cut)
            effects.remove(cut.build)  # half a build is none
            raise
    made = _made(cut)
    wanted = _needed(graph, tables)
    for name in [name for name in graph.order if name in wanted - made]:
        derive(cut, name, graph)
    digests = hidden["files"][UNBLINDED]["tables"]
    with open_build(cut) as con:
        for name in sorted(tables & set(digests)):
            if table_digest(con, Canon.from_dict(digests[name])) != digests[name]["digest"]:
                raise CutError(f"built again, {name} is not what snapshot {cut.snapshot_id} holds")


def start_from_inputs(cut: DataCut, protocol: Protocol, manifest: dict[str, Any], hidden: dict[str, Any]) -> None:
    """The build's inputs, as they were known when the snapshot was made. Raises CutError."""
    from pipelines.quality.answers import load_answers
    from pipelines.safety.acknowledgement import load_acknowledgements

    then = datetime.fromisoformat(manifest["built_at"])
    known = {entry["delivery_id"] for entry in hidden["deliveries"]}
    deliveries = all_deliveries(cut, protocol, known=known, until=then)
    lost = len(known) - len(deliveries)
    if lost:
        raise CutError(f"{lost} deliveries of snapshot {cut.snapshot_id} are no longer in the store")
    answers = [answer for answer in load_answers(cut) if answer.given_at <= then]
    acknowledged = [given for given in load_acknowledgements(cut) if given.given_at <= then]
    start_build(cut, protocol, deliveries, date.fromisoformat(manifest["as_of"]), answers, acknowledged)
    with open_build(cut) as con:
        if inputs_digest(con) != manifest["inputs_digest"]:
            raise CutError(
                f"what was decided, answered or acknowledged by snapshot {cut.snapshot_id} cannot be told from the "
                "store any more"
            )


def _made(cut: DataCut) -> set[str]:
    with open_build(cut) as con:
        rows = con.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database()"
        ).fetchall()
    return {name for (name,) in rows}


def _needed(graph: Graph, tables: set[str]) -> set[str]:
    """The derived tables among `tables`, and all that they are made of."""
    wanted = tables & set(graph.order)
    for name in reversed(graph.order):
        if name in wanted:
            wanted |= set(graph.queries[name].reads) & set(graph.order)
    return wanted
