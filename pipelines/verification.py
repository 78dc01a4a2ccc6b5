"""Whether a published snapshot still is what was published, and would be again: `ict-trial verify`, and its record.

Each verification adds a line to `store/audit/verifications.jsonl`, for the board's report to say when the last one was
made and how it ended.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from pipelines import effects
from pipelines.data_cut import CutError, OtherRulesError, between_nights
from pipelines.quality.audit_chain import first_broken_link
from pipelines.quality.audit_ledger import Verdict, judge_present
from pipelines.rebuild import differing_tables
from pipelines.study.load import Protocol
from pipelines.warehouse.database import CLOSED
from pipelines.warehouse.published import UNBLINDED
from pipelines.warehouse.verify import verify_snapshot
from pipelines.workspace import Workspace

RECORDS = "verifications.jsonl"


@dataclass(frozen=True)
class Verification:
    """What came of one. `rebuilt`: "same", "differs", "impossible", or "other_rules" where it was made by another
    version of the program or of the study file than would build it now; `seconds`: how long building it again took."""

    made_at: str
    snapshot_id: str
    from_backup: bool
    digests_hold: bool
    chain_holds: bool
    rebuilt: str
    seconds: int

    @property
    def holds(self) -> bool:
        return self.digests_hold and self.chain_holds and self.rebuilt == "same"


def verify(
    workspace: Workspace, protocol: Protocol, snapshot_id: str, backup: Path | None = None
) -> tuple[Verification, list[str]]:
    """Hold a snapshot against its digests, its chain of changes, the ledger, and a build from the originals: the
    workspace's, or those of a copy of it in `backup`. Returns it, recorded, with a sentence on each of the four.

    Raises CutError where a night is at work on the store.
    """
    with between_nights(workspace):
        digests = verify_snapshot(workspace.snapshots / snapshot_id)
        chain_holds, chain = _chain(workspace, snapshot_id) if not digests else (False, NOT_READ)
        began = monotonic()
        rebuilt, said = _rebuilt(workspace, protocol, snapshot_id, backup)
        found = Verification(
            datetime.now(UTC).isoformat(timespec="seconds"),
            snapshot_id,
            backup is not None,
            not digests,
            chain_holds,
            rebuilt,
            round(monotonic() - began),
        )
        ledger = effects.make_directory(workspace.audit) / RECORDS
        effects.append(ledger, json.dumps(asdict(found), sort_keys=True))
    written = [f"Differs: {what}." for what in digests] or [
        "Every file and table has the digest it was published with."
    ]
    return found, [*written, *chain, said]


def verifications(workspace: Workspace) -> list[Verification]:
    """Every one that was made, the oldest first; a line that a crash cut short says nothing."""
    path = workspace.audit / RECORDS
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found.append(Verification(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


NOT_READ = ["The chain of changes was not looked at, because the file is not the one that was published."]


def _chain(workspace: Workspace, snapshot_id: str) -> tuple[bool, list[str]]:
    """Whether the chain holds and follows from every earlier night's, with its head; it needs the unblinded file."""
    import duckdb

    file = workspace.snapshots / snapshot_id / UNBLINDED
    with duckdb.connect(str(file.resolve()), read_only=True, config=dict(CLOSED)) as con:
        con.execute("SET TimeZone = 'UTC'")
        broken, ledger = first_broken_link(con), judge_present(workspace, con)
    altered = [night.snapshot_id for night in ledger.rechained if not night.reasons]
    if broken is None and ledger.broken_line is None and not altered:
        return True, [f"The chain of {ledger.n_rows} changes holds, its head is {ledger.head}."]
    return False, list(_broken(broken, ledger, altered))


def _broken(broken: int | None, ledger: Verdict, altered: list[str]) -> list[str]:
    said = []
    if broken is not None:
        said.append(f"The chain of changes is broken: change {broken} does not follow from the one before.")
    if ledger.broken_line is not None:
        said.append(f"The ledger of the nights is broken at line {ledger.broken_line}.")
    if altered:
        said.append(
            f"The changes of snapshot {', '.join(altered)} are not the beginning of these, for no known reason."
        )
    return said


def _rebuilt(workspace: Workspace, protocol: Protocol, snapshot_id: str, backup: Path | None) -> tuple[str, str]:
    source = f"the copy in {backup}" if backup else "the stored originals"
    try:
        others = differing_tables(workspace, protocol, snapshot_id, backup)
    except OtherRulesError as error:
        return "other_rules", f"It was not built again: {error}."
    except CutError as error:
        return "impossible", f"It could not be built again from {source}: {error}."
    if others:
        return "differs", f"Built again from {source}, other than published: {', '.join(others)}."
    return "same", f"Built again from {source}, every table is the same."
