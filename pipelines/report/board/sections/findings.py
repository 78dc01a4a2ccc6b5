"""Everything flagged tonight, the gravest first: site indicators, checks of the records, data that are too old."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from pipelines.report.board.source import Row, Source
from pipelines.report.board.status import ORDER, STATUSES
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, chance, count, day, limit, says_shares, share, tolerance
from pipelines.study.indicator import load_indicators

RANK = {"ACTION": 0, "BROKEN": 1, "NO_DATA": 2, "WATCH": 3}
NOTHING_CAME = "Site: send the file that was due; what is not sent cannot be judged."
BROKEN = "Data manager: find out why the check could not be made; until then nothing is known of these records."
INDICATOR, CARD, CURRENCY, SHOWN = "quality.kri", "quality.check_card", "quality.currency", "board.shown"


@dataclass(frozen=True)
class Finding:
    """Something flagged at a site. `same` is what findings share that count the same sort of records; `todo`: who must
    do what."""

    status: str
    site_id: str
    sentence: str
    counts: str
    limit: str
    since: date | None
    to: str
    same: str
    todo: str


@dataclass(frozen=True)
class Group:
    """One thing that is flagged alike at one site or at several."""

    findings: list[Finding]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def since(self) -> date | None:
        return min((finding.since for finding in self.findings if finding.since), default=None)


def flagged(source: Source, trial: Trial) -> list[Finding]:
    """ACTION first, then by age; then what could not be judged; then WATCH. One finding where an indicator and a check
    count the same records, with the worse status of the two."""
    found = [*_indicators(source), *_cards(source), *_old_data(source)]
    place = {site: i for i, site in enumerate(trial.site_ids)}
    return sorted(
        (finding for finding in _merged(found) if STATUSES[finding.status].flagged),
        key=lambda f: (RANK[f.status], f.since or date.max, place.get(f.site_id, -1), f.sentence),
    )


def grouped(found: Iterable[Finding]) -> list[Group]:
    """What is flagged alike at several sites together; the gravest first, then the oldest."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in found:
        groups.setdefault((finding.status, finding.same), []).append(finding)
    return sorted(
        (Group(findings) for findings in groups.values()),
        key=lambda group: (RANK[group.first.status], group.since or date.max, group.first.sentence),
    )


def card_anchor(check_name: str) -> str:
    """Where the card of a check stands."""
    return f"card-{check_name.replace('_', '-')}"


def title_of(check_name: str) -> str:
    """A check's name in words."""
    return capital(check_name.replace("_", " "))


def shown_statuses(source: Source) -> dict[tuple[str, str, str], Row]:
    """By kind, name and site: the status that the board is shown, and since when."""
    rows = source.rows("SELECT * FROM board.shown") if source.has(SHOWN) else []
    return {(row["kind"], row["name"], row["site_id"]): row for row in rows}


def _merged(found: Iterable[Finding]) -> list[Finding]:
    kept: dict[tuple[str, str], Finding] = {}
    for finding in found:
        key = (finding.site_id, finding.same)
        before = kept.get(key)
        if before is None:
            kept[key] = finding
        elif ORDER.index(finding.status) < ORDER.index(before.status):
            kept[key] = replace(before, status=finding.status, since=finding.since, to=finding.to)
    return list(kept.values())


def _indicators(source: Source) -> Iterator[Finding]:
    if not source.has(INDICATOR):
        return
    shown = shown_statuses(source)
    todo = {indicator.kri: indicator.todo for indicator in load_indicators()}
    for row in source.rows("SELECT * FROM quality.kri ORDER BY kri, site_id"):
        seen = shown.get(("kri", row["kri"], row["site_id"]), {})
        by_chance = f", by chance {chance(row['p_upper'])}" if row["p_upper"] is not None and says_shares() else ""
        yield Finding(
            status=seen.get("status") or row["status"],
            site_id=row["site_id"],
            sentence=f"{row['title']}.",
            counts=f"{share(row['numerator'], row['denominator'])}{by_chance}{_tonight(seen, row)}",
            limit=f"tolerated: {limit(row)}",
            since=seen.get("since"),
            to="f7-1",
            same=row["limit_name"],
            todo=NOTHING_CAME if row["status"] == "NO_DATA" else todo.get(row["kri"], ""),
        )


def _cards(source: Source) -> Iterator[Finding]:
    if not source.has(CARD):
        return
    shown = shown_statuses(source)
    for row in source.rows("SELECT * FROM quality.check_card ORDER BY check_name, site_id"):
        seen = shown.get(("check", row["check_name"], row["site_id"]), {})
        sentence, _, todo = row["why"].partition(". ")
        yield Finding(
            status=seen.get("status") or row["status"],
            site_id=row["site_id"],
            sentence=f"{sentence.removesuffix('.')}.",
            counts=share(row["n_failing"], row["n_evaluated"]) + _tonight(seen, row),
            limit=f"tolerated: {tolerance(row['tolerance'])}",
            since=row["first_seen"] or seen.get("since"),
            to=card_anchor(row["check_name"]),
            same=row["check_name"],
            todo={"NO_DATA": NOTHING_CAME, "BROKEN": BROKEN}.get(row["status"], todo),
        )


def _tonight(seen: Row, row: Row) -> str:
    """What is added where the weeks before still flag what is no longer so tonight."""
    if not seen.get("status") or not STATUSES[seen["status"]].flagged or STATUSES[row["status"]].flagged:
        return ""
    return f" (tonight {STATUSES[row['status']].words}; shown until two weeks in a row are well)"


def _old_data(source: Source) -> Iterator[Finding]:
    if not source.has(CURRENCY):
        return
    for row in source.rows("SELECT * FROM quality.currency ORDER BY site_id, feed"):
        newest = "nothing has come yet"
        if row["newest_on"] is not None:
            newest = f"newest of {day(row['newest_on'])}, {count(row['currency_days'], 'day')} before the cut-off"
        yield Finding(
            status=row["status"],
            site_id=row["site_id"],
            sentence=f"The data on {row['feed']} are too old.",
            counts=newest,
            limit=f"tolerated: {count(row['action_days'], 'day')}",
            since=row["newest_on"],
            to="t2-2",
            same=f"currency of {row['feed']}",
            todo=NOTHING_CAME,
        )
