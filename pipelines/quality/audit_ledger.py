"""The ledger of audit trails: one line for each published night, only ever added to, in `store/audit/`.

The audit trail follows from the deliveries in their own sequence, so a delivery that comes late, with an earlier
place, changes the past of the chain rightly. The ledger tells that from tampering: it keeps the head of every
night's chain, and each of its lines holds the SHA-256 of the line before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.landing.decision import load_decisions
from pipelines.quality.audit_chain import AUDIT_TRAIL, FIRST
from pipelines.warehouse.published import UNBLINDED, snapshot_ids
from pipelines.workspace import Workspace

LEDGER = "ledger.jsonl"
_HEAD = f"SELECT seq, hash FROM {AUDIT_TRAIL} ORDER BY seq DESC LIMIT 1"  # noqa: S608
_LATE = """
    SELECT late.delivery_id, late.site_id, late.feed
    FROM quality.delivery AS late
    WHERE
        late.received_at > $built_at AND late.status IN ('accepted', 'partial')
        AND late.place < (
            SELECT max(known.place) FROM quality.delivery AS known
            WHERE known.received_at <= $built_at AND known.site_id = late.site_id AND known.feed = late.feed
        )
    ORDER BY late.place, late.delivery_id
"""


@dataclass(frozen=True)
class Night:
    """The head of one published night's chain: `n_rows` changes, the last with the hash `head`.

    `previous` is the SHA-256 of the ledger's line before (64 zeros for the first), without its line feed.
    """

    snapshot_id: str
    built_at: str
    n_rows: int
    head: str
    inputs_digest: str
    study_digest: str
    code_version: str
    previous: str


@dataclass(frozen=True)
class Rechained:
    """A night whose chain is no longer the beginning of the present one.

    At least `unchanged_rows` of it still are: those of the last night before it whose whole chain is. `reasons` are
    what may have changed the past since: late deliveries, decisions, the study file, the program. With none of
    them, somebody altered something.
    """

    snapshot_id: str
    unchanged_rows: int
    reasons: list[str]


@dataclass(frozen=True)
class Verdict:
    """What the ledger says of the present chain; `broken_line` its first that does not follow from the one before."""

    n_nights: int
    n_rows: int
    head: str
    rechained: list[Rechained]
    broken_line: int | None


def record_nights(workspace: Workspace) -> None:
    """Add the head of every published night that came after the ledger's last one."""
    ledger = effects.make_directory(workspace.audit) / LEDGER
    lines = _whole_lines(ledger)
    last = lines[-1][1].snapshot_id if lines else ""
    previous = _sha256(lines[-1][2]) if lines else FIRST
    for snapshot_id in (found for found in snapshot_ids(workspace) if found > last):
        night = _night(workspace.snapshots / snapshot_id / UNBLINDED, previous)
        if night is None:
            continue
        text = json.dumps(asdict(night), sort_keys=True)
        effects.append(ledger, _after_torn_line(ledger) + text)
        previous = _sha256(text)


def judge_present(workspace: Workspace, con: Any) -> Verdict:
    """Hold the chain of the unblinded snapshot that `con` reads against every earlier night's head."""
    lines = _whole_lines(workspace.audit / LEDGER)
    n_rows, head = _head(con)
    hashes = dict(
        con.execute(
            f"SELECT seq, hash FROM {AUDIT_TRAIL} WHERE seq IN (SELECT unnest($numbers))",  # noqa: S608
            {"numbers": [night.n_rows for _, night, _ in lines]},
        ).fetchall()
    ) | {0: FIRST}
    rechained, unchanged = [], 0
    for _, night, _ in lines:
        if hashes.get(night.n_rows) == night.head:
            unchanged = night.n_rows
        else:
            rechained.append(Rechained(night.snapshot_id, unchanged, list(_reasons(workspace, con, night))))
    return Verdict(len(lines), n_rows, head, rechained, _broken_line(lines))


def _reasons(workspace: Workspace, con: Any, night: Night) -> Iterator[str]:
    """What has happened since a night that may have changed the past."""
    built_at = datetime.fromisoformat(night.built_at).astimezone(UTC)
    for delivery_id, site_id, feed in con.execute(_LATE, {"built_at": built_at}).fetchall():
        yield f"the delivery {delivery_id} of {site_id}/{feed} came later, with an earlier place in the sequence"
    for decision in load_decisions(workspace.decisions).values():
        if decision.decided_at > built_at:
            yield f"the delivery {decision.delivery_id} was {decision.verdict.rstrip('e')}ed since"
    study_digest, code_version = con.execute("SELECT study_digest, code_version FROM meta.snapshot").fetchone()
    if study_digest != night.study_digest:
        yield "the study file has changed since"
    if code_version != night.code_version:
        yield "the program has changed since"


def _night(database: Path, previous: str) -> Night | None:
    """The head of the chain in a published database; None where it was made before there were chains."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        known = con.execute(
            "SELECT count(*) FROM information_schema.tables "
            "WHERE table_schema || '.' || table_name = $name AND table_catalog = current_database()",
            {"name": AUDIT_TRAIL},
        ).fetchone()
        if not known or not known[0]:
            return None
        row = con.execute(
            "SELECT snapshot_id, built_at, inputs_digest, study_digest, code_version FROM meta.snapshot"
        ).fetchone()
        assert row is not None
        snapshot_id, built_at, inputs_digest, study_digest, code_version = row
        n_rows, head = _head(con)
    return Night(snapshot_id, built_at.isoformat(), n_rows, head, inputs_digest, study_digest, code_version, previous)


def _head(con: Any) -> tuple[int, str]:
    return con.execute(_HEAD).fetchone() or (0, FIRST)


Line = tuple[int, Night, str]  # number, what it says, its text


def _whole_lines(ledger: Path) -> list[Line]:
    """The ledger's lines; one that a crash cut short says nothing."""
    if not ledger.exists():
        return []
    texts = ledger.read_text(encoding="utf-8").splitlines()
    parsed = ((number, _parsed(text), text) for number, text in enumerate(texts, start=1))
    return [(number, night, text) for number, night, text in parsed if night is not None]


def _parsed(text: str) -> Night | None:
    try:
        return Night(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _broken_line(lines: Sequence[Line]) -> int | None:
    previous = FIRST
    for number, night, text in lines:
        if night.previous != previous:
            return number
        previous = _sha256(text)
    return None


def _after_torn_line(ledger: Path) -> str:
    """A line feed where the last line has none, because a crash cut it short."""
    return "\n" if ledger.exists() and ledger.stat().st_size and not ledger.read_bytes().endswith(b"\n") else ""


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
