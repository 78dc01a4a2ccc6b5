"""Section 3: people randomised against the plan, what is to be expected, and the flow of all arms together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.scale import WIDTH, Scale, up_to
from pipelines.report.board.sections.flow import flow
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import ALL_SITES, Trial
from pipelines.report.board.words import count, day, listed, number, percent, says_shares, share

QUESTION = "Is recruitment on course, and does the flow add up?"
WEEK, FORECAST, SITES = "quality.recruitment_week", "quality.recruitment_forecast", "quality.recruitment"
DAYS_A_MONTH = 365.25 / 12
BASES = {"all": "all months so far", "last_8_weeks": "the last 8 weeks alone"}


def build(source: Source, trial: Trial) -> Section:
    """Curve and forecast, the table by site, the flow."""
    course = [*_curve(source, trial), *_by_site(source, trial)] if says_shares() else []
    figures = [*course, *flow(source)]
    absent = [] if figures else ["This snapshot does not hold the recruitment figures."]
    return Section(3, QUESTION, _answer(source), figures=figures, absent=absent)


def _answer(source: Source) -> list[str]:
    if not source.has(SITES):
        return []
    total = source.rows(f"SELECT * FROM {SITES} WHERE site_id = ''")  # noqa: S608
    if not total or not total[0]["n_randomised"]:
        return ["Nobody has been randomised yet."]
    row = total[0]
    if not says_shares():
        return ["One person is planned, and is in the trial: there is no pace of recruitment to speak of."]
    if not row["target_to_date"]:
        return [f"{row['n_randomised']} people are randomised; the study file names no target to compare with."]
    return [
        f"{row['n_randomised']} people are randomised; by now the plan asks for {number(row['target_to_date'], 0)} "
        f"({percent(row['n_randomised'], row['target_to_date'])} of it), and for {row['target']} in all."
    ]


@dataclass(frozen=True)
class Band:
    """The forecast at one horizon: where it lies across, and its quantiles."""

    x: float
    row: Row


@dataclass(frozen=True)
class Curve:
    """The cumulative curve with its plan and its forecast."""

    x: Scale
    y: Scale
    steps: list[tuple[float, float]]
    plan: list[tuple[float, float]]
    now: tuple[float, float]
    label: tuple[float, float]
    plan_label: tuple[float, float]
    bands: list[Band]
    recent: list[Band]
    months: list[tuple[float, str]]
    width: float
    height: float


def _curve(source: Source, trial: Trial) -> list[Figure]:
    if not source.has(WEEK):
        return []
    weeks = source.rows(f"SELECT * FROM {WEEK} ORDER BY week")  # noqa: S608
    if not weeks:
        return []
    reads = [WEEK, FORECAST] if source.has(FORECAST) else [WEEK]
    forecast = source.rows(f"SELECT * FROM {FORECAST} ORDER BY basis, months") if source.has(FORECAST) else []  # noqa: S608
    total = weeks[-1]["n_cumulative"]
    lines = [[row["week"], row["n_randomised"], row["n_cumulative"], row["n_target"]] for row in weeks]
    head = ["Week from", "Randomised", "In all", "Plan"]
    title = _curve_title(total, forecast)
    return [
        Figure(
            "F3.1",
            title,
            Needle(total, total, "people randomised"),
            reads,
            Table(head, lines, numeric=frozenset({1, 2, 3})),
            alternative=f"A step curve of people randomised, the plan as a dashed line, the forecast as bands. {title}",
            drawing="recruitment",
            data=_drawn_curve(weeks, forecast, trial),
            notes=_forecast_notes(forecast),
        )
    ]


def _curve_title(total: int, forecast: list[Row]) -> str:
    far = [row for row in forecast if row["basis"] == "all"]
    if not far:
        return f"{count(total, 'person', 'people')} randomised so far"
    row = max(far, key=lambda row: row["months"])
    return (
        f"{count(total, 'person', 'people')} randomised; in {number(row['months'])} months {total + row['q50']} are "
        f"to be expected, most likely {total + row['q10']} to {total + row['q90']}"
    )


def _forecast_notes(forecast: list[Row]) -> list[str]:
    if not forecast:
        return []
    horizon = max(row["months"] for row in forecast)
    parts = [
        f"from {BASES.get(row['basis'], row['basis'])} {row['q50']} more (80%: {row['q10']} to {row['q90']}; "
        f"95%: {row['q025']} to {row['q975']})"
        for row in forecast
        if row["months"] == horizon
    ]
    return [
        f"In {number(horizon)} months: {'; '.join(parts)}. Gamma-Poisson forecast with the planned rate weighing as "
        "one month; bands of a constant rate are too narrow when rates fall."
    ]


def _drawn_curve(weeks: list[Row], forecast: list[Row], trial: Trial) -> Curve:
    first, total = weeks[0]["week"], weeks[-1]["n_cumulative"]
    horizon = max((row["months"] for row in forecast), default=0)
    last = trial.as_of + timedelta(days=round(horizon * DAYS_A_MONTH))
    x = Scale(first.toordinal(), max(last.toordinal(), first.toordinal() + 1), 36, 524)
    top = [total, *(row["n_target"] or 0 for row in weeks), *(total + row["q975"] for row in forecast)]
    y = up_to(max(top), 190, 12)
    steps = [(x.at(first.toordinal()), y.at(0))]
    for row in weeks:
        end = min(row["week"] + timedelta(days=7), trial.as_of)
        steps += [(x.at(end.toordinal()), steps[-1][1]), (x.at(end.toordinal()), y.at(row["n_cumulative"]))]
    now = (x.at(trial.as_of.toordinal()), y.at(total))
    ahead = {
        basis: [
            Band(
                x.at(trial.as_of.toordinal() + row["months"] * DAYS_A_MONTH),
                {k: y.at(total + v) for k, v in row.items() if k[0] == "q"},
            )
            for row in forecast
            if row["basis"] == basis
        ]
        for basis in BASES
    }
    plan = [(x.at(row["week"].toordinal()), y.at(row["n_target"])) for row in weeks if row["n_target"] is not None]
    middle, behind = steps[len(steps) * 2 // 3], bool(plan) and plan[-1][1] < now[1]
    label = middle[0] - 6, middle[1] + (22 if behind else -8)
    at = plan[len(plan) // 2] if plan else (0.0, 0.0)
    plan_label = at[0] + (-6 if behind else 8), at[1] + (-6 if behind else 14)
    return Curve(
        x,
        y,
        steps,
        plan,
        now,
        label,
        plan_label,
        ahead["all"],
        ahead["last_8_weeks"],
        _months(first, last, x),
        WIDTH,
        212,
    )


def _months(first: date, last: date, x: Scale) -> list[tuple[float, str]]:
    """The first days of months, few enough to be read."""
    months = []
    month = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    while month <= last:
        months.append(month)
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    every = max(1, -(-len(months) // 7))
    return [(x.at(month.toordinal()), day(month)[2:]) for month in months[::every]]


def _of_plan(row: Row) -> str:
    if not row["target_to_date"]:
        return str(row["n_randomised"])
    return share(row["n_randomised"], round(row["target_to_date"]))


def _by_site(source: Source, trial: Trial) -> list[Figure]:
    if not source.has(SITES):
        return []
    found = {row["site_id"]: row for row in source.rows(f"SELECT * FROM {SITES}")}  # noqa: S608
    order = [site for site in (*trial.site_ids, ALL_SITES) if site in found]
    rows = [found[site] for site in order]
    lines: list[list[Cell]] = [
        [
            trial.name(row["site_id"]),
            row["opened_on"],
            row["months_open"],
            row["n_screened"],
            share(row["n_consented"], row["n_eligible"]),
            _of_plan(row),
            row["per_month_open"],
            row["per_month_randomising"],
        ]
        for row in rows
    ]
    head = [
        "Site",
        "Open since",
        "Months open",
        "Screened",
        "Consented of eligible",
        "Randomised of plan to date",
        "A month open",
        "A month since first randomised",
    ]
    behind = [row for row in rows if row["site_id"] and row["pct_of_target"] is not None and row["pct_of_target"] < 80]
    others = [count(len(behind) - 3, "other site")] if len(behind) > 3 else []
    names = listed([*(trial.name(row["site_id"]) for row in behind[:3]), *others])
    title = "Every site has at least four fifths of its plan to date"
    if behind:
        title = f"{names} {'has' if len(behind) == 1 else 'have'} less than four fifths of the plan to date"
    if not any(row["target_to_date"] for row in rows):
        title = "What each site has recruited; no plan is named to compare with"
    all_rows = found.get(ALL_SITES)
    needle = (
        Needle(all_rows["n_screened"], all_rows["n_screened"], "people screened")
        if all_rows
        else Needle(0, 0, "people")
    )
    return [
        Figure(
            "T3.2",
            title,
            needle,
            [SITES],
            Table(head, lines, numeric=frozenset(range(2, 8)), languages=[trial.language(site) for site in order]),
            notes=[
                "Context: in trials of the UK's HTA programme the median consent was 72% of those eligible (middle "
                "half 50 to 88) and the median retention 89% (80 to 97)."
            ],
        )
    ]
