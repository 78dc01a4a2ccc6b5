"""Section 1: what the board must look at, on one page."""

from __future__ import annotations

from pipelines.report.board.parts import Figure, Flag, Point, Section
from pipelines.report.board.sections.findings import Finding, flagged
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, day, listed, number

SHOWN = 7
ASKED = "quality.kri"


def build(source: Source, trial: Trial) -> Section:
    """At most seven lines, what has changed since the last pack, and what chance alone would have raised."""
    found = flagged(source, trial)
    points = [_point(finding, trial) for finding in found[:SHOWN]]
    answer = [_verdict(found, trial), *_rest(found), *_luck(source), *_not_assessed(source)]
    return Section(1, "What needs the board's attention?", answer, points=points, figures=_moved(source, trial))


def _verdict(found: list[Finding], trial: Trial) -> str:
    actions = [finding for finding in found if finding.status == "ACTION"]
    watches = [finding for finding in found if finding.status == "WATCH"]
    blind = [finding for finding in found if finding.status in ("BROKEN", "NO_DATA")]
    if not found:
        return "Nothing is flagged: no check and no indicator lies beyond what was tolerated, at any site."
    parts = [count(len(actions), "finding needs action", "findings need action")]
    parts += [count(len(watches), "finding is to be watched", "findings are to be watched")] if watches else []
    parts += [count(len(blind), "thing could not be judged", "things could not be judged")] if blind else []
    sites = sorted({finding.site_id for finding in actions if finding.site_id}, key=trial.site_ids.index)
    where = f" The actions concern {listed([trial.name(site) for site in sites])}." if sites else ""
    return f"{capital(listed(parts))}.{where}"


def _rest(found: list[Finding]) -> list[str]:
    more = found[SHOWN:]
    if not more:
        return []
    actions = sum(finding.status == "ACTION" for finding in more)
    of_which = f", {actions} of them for action" if actions else ""
    return [f"Shown are the {SHOWN} gravest; and {len(more)} more{of_which}, in sections 2, 6 and 7."]


def _luck(source: Source) -> list[str]:
    if not source.has(ASKED):
        return []
    row = source.row(f"SELECT sum(chance_watch) AS watch, sum(chance_action) AS action FROM {ASKED}")  # noqa: S608
    if row["watch"] is None:
        return []
    return [
        f"Expected by luck tonight, were every site exactly at its tolerance: at most {number(row['watch'])} "
        f"indicators to watch and {number(row['action'])} for action."
    ]


def _not_assessed(source: Source) -> list[str]:
    if not source.has(ASKED):
        return ["The site indicators are not in this snapshot, so nothing is said of them."]
    rows = source.rows(f"""
        SELECT status, count(*) AS n FROM {ASKED}
        WHERE status IN ('BROKEN', 'NO_DATA', 'TOO_FEW') GROUP BY status ORDER BY status
    """)  # noqa: S608
    total = source.row(f"SELECT count(*) AS n FROM {ASKED}")["n"]  # noqa: S608
    silent = sum(row["n"] for row in rows)
    return (
        [f"Of {total} indicators (site by site), {silent} could not be assessed, for too few records or no data."]
        if silent
        else []
    )


def _point(finding: Finding, trial: Trial) -> Point:
    return Point(
        flag=Flag(finding.status, to=finding.to),
        finding=finding.sentence,
        site=trial.name(finding.site_id),
        language=trial.language(finding.site_id),
        counts=finding.counts,
        since=f"since {day(finding.since)}" if finding.since else "",
        owner=finding.owner,
    )


def _moved(source: Source, trial: Trial) -> list[Figure]:
    return []
