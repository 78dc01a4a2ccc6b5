"""Section 1: who was randomised to which arm, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.report.board.parts import Cell, Figure, Needle, Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, counted, listed
from pipelines.report.closed.arms import Group, by_code, everybody, groups_of, side_by_side

STANDING = {
    "n_ongoing": "In follow-up",
    "n_completed": "Completed the study",
    "n_left": "Discontinued",
    "n_other": "Screening failure, or not told",
    "n_itt": "Intent-to-treat population",
    "n_mitt": "Modified intent-to-treat population",
    "n_pprot": "Per-protocol population",
    "n_saf": "Safety population",
}
_STANDING = """
    SELECT
        code,
        count(*) FILTER (WHERE eosstt = 'ONGOING') AS n_ongoing,
        count(*) FILTER (WHERE eosstt = 'COMPLETED') AS n_completed,
        count(*) FILTER (WHERE eosstt = 'DISCONTINUED') AS n_left,
        count(*) FILTER (WHERE coalesce(eosstt, '') NOT IN ('ONGOING', 'COMPLETED', 'DISCONTINUED')) AS n_other,
        count(*) FILTER (WHERE ittfl = 'Y') AS n_itt,
        count(*) FILTER (WHERE mittfl = 'Y') AS n_mitt,
        count(*) FILTER (WHERE pprotfl = 'Y') AS n_pprot,
        count(*) FILTER (WHERE saffl = 'Y') AS n_saf
    FROM closed.person
    GROUP BY code
"""
_BY_SITE = "SELECT siteid, code, count(*) AS n FROM closed.person GROUP BY siteid, code ORDER BY siteid"
_SCREENED = "SELECT count(*) AS n FROM analysis.adsl"
READS = ["analysis.adsl"]


def build(source: Source, trial: Trial) -> Section:
    """The flow after allocation, then the sites."""
    groups = groups_of(source)
    screened = source.row(_SCREENED)["n"]
    entered = "randomised" if trial.study.has_allocation else "enrolled"
    title = f"{count(everybody(groups), 'person', 'people')} {entered}"
    if trial.study.has_allocation:
        title += f": {listed([f'{group.label} {group.n}' for group in groups])}"
    needle = Needle(everybody(groups), screened, "people screened")
    figures = [
        Figure("C1.1", title, needle, READS, side_by_side("Standing", groups, _standing(source, groups))),
        Figure(
            "C1.2", "The same by site", needle, READS, side_by_side("Site", groups, _by_site(source, trial, groups))
        ),
    ]
    answer = [f"Screened: {screened}; {entered}: {everybody(groups)}."]
    return Section(1, f"Who was {entered}, and where do they stand?", answer, figures=figures)


def _standing(source: Source, groups: Sequence[Group]) -> dict[str, list[Cell]]:
    found = by_code(source.rows(_STANDING))
    return {
        label: [counted(found[g.code,][name], g.n) if g.n else "–" for g in groups] for name, label in STANDING.items()
    }


def _by_site(source: Source, trial: Trial, groups: Sequence[Group]) -> dict[str, list[Cell]]:
    found = by_code(source.rows(_BY_SITE), "siteid")
    sites = [*trial.site_ids, *sorted({site for site, _ in found} - {*trial.site_ids})]
    return {
        trial.name(site): [counted(found[site, g.code]["n"] if (site, g.code) in found else 0, g.n) for g in groups]
        for site in sites
    }
