"""Everything flagged tonight, the gravest first: site indicators, checks of the records, old data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pipelines.report.board.source import Source
from pipelines.report.board.status import STATUSES
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import of, percent


@dataclass(frozen=True)
class Finding:
    """Something flagged at a site. `to`: where the report says more of it."""

    status: str
    site_id: str
    sentence: str
    counts: str
    since: date | None
    owner: str
    to: str


def flagged(source: Source, trial: Trial) -> list[Finding]:
    """ACTION first, then by age, then what could not be judged, then WATCH."""
    found = [*_indicators(source, trial), *_checks(source, trial)]
    rank = {"ACTION": 0, "BROKEN": 1, "NO_DATA": 2, "WATCH": 3}
    place = {site: i for i, site in enumerate(trial.site_ids)}
    return sorted(
        (finding for finding in found if STATUSES[finding.status].flagged),
        key=lambda f: (rank[f.status], f.since or date.max, place.get(f.site_id, -1), f.sentence),
    )


def card_anchor(check_name: str) -> str:
    """Where the card of a check stands."""
    return f"card-{check_name.replace('_', '-')}"


def title_of(check_name: str) -> str:
    """A check's name in words."""
    return check_name.replace("_", " ").capitalize()


def _indicators(source: Source, trial: Trial) -> list[Finding]:
    return []


def _checks(source: Source, trial: Trial) -> list[Finding]:
    if not source.has("quality.check_result"):
        return []
    rows = source.rows("SELECT * FROM quality.check_result ORDER BY check_name, site_id")
    return [
        Finding(
            status=row["status"],
            site_id=row["site_id"],
            sentence=f"{title_of(row['check_name'])}.",
            counts=(
                f"{of(row['n_failed'], row['n_checked'])} ({percent(row['n_failed'], row['n_checked'])}); "
                f"tolerated {100 * row['tolerance']:g}%"
            ),
            since=None,
            owner="",
            to=card_anchor(row["check_name"]),
        )
        for row in rows
    ]
