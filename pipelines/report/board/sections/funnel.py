"""The funnel of section 7: every site by its size, with the exact limits, and its score against the other sites.

Only from ten sites on: among k sites the score cannot pass the square root of k, whatever they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt

from pipelines.quality.indicators import FAR, FUNNEL_FROM
from pipelines.report.board.parts import Cell, Figure, Needle, Table
from pipelines.report.board.scale import Scale, up_to
from pipelines.report.board.source import Row
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, number, share, shortened, unbroken

NAMED = 3  # sites of a panel


def too_few_sites(trial: Trial) -> list[str]:
    """Why there is no funnel; nothing where there is one."""
    k = len(trial.site_ids)
    if k >= FUNNEL_FROM:
        return []
    return [
        f"No funnel is drawn: with {count(k, 'site')} its score cannot pass {number(sqrt(k))}, whatever a site does, "
        "so it could not tell a bad site from a good one. The limits above are exact and need no other sites."
    ]


@dataclass(frozen=True)
class Dot:
    """A site; `name` only where it lies far out."""

    x: float
    y: float
    name: str
    language: str


@dataclass(frozen=True)
class Funnel:
    """One indicator: dots across the number of records, `watch` and `action` the exact limits at the sites' sizes."""

    title: str
    alternative: str
    x: Scale
    y: Scale
    mean: float
    dots: list[Dot]
    watch: list[tuple[float, float]]
    action: list[tuple[float, float]]


def funnel(rows: Sequence[Row], trial: Trial) -> list[Figure]:
    """Small multiples of every indicator that has scores, and the table of those that lie far out."""
    scored = [row for row in rows if row["score"] is not None]
    if len(trial.site_ids) < FUNNEL_FROM or not scored:
        return []
    far = sorted((row for row in scored if abs(row["score"]) > FAR), key=lambda row: -abs(row["score"]))
    lines: list[list[Cell]] = [
        [
            f"{row['kri']}\u00a0{row['title']}, {unbroken(trial.name(row['site_id']))}",
            share(row["numerator"], row["denominator"]),
            row["score"],
        ]
        for row in far
    ]
    title = f"No site's score lies beyond {FAR:g}"
    if far:
        site = trial.name(far[0]["site_id"])
        title = f"{count(len(far), 'score')} of {len(scored)} beyond {FAR:g}, the furthest {site} on {far[0]['kri']}"
    return [
        Figure(
            "F7.4",
            title,
            Needle(len(scored), sum(1 for row in rows if row["site_id"]), "indicators by site, with a score"),
            ["quality.kri"],
            Table(["Indicator, site", "Bad of counted", "Score"], lines, numeric=frozenset({1, 2})),
            alternative=f"A panel for each indicator: each site's share by its number of records. {title}",
            drawing="funnel",
            data=[_panel(list(these), trial) for _, these in groupby(scored, key=lambda row: row["kri"])],
            notes=[
                "Each dot is a site; line: all sites together; dotted and thick line: exact limits of ▲ WATCH and "
                "■ ACTION at each site's size. Score: normal approximation with over-dispersion, for discussion; it "
                "makes no cell red."
            ],
        )
    ]


def _panel(rows: list[Row], trial: Trial) -> Funnel:
    rows = sorted(rows, key=lambda row: (row["denominator"], row["site_id"]))
    x = up_to(rows[-1]["denominator"], 34, 262)
    y = up_to(min(max(max(row["metric"] for row in rows), 2 * rows[0]["tolerance"]), 1.0), 116, 18, at_least=0.02)
    far = {
        row["site_id"] for row in sorted(rows, key=lambda row: -abs(row["score"]))[:NAMED] if abs(row["score"]) > FAR
    }
    mean = sum(row["numerator"] for row in rows) / sum(row["denominator"] for row in rows)
    title = f"{rows[0]['kri']} {rows[0]['title']}"
    return Funnel(
        title,
        f"{title}: {count(len(rows), 'site')}, all together {number(100 * mean, 1)}%",
        x,
        y,
        y.at(mean),
        [
            Dot(
                x.at(row["denominator"]),
                y.at(row["metric"]),
                shortened(trial.name(row["site_id"]), 14) if row["site_id"] in far else "",
                trial.language(row["site_id"]),
            )
            for row in rows
        ],
        _limit(rows, "watch_from", x, y),
        _limit(rows, "action_from", x, y),
    )


def _limit(rows: list[Row], name: str, x: Scale, y: Scale) -> list[tuple[float, float]]:
    return [
        (x.at(row["denominator"]), y.at(min(row[name] / row["denominator"], y.high)))
        for row in rows
        if row[name] is not None
    ]
