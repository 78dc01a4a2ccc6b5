"""Section 7: each indicator against its tolerance, site by site, with exact limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pipelines.report.board.parts import Cell, Figure, Flag, Needle, Section, Spark, Table
from pipelines.report.board.scale import Scale, up_to
from pipelines.report.board.sections.funnel import funnel, too_few_sites
from pipelines.report.board.sections.history import weekly_sparks
from pipelines.report.board.source import Row, Source
from pipelines.report.board.status import STATUSES
from pipelines.report.board.trial import ALL_SITES, Trial
from pipelines.report.board.words import (
    chance,
    count,
    limit,
    listed,
    of,
    percent,
    says_shares,
    share,
    shortened,
    unbroken,
)

QUESTION = "Does any site stand out?"
KRI = "quality.kri"
SITES_DRAWN, SITES_ABREAST = 12, 6


def build(source: Source, trial: Trial) -> Section:
    """One panel an indicator; what the trial is large enough to notice."""
    if not source.has(KRI):
        return Section(7, QUESTION, [], absent=["This snapshot does not hold the site indicators."])
    rows = _rows(source, trial)
    history = weekly_sparks(source, "kri")
    figures = [*_panels(rows, trial, history), *_others(rows, trial), *_power(rows, trial), *funnel(rows, trial)]
    return Section(7, QUESTION, _answer(rows, trial), figures=figures, closing=too_few_sites(trial))


def _rows(source: Source, trial: Trial, kris: Sequence[str] = ()) -> list[Row]:
    place = {site: i for i, site in enumerate([*trial.site_ids, ALL_SITES])}
    rows = source.rows(f"SELECT * FROM {KRI} ORDER BY kri, site_id")  # noqa: S608
    return sorted(
        (r for r in rows if not kris or r["kri"] in kris), key=lambda r: (r["kri"], place.get(r["site_id"], 0))
    )


def _answer(rows: list[Row], trial: Trial) -> list[str]:
    flagged = [row for row in rows if row["status"] in ("ACTION", "WATCH")]
    if all(row["status"] in ("BROKEN", "NO_DATA") for row in rows):
        return ["Nobody knows: no indicator could be judged at any site."]
    if not flagged:
        return [
            (
                "No: no indicator lies further beyond its tolerance than chance would easily put it. What could "
                "not be assessed, and what could have been noticed, is said below."
            )
        ]
    sites = sorted({row["site_id"] for row in flagged if row["site_id"]}, key=trial.site_ids.index)
    return [
        (
            f"Yes: {listed([trial.name(site) for site in sites])}. A mark beyond the second limit (■) is "
            "chance less than once in a thousand, beyond the first (▲) less than once in forty, at the "
            "tolerance."
        )
    ]


@dataclass(frozen=True)
class SiteMark:
    """One site in a panel: interval, dot and limits across; nothing drawn where there was nothing to count."""

    name: str
    language: str
    y: float
    text: str
    status: str
    glyph: str
    low: float | None
    high: float | None
    dot: float | None
    watch: float | None
    action: float | None


@dataclass(frozen=True)
class Panel:
    """One indicator: a drawing of its own, so that a page may end between two."""

    title: str
    x: Scale
    tolerance: float
    tolerance_text: str
    marks: list[SiteMark]
    bottom: float
    alternative: str

    @property
    def height(self) -> float:
        return self.bottom + 14


def _panels(rows: list[Row], trial: Trial, history: dict[tuple[str, str], Spark]) -> list[Figure]:
    judged = [row for row in rows if row["site_id"] and row["kind"] == "proportion"]
    if not judged:
        return []
    drawn = judged if len(trial.site_ids) <= SITES_DRAWN else [r for r in judged if r["status"] in ("ACTION", "WATCH")]
    counted = [row for row in judged if row["denominator"]]
    title = _title(judged, trial)
    table = _table(rows, trial, history)
    if not drawn or not says_shares():
        return [Figure("F7.1", title, Needle(len(counted), len(judged), "indicators by site"), [KRI], table)]
    notes = [
        "Dot: what was found; bar: its 95% interval (Wilson); thin line: the tolerance; dotted line and thick line: "
        "the smallest shares that would be ▲ WATCH and ■ ACTION with this number of records, exactly (binomial)."
    ]
    notes += beyond_and_well(judged, trial)
    if len(drawn) < len(judged):
        notes.append(f"With {len(trial.site_ids)} sites only the flagged are drawn; all are in the table.")
    return [
        Figure(
            "F7.1",
            title,
            Needle(len(counted), len(judged), "indicators by site"),
            [KRI],
            table,
            alternative=f"A panel for each indicator with a line for each site. {title}",
            drawing="indicators",
            data=_drawn(drawn, trial),
            notes=notes,
        )
    ]


def _title(rows: list[Row], trial: Trial) -> str:
    flagged = sorted(
        (r for r in rows if r["status"] in ("ACTION", "WATCH")), key=lambda r: (r["status"], r["p_upper"] or 0)
    )
    if not flagged:
        unjudged = sum(row["status"] in ("BROKEN", "NO_DATA") for row in rows)
        if unjudged == len(rows):
            return "Nothing could be judged at any site"
        left = f", of what could be judged: {unjudged} of {len(rows)} could not" if unjudged else ""
        return f"No site stands out on any indicator{left}"
    first = flagged[0]
    more = (
        f", and {count(len(flagged) - 1, 'other indicator is', 'other indicators are')} flagged"
        if len(flagged) > 1
        else ""
    )
    return (
        f"{trial.name(first['site_id'])} stands out on {first['title'][:1].lower()}{first['title'][1:]}: "
        f"{share(first['numerator'], first['denominator'])}, tolerated {limit(first)}{more}"
    )


def _drawn(rows: list[Row], trial: Trial) -> list[Panel]:
    panels = []
    for _, of_kri in groupby(rows, key=lambda row: row["kri"]):
        these = list(of_kri)
        tolerance = these[0]["tolerance"]
        seen = [value for row in these for value in (row["metric"], row["wilson_high"]) if value is not None]
        x = up_to(min(max([tolerance * 2, *seen]), 1.0), 76, 172, at_least=0.02)
        marks = [_mark(row, trial, x, 34.0 + 15 * i) for i, row in enumerate(these)]
        counts = "; ".join(f"{mark.name} {mark.text} {mark.glyph}" for mark in marks)
        panels.append(
            Panel(
                title=f"{these[0]['kri']} {these[0]['title']}",
                x=x,
                tolerance=x.at(tolerance),
                tolerance_text=f"tolerated {100 * tolerance:g}%",
                marks=marks,
                bottom=27.0 + 15 * len(these),
                alternative=f"{these[0]['title']}, tolerated {100 * tolerance:g}%: {counts}",
            )
        )
    return panels


def _mark(row: Row, trial: Trial, x: Scale, y: float) -> SiteMark:
    n = row["denominator"]
    status = STATUSES[row["status"]]

    def from_on(name: str) -> float | None:
        return x.at(row[name] / n) if n and row[name] is not None and row[name] / n <= x.high else None

    return SiteMark(
        name=shortened(trial.name(row["site_id"]), 14),
        language=trial.language(row["site_id"]),
        y=y,
        text=of(row["numerator"], n),
        status=row["status"],
        glyph=f"{status.glyph} {status.words}",
        low=_within(x, row["wilson_low"]),
        high=_within(x, row["wilson_high"]),
        dot=_within(x, row["metric"]),
        watch=from_on("watch_from"),
        action=from_on("action_from"),
    )


BEYOND_SHOWN = 3


def beyond_and_well(rows: Sequence[Row], trial: Trial) -> list[str]:
    """Why a share above what is tolerated is not flagged; nothing where none is."""
    beyond = [row for row in rows if row["status"] == "OK" and row["p_upper"] is not None
              and row["metric"] is not None and row["metric"] > row["tolerance"]]  # fmt: skip
    if not beyond:
        return []
    beyond.sort(key=lambda row: row["p_upper"])
    named = [f"{row['kri']} {trial.name(row['site_id'])} ({chance(row['p_upper'])})" for row in beyond[:BEYOND_SHOWN]]
    more = [f"{len(beyond) - BEYOND_SHOWN} more"] if len(beyond) > BEYOND_SHOWN else []
    return [
        f"More than tolerated and still ✓ OK: of so few records chance alone gives as many more often than once in "
        f"forty: {listed([*named, *more])}."
    ]


def _within(x: Scale, value: float | None) -> float | None:
    """Where a value lies, or the end of the axis; None where it is not known."""
    return None if value is None else x.at(min(value, x.high))


def indicator_table(figure_id: str, source: Source, trial: Trial, kris: Sequence[str]) -> list[Figure]:
    """Some indicators as a table with their twelve weeks; nothing where the snapshot has none."""
    if not source.has(KRI):
        return []
    rows = _rows(source, trial, kris)
    if not rows:
        return []
    counted = [row for row in rows if row["denominator"]]
    flagged = [row for row in rows if STATUSES[row["status"]].flagged]
    names = listed(list(dict.fromkeys(row["title"][:1].lower() + row["title"][1:] for row in rows)))
    title = _title(rows, trial) if flagged else f"Nothing is flagged among {names}"
    shown = rows if len(trial.site_ids) <= SITES_ABREAST else flagged
    table = _abreast(rows, trial) if shown is rows else _table(shown, trial, weekly_sparks(source, "kri"))
    keys = [code for code in STATUSES if code != "OK" and any(row["status"] == code for row in shown)]
    notes = [] if shown is rows else ["Flagged ones alone; the table of F7.1 has every site."]
    notes += beyond_and_well(shown, trial)
    return [
        Figure(
            figure_id,
            title,
            Needle(len(counted), len(rows), "indicators by site"),
            [KRI],
            table,
            keys=keys,
            notes=notes,
        )
    ]


def _abreast(rows: list[Row], trial: Trial) -> Table:
    """A line for each indicator, a column for each site."""
    found = {(row["kri"], row["site_id"]): row for row in rows}
    first = {row["kri"]: row for row in reversed(rows)}
    lines: list[list[Cell]] = [
        [
            f"{kri}\u00a0{first[kri]['title']}, tolerated\u00a0{limit(first[kri])}",
            *(_judged(found.get((kri, site))) for site in trial.site_ids),
        ]
        for kri in sorted(first)
    ]
    return Table(["Indicator", *map(trial.name, trial.site_ids)], lines, grid=True)


def _judged(row: Row | None) -> Cell:
    return None if row is None else Flag(row["status"], share(row["numerator"], row["denominator"]))


def _table(rows: list[Row], trial: Trial, history: dict[tuple[str, str], Spark]) -> Table:
    head = [
        "Indicator, site",
        "Status",
        "Bad of counted",
        "95% interval" if says_shares() else "Interval",
        "Tolerated",
        "By chance",
        *(["12 weeks"] if history else []),
    ]
    lines: list[list[Cell]] = []
    for row in rows:
        line: list[Cell] = [
            f"{row['kri']}\u00a0{row['title']}, {unbroken(trial.name(row['site_id']))}",
            Flag(row["status"]),
            share(row["numerator"], row["denominator"]),
            _interval(row),
            limit(row),
            "–" if row["p_upper"] is None or not says_shares() else _p(row["p_upper"]),
        ]
        lines.append([*line, history.get((row["kri"], row["site_id"]))] if history else line)
    return Table(head, lines, numeric=frozenset({2, 3, 4, 5}))


def _interval(row: Row) -> str:
    if row["wilson_low"] is None or row["wilson_high"] is None or not says_shares():
        return "–"
    return f"{percent(row['wilson_low'], 1)} to {percent(row['wilson_high'], 1)}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _others(rows: list[Row], trial: Trial) -> list[Figure]:
    listed_rows = [row for row in rows if row["p_vs_others"] is not None and row["p_vs_others"] < 0.01]
    compared = [row for row in rows if row["p_vs_others"] is not None]
    if not compared:
        return []
    lines = [
        [
            f"{row['kri']}\u00a0{row['title']}, {unbroken(trial.name(row['site_id']))}",
            share(row["numerator"], row["denominator"]),
            _p(row["p_vs_others"]),
        ]
        for row in listed_rows
    ]
    title = "Higher than at the other sites" if lines else "No site is higher than the others on any indicator"
    return [
        Figure(
            "T7.2",
            title,
            Needle(len(compared), sum(1 for row in rows if row["site_id"]), "indicators by site"),
            [KRI],
            Table(
                ["Indicator, site", "Bad of counted", "Chance (Fisher, one-sided)"], lines, numeric=frozenset({1, 2})
            ),
            notes=[
                "Listed below 0.01, where both sides have at least 10; for discussion only: it never makes a cell red."
            ],
        )
    ]


def _power(rows: list[Row], trial: Trial) -> list[Figure]:
    judged = [row for row in rows if row["power_watch"] is not None and row["site_id"]]
    if not judged or not says_shares():
        return []
    lines = []
    for kri, of_kri in groupby(judged, key=lambda row: row["kri"]):
        these = list(of_kri)
        lines.append(
            [
                f"{kri}\u00a0{these[0]['title']}",
                f"{100 * 2 * these[0]['tolerance']:g}%",
                *(_range(row[name] for row in these) for name in ("power_watch", "power_action")),
            ]
        )
    return [
        Figure(
            "T7.3",
            "What these numbers could have noticed: the chance that a site twice as bad as tolerated is flagged",
            Needle(len(judged), sum(1 for row in rows if row["site_id"]), "indicators by site"),
            [KRI],
            Table(
                ["Indicator", "A site truly at", "Chance of ▲ or worse", "Chance of ■"],
                lines,
                numeric=frozenset({1, 2, 3}),
            ),
            notes=["From the smallest to the largest site. Where the chance is small, 'not flagged' is no good news."],
        )
    ]


def _range(values: object) -> str:
    known = sorted(v for v in values if v is not None)  # type: ignore[attr-defined]
    if not known:
        return "–"
    low, high = percent(known[0], 1), percent(known[-1], 1)
    return low if low == high else f"{low} to {high}"
