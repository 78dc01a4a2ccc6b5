"""Section 1: what the board must look at, on one page."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.report.board.parts import Cell, Figure, Flag, Needle, Place, Point, Section, Table
from pipelines.report.board.sections.findings import Finding, Group, flagged, grouped
from pipelines.report.board.sections.measures import measures
from pipelines.report.board.sections.moved_names import APART, BY_SITE, CURVES, decimals_of, moved_name
from pipelines.report.board.source import Row, Source
from pipelines.report.board.status import STATUSES
from pipelines.report.board.trial import ALL_SITES, Trial
from pipelines.report.board.words import capital, count, day, listed, number, says_shares

QUESTION = "What needs the board's attention?"
SHOWN, SITES_SHOWN, CHANGES_SHOWN, MOVES_SHOWN = 7, 4, 6, 5
SITES_APART = 12
PARTS = {
    "new_participants": "new people",
    "new_visits": "new visits",
    "late_entries": "late entries",
    "corrections": "corrections",
    "query_resolutions": "queries handled",
    "rule_change": "changed rules",
    "dictionary_change": "changed dictionary",
    "cut_off_change": "the calendar",
}
# With many sites all but the indicators are summed over them, so that the table can be read and printed.
_PLACE = (
    "CASE WHEN $few OR number LIKE 'K%' OR list_contains($apart, split_part(number, '|', 1)) THEN site_id ELSE '' END"
)
_PARTS = f"""
    SELECT number, {_PLACE} AS site_id, part,
        coalesce(sum(n) FILTER (side = 'numerator'), 0) AS numerator,
        coalesce(sum(n) FILTER (side = 'denominator'), 0) AS denominator
    FROM board.explained GROUP BY ALL
"""  # noqa: S608
_TOTALS = f"""
    SELECT number, {_PLACE} AS site_id,
        CAST(sum(numerator_before) AS BIGINT) AS numerator_before,
        CAST(sum(denominator_before) AS BIGINT) AS denominator_before,
        CAST(sum(numerator) AS BIGINT) AS numerator, CAST(sum(denominator) AS BIGINT) AS denominator
    FROM board.moved GROUP BY ALL ORDER BY ALL
"""  # noqa: S608
HOW_SPLIT = (
    "Each number is split into the records that came, went or changed, each under the first reason that holds; what "
    "has a slash is counted, and all there was to count. What is no sum is split in steps (appendix A)."
)
NOT_SPLIT = (
    "A check that an indicator judges too (section 6 says which) moves as that does; left out are a check that nothing "
    "failed or fails; chance, interval and limits of an indicator that neither is nor was flagged; and scores that are "
    "not listed. Not split: the log's quality (section 9), whose parts would tell from night to night who uses the "
    "programme; statuses, which are no numbers (T1.2); and lists by week or delivery, which only grow."
)
CHANGES = ("new", "worse", "better", "cleared", "other")


def build(source: Source, trial: Trial) -> Section:
    """At most seven lines, what changed since the last pack and why, what chance alone would have raised."""
    found = flagged(source, trial)
    groups = grouped(found)
    answer = [_verdict(found, trial), " ".join([*_rest(groups), *_luck(source), *_not_assessed(source)])]
    if not found:
        answer += _could_have_seen(source)
    return Section(
        1,
        QUESTION,
        answer,
        points=[_point(group, trial) for group in groups[:SHOWN]],
        figures=[*_changed(source, trial), *_moved(source, trial)],
        closing=[*_first_pack(source), *_not_compared(source), _decisions(found)],
    )


def _verdict(found: list[Finding], trial: Trial) -> str:
    number_of = {status: sum(finding.status == status for finding in found) for status in STATUSES}
    if not found:
        return "Nothing is flagged: no check and no indicator lies beyond what was tolerated, at any site."
    blind = number_of["BROKEN"] + number_of["NO_DATA"]
    parts = [count(number_of["ACTION"], "finding needs action", "findings need action")]
    if number_of["WATCH"]:
        parts.append(count(number_of["WATCH"], "finding is to be watched", "findings are to be watched"))
    if blind:
        parts.append(count(blind, "thing could not be judged", "things could not be judged"))
    sites = {finding.site_id for finding in found if finding.status == "ACTION" and finding.site_id}
    named = [trial.name(site) for site in trial.site_ids if site in sites]
    where = f" Action concerns {listed(named) if len(named) < 7 else count(len(named), 'site')}." if named else ""
    return f"{capital(listed(parts))}.{where}"


def _rest(groups: list[Group]) -> list[str]:
    more = [finding for group in groups[SHOWN:] for finding in group.findings]
    if not more:
        return []
    actions = sum(finding.status == "ACTION" for finding in more)
    of_which = f", {actions} of them for action" if actions else ""
    return [
        (f"The {SHOWN} gravest sorts are shown; {count(len(more), 'more finding')}{of_which} in sections 2, 6 and 7.")
    ]


def _luck(source: Source) -> list[str]:
    if not source.has("quality.kri"):
        return []
    row = source.row("SELECT sum(chance_watch) AS watch, sum(chance_action) AS action FROM quality.kri")
    if row["watch"] is None:
        return []
    return [
        f"By luck alone, were every site exactly at its tolerance, tonight's indicators would show at most "
        f"{number(row['watch'])} WATCH and {number(row['action'])} ACTION."
    ]


def _not_assessed(source: Source) -> list[str]:
    if not source.has("quality.kri"):
        return ["The site indicators are not in this snapshot, so nothing is said of them."]
    rows = source.rows("SELECT status FROM quality.kri")
    said = [
        f"{sum(row['status'] == code for row in rows)} {STATUSES[code].words}"
        for code in ("BROKEN", "NO_DATA", "TOO_FEW")
        if any(row["status"] == code for row in rows)
    ]
    return [f"Of {count(len(rows), 'indicator')} (by site) some could not be assessed: {listed(said)}."] if said else []


def _could_have_seen(source: Source) -> list[str]:
    """What this many sites and people would have let anybody notice."""
    if not source.has("quality.kri"):
        return []
    row = source.row("SELECT min(power_watch) AS low, max(power_watch) AS high FROM quality.kri")
    if row["low"] is None or not says_shares():
        return []
    return [
        f"A site twice as bad as tolerated would have been flagged with a chance of {number(100 * row['low'], 0)} to "
        f"{number(100 * row['high'], 0)}%, depending on the indicator and the site's size (section 7)."
    ]


def _point(group: Group, trial: Trial) -> Point:
    first, more = group.first, group.findings[SITES_SHOWN:]
    places = [
        Place(trial.name(finding.site_id), trial.language(finding.site_id), finding.counts)
        for finding in group.findings[:SITES_SHOWN]
    ]
    places += [Place("and", "en", count(len(more), "more site"))] if more else []
    return Point(
        flag=Flag(first.status, to=first.to),
        finding=first.sentence,
        places=places,
        limit=first.limit,
        since=f"since {day(group.since)}" if group.since else "new tonight",
        owner="for the site and the data manager",
        due="due now" if first.status == "ACTION" else "due by the next pack",
        todo=first.todo,
    )


def _decisions(found: list[Finding]) -> str:
    actions = sum(finding.status == "ACTION" for finding in found)
    if not actions:
        return "Decisions asked of the board: none by these numbers."
    return (
        f"Decisions asked of the board: for {count(actions, 'action')}, whether what the site does about it is enough, "
        "and by when it is to be put right."
    )


def _first_pack(source: Source) -> list[str]:
    if source.has("board.last_pack") and source.rows("SELECT * FROM board.last_pack"):
        return []
    return ["There is no earlier pack to compare with."]


def _not_compared(source: Source) -> list[str]:
    if not source.has("board.last_pack") or not source.rows("SELECT * FROM board.last_pack WHERE NOT compared"):
        return []
    return [
        "What moved since the last pack cannot be split into reasons: the records of that week are lost, or an earlier "
        "version of the program kept less of them."
    ]


def _changed(source: Source, trial: Trial) -> list[Figure]:
    if not source.has("board.changed_status") or _first_pack(source):
        return []
    titles = _titles(source)
    rows = [
        row
        for row in source.rows("SELECT * FROM board.changed_status ORDER BY kind, name, site_id")
        if not (row["change"] == "other" and {row["before"], row["now"]} <= {"OK", "TOO_FEW", "NOT_APPLICABLE"})
    ]
    rows.sort(key=lambda row: (CHANGES.index(row["change"]), row["name"], row["site_id"]))
    lines: list[list[Cell]] = [
        [
            f"{titles.get(row['name'], row['name'])}, {trial.name(row['site_id'])}",
            row["change"],
            Flag(row["before"]),
            Flag(row["now"]),
        ]
        for row in rows[:CHANGES_SHOWN]
    ]
    last = source.row("SELECT * FROM board.last_pack")
    tally = [f"{sum(row['change'] == change for row in rows)} {change}" for change in CHANGES[:4]]
    left_out = [f"And {len(rows) - CHANGES_SHOWN} more."] if len(rows) > CHANGES_SHOWN else []
    return [
        Figure(
            "T1.2",
            f"Since the pack of {day(last['as_of'])}: {listed(tally)}",
            Needle(min(len(rows), CHANGES_SHOWN), len(rows), "changes of status", "change of status"),
            ["board.changed_status"],
            Table(["What, where", "Change", "Then", "Now"], lines),
            notes=left_out,
        )
    ]


def _titles(source: Source) -> dict[str, str]:
    titles: dict[str, str] = {}
    if source.has("quality.kri"):
        titles |= {
            r["kri"]: f"{r['kri']} {r['title']}" for r in source.rows("SELECT DISTINCT kri, title FROM quality.kri")
        }
    if source.has("quality.check_card"):
        rows = source.rows("SELECT DISTINCT check_name, rule FROM quality.check_card")
        titles |= {row["check_name"]: capital(row["rule"]) for row in rows}
    if source.has("quality.central_check"):
        rows = source.rows("SELECT DISTINCT check_id, title FROM quality.central_check")
        titles |= {row["check_id"]: f"{row['check_id']} {row['title']}" for row in rows}
    return titles


def _moved(source: Source, trial: Trial) -> list[Figure]:
    """Every number that moved, split into the reasons why; the parts add up to the difference."""
    if not source.has("board.moved", "board.explained") or _first_pack(source):
        return []
    titles = _titles(source)
    parts: dict[tuple[str, str], dict[str, Row]] = {}
    few = len(trial.site_ids) <= SITES_APART
    given = {"few": few, "apart": list(APART)}
    for row in source.rows(_PARTS, **given):
        parts.setdefault((row["number"], row["site_id"]), {})[row["part"]] = row
    rows = [row for row in source.rows(_TOTALS, **given) if _is_shown(row, few)]
    rows.sort(key=lambda row: (_sort(row), -_moved_by(row), _place(row)))
    names = measures(source)
    lines = [
        _split(
            row, parts.get(_place(row), {}), f"{moved_name(row['number'], titles, names)}, {trial.name(row['site_id'])}"
        )
        for row in rows
    ]
    if not lines:
        return []
    head = ["What, where", "Then", "Now", "Because of"]
    return [
        Figure(
            "T1.3",
            f"{capital(count(len(rows), 'number'))} moved; the parts say why, and add up",
            Needle(len(rows), len(rows), "numbers that moved", "number that moved"),
            ["board.moved", "board.explained"],
            Table(head, lines, numeric=frozenset({1, 2})),
            notes=[HOW_SPLIT, NOT_SPLIT],
            appendix=True,
            brief=Table(head, lines[:MOVES_SHOWN], numeric=frozenset({1, 2})),
        )
    ]


def _is_shown(row: Row, few: bool) -> bool:
    """Whether the report shows the number of this site, or of all sites together: only that of what is no sum, where
    both are known. Of checks, and of all of a kind together, those that something fails or failed."""
    kind = row["number"].partition("|")[0]
    if kind in ("check", "grid"):
        return bool(row["numerator"] or row["numerator_before"])
    if kind not in APART or kind in BY_SITE:
        return True
    together = row["site_id"] == ALL_SITES
    return not (together and kind in CURVES) if few else together


def _moved_by(row: Row) -> float:
    return float(abs(row["numerator"] - row["numerator_before"]) / 10 ** decimals_of(row["number"]))


def _sort(row: Row) -> int:
    """Indicators first, then the flow and the queries, then all that is split by visit, feed or age."""
    return 0 if row["number"].startswith("K") else 2 if "|" in row["number"] else 1


def _place(row: Row) -> tuple[str, str]:
    return row["number"], row["site_id"]


def _split(row: Row, parts: Mapping[str, Row], what: str) -> list[Cell]:
    boxes = row["numerator"] == row["denominator"] and row["numerator_before"] == row["denominator_before"]
    decimals = decimals_of(row["number"])

    def written(n: int, total: int, sign: str = "") -> str:
        if decimals:
            return f"{n / 10**decimals:{sign}.{decimals}f}"
        return f"{n:{sign}d}" if boxes else f"{n:{sign}d}/{total:{sign}d}"

    reasons = [
        f"{words} {written(int(parts[part]['numerator']), int(parts[part]['denominator']), '+')}"
        for part, words in PARTS.items()
        if part in parts
    ]
    return [
        what,
        written(row["numerator_before"], row["denominator_before"]),
        written(row["numerator"], row["denominator"]),
        "; ".join(reasons),
    ]
