"""What there is to tell of the nights. No notice holds a participant's data: it is made of the nights' records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.deployment.notices import Occasion
from pipelines.night import WHOLE, Night, overdue_night

_SUBJECTS = {
    "failed": "the night failed",
    "held_back": "a blocking check held the night back",
    "published": "the night is published",
}


@dataclass(frozen=True)
class Notice:
    """One thing to tell; the same `key` is told once. `facts` are the same for programs."""

    key: str
    occasion: Occasion
    subject: str
    text: str
    facts: dict[str, str | None]


def notices_of(records: Sequence[Night], study: str, now: datetime) -> list[Notice]:
    """What is to be told now: how the last whole night ended, and that the next has not come. A night that stays
    away is told once a day."""
    return [*_ended(records, study), *_missing(records, study, now)]


def _ended(records: Sequence[Night], study: str) -> list[Notice]:
    whole = [night for night in records if night.outcome in WHOLE]
    if not whole:
        return []
    night = whole[-1]
    text = [
        f"The night of {study} that began {_clock(night.started_at)} UTC ended: {night.outcome.replace('_', ' ')}.",
        *night.messages,
    ]
    if night.outcome == "published":
        text.append(f"Readers see the snapshot {night.snapshot_id}, as of {night.as_of}.")
    else:
        text.append("Readers see the night before. Mend the cause, then run `ict-trial nightly`.")
    text.append("`ict-trial status` says how it stands.")
    facts = {"run_id": night.run_id, "started_at": night.started_at, "snapshot_id": night.snapshot_id}
    return [_notice(f"{night.outcome}-{night.run_id}", night.outcome, study, _SUBJECTS[night.outcome], text, facts)]


def _missing(records: Sequence[Night], study: str, now: datetime) -> list[Notice]:
    late = overdue_night(list(records), now)
    if late is None:
        return []
    days = (now - datetime.fromisoformat(late["due"])).days
    text = [
        f"No night of {study} has begun since {_clock(late['last'])} UTC; the next was due {_clock(late['due'])} UTC.",
        "Readers see what was published before. Run `ict-trial nightly`, and see why the schedule did not.",
    ]
    key = f"missing-{late['due'][:10]}-{days}"
    return [_notice(key, "missing", study, "the night did not run", text, {"last": late["last"], "due": late["due"]})]


def _notice(
    key: str, occasion: str, study: str, subject: str, text: Sequence[str], facts: dict[str, str | None]
) -> Notice:
    return Notice(key, occasion, f"{study}: {subject}", "\n".join(text), facts)  # type: ignore[arg-type]


def _clock(iso: str) -> str:
    return iso[:16].replace("T", " ")
