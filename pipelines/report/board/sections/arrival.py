"""Section 2: which files came on which night, how old the newest data are, and how long data take to come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from pipelines.report.board.parts import Cell, Figure, Flag, Needle, Section, Table
from pipelines.report.board.scale import WIDTH, Scale, up_to
from pipelines.report.board.source import Row, Source
from pipelines.report.board.status import STATUSES
from pipelines.report.board.trial import ALL_SITES, Trial
from pipelines.report.board.words import capital, count, day, listed, of, percent, possessive, says_shares, shortened

QUESTION = "Has the data arrived, and how fresh is it?"
NIGHTS, CURRENCY, LAG = "quality.arrival_night", "quality.currency", "quality.lag"
ENTRY_LAG = "quality.entry_lag"
STATES = {
    "accepted": ("●", "accepted"),
    "partial": ("◐", "accepted, some rows set aside"),
    "rejected": ("×", "refused or held"),
    "absent": ("∅", "expected, but nothing came"),
}
FIRST_DAY = (
    "Before the day on which a site's first file was received here nothing was due; how late the files of that day "
    "were nobody knows, so none of them counts as late."
)
LEFT, CELL, ROW = 150.0, 4.5, 13.0


def build(source: Source, trial: Trial) -> Section:
    """Arrival calendar, currency, lag."""
    figures = [
        *_calendar(source, trial),
        *_currency(source, trial),
        *_lag(source, trial),
    ]
    absent = [] if figures else ["This snapshot does not say which files came when."]
    return Section(2, QUESTION, _answer(source, trial), figures=figures, absent=absent)


def _answer(source: Source, trial: Trial) -> list[str]:
    """One sentence out of the calendar and the currency, so that they cannot seem to contradict each other."""
    if not source.has(CURRENCY, NIGHTS):
        return []
    flagged = {
        row["site_id"] for row in source.rows("SELECT * FROM quality.currency") if STATUSES[row["status"]].flagged
    }
    named = [trial.name(site) for site in trial.site_ids if site in flagged]
    old = "what every site has sent is as fresh as was agreed"
    if named:
        old = f"the data of {listed(named) if len(named) < 7 else count(len(named), 'site')} are older than was agreed"
    nights = source.rows("SELECT state, count(*) AS n FROM quality.arrival_night GROUP BY state")
    missed = sum(row["n"] for row in nights if row["state"] == "absent")
    silent = silent_sites(source, trial)
    gaps = f"on {count(missed, 'night')} of the last 90 a file that was due did not come" if missed else ""
    never = f" Nothing has ever come from {listed(silent)}." if silent else ""
    return [f"{capital(' but '.join(part for part in (old, gaps) if part))}.{never}"]


def silent_sites(source: Source, trial: Trial) -> list[str]:
    """The names of sites that have never sent anything that everybody may know of."""
    rows = source.rows("SELECT site_id FROM quality.currency GROUP BY site_id HAVING count(last_on) = 0")
    silent = {row["site_id"] for row in rows}
    named = [trial.name(site) for site in trial.site_ids if site in silent]
    return named if len(named) < 7 else [count(len(named), "site")]


@dataclass(frozen=True)
class CalendarRow:
    """One line of the calendar: the nights by state, as places along it."""

    label: str
    language: str
    y: float
    nights: dict[str, list[float]]


@dataclass(frozen=True)
class Calendar:
    rows: list[CalendarRow]
    months: list[tuple[float, str]]
    states: dict[str, tuple[str, str]]
    width: float
    height: float
    label_width: float


def _calendar(source: Source, trial: Trial) -> list[Figure]:
    if not source.has(NIGHTS):
        return []
    rows = source.rows(f"SELECT site_id, feed, night, state FROM {NIGHTS} ORDER BY night")  # noqa: S608
    expected = [row for row in rows if row["state"] != "not_expected"]
    kept = [row for row in expected if row["state"] != "absent"]
    needle = Needle(len(kept), len(expected), "nights with a file due or come")
    table = _counts(rows, trial)
    title = _calendar_title(rows, trial)
    keys = "; ".join(f"{glyph} {words}" for glyph, words in STATES.values())
    return [
        Figure(
            "F2.1",
            title,
            needle,
            [NIGHTS],
            table,
            alternative=f"A calendar with a line for each site and kind of file, a mark for each night. {title}",
            drawing="calendar",
            data=_drawn_calendar(rows, trial),
            notes=[f"{keys}; blank: nothing was due. The newest night is at the right. {FIRST_DAY}"],
        )
    ]


def _calendar_title(rows: list[Row], trial: Trial) -> str:
    faults = {site: [0, 0] for site in trial.site_ids}
    for row in rows:
        for i, state in enumerate(("absent", "rejected")):
            faults[row["site_id"]][i] += row["state"] == state
    missing, refused = (sum(counts[i] for counts in faults.values()) for i in (0, 1))
    if not missing and not refused:
        silent = [
            site for site in trial.site_ids if all(r["state"] == "not_expected" for r in rows if r["site_id"] == site)
        ]
        if silent:
            return f"In 90 nights nothing was missed, but {count(len(silent), 'site')} sent nothing"
        return "Every file that was due in these 90 nights came and was accepted"
    said = []
    if missing:
        said.append(count(missing, "due file is missing", "due files are missing"))
    if refused:
        said.append(count(refused, "file was refused", "files were refused"))
    most = max(trial.site_ids, key=lambda site: sum(faults[site]))
    where = f", most at {trial.name(most)} ({sum(faults[most])})" if len(trial.site_ids) > 1 else ""
    if sum(faults[most]) == missing + refused:
        where = f", at {trial.name(most)}"
    return f"In 90 nights {listed(said)}{where}"


def _counts(rows: list[Row], trial: Trial) -> Table:
    lines: list[list[Cell]] = []
    for site in trial.site_ids:
        of_site = [row for row in rows if row["site_id"] == site]
        for feed in sorted({row["feed"] for row in of_site}):
            states = [row["state"] for row in of_site if row["feed"] == feed]
            lines.append([f"{trial.name(site)}, {feed}", *(states.count(state) for state in STATES)])
    head = ["Site and file", *(capital(words) for _, words in STATES.values())]
    return Table(head, lines, numeric=frozenset(range(1, len(head))))


def _drawn_calendar(rows: list[Row], trial: Trial) -> Calendar:
    nights = sorted({row["night"] for row in rows})
    first = nights[0] if nights else trial.as_of
    place = {night: LEFT + CELL * (i + 0.5) for i, night in enumerate(nights)}
    lines: list[CalendarRow] = []
    for site in trial.site_ids:
        for feed in sorted({row["feed"] for row in rows if row["site_id"] == site}):
            marks: dict[str, list[float]] = {state: [] for state in STATES}
            for row in rows:
                if row["site_id"] == site and row["feed"] == feed and row["state"] in marks:
                    marks[row["state"]].append(round(place[row["night"]], 1))
            y = 18 + ROW * len(lines) + ROW / 2
            lines.append(CalendarRow(f"{shortened(trial.name(site), 14)}, {feed}", trial.language(site), y, marks))
    months = [(place[n], f"{day(n)[:-5]}") for n in nights if n.day == 1 or n == first]
    return Calendar(lines, months, STATES, LEFT + CELL * len(nights) + 4, 24 + ROW * len(lines), LEFT)


def _currency(source: Source, trial: Trial) -> list[Figure]:
    if not source.has(CURRENCY):
        return []
    found = {(row["site_id"], row["feed"]): row for row in source.rows(f"SELECT * FROM {CURRENCY}")}  # noqa: S608
    rows = [found[key] for site in trial.site_ids for key in sorted(found) if key[0] == site]
    known = [row for row in rows if row["newest_on"] is not None]
    lines = [
        [
            f"{trial.name(row['site_id'])}, {row['feed']}",
            Flag(row["status"]),
            row["last_on"],
            row["newest_on"],
            row["currency_days"],
            of(row["n_arrived"], row["n_expected"]),
            "–" if row["lag_median"] is None else f"{row['lag_median']}, {row['lag_p90']}",
            _limits(row),
        ]
        for row in rows
    ]
    head = [
        "Site and data",
        "Status",
        "Last file",
        "Newest event",
        "Days old",
        "Files come/due, 28 nights",
        "Days to arrive: half, nine in ten",
        "Watch, act beyond",
    ]
    return [
        Figure(
            "T2.2",
            _oldest(known, trial),
            Needle(len(known), len(rows), "sites and kinds of data"),
            [CURRENCY],
            Table(head, lines, numeric=frozenset({4, 5}), languages=[trial.language(row["site_id"]) for row in rows]),
            keys=_keys(rows),
        )
    ]


def _limits(row: Row) -> str:
    if row["watch_days"] is None:
        return "–"
    return f"{row['watch_days']}, {row['action_days']} days"


def _oldest(rows: list[Row], trial: Trial) -> str:
    if not rows:
        return "No site has sent anything yet"
    flagged = [row for row in rows if STATUSES[row["status"]].flagged]
    if not flagged:
        worst = max(rows, key=lambda row: row["currency_days"])
        return (
            f"No site's data are too old: the oldest, {possessive(trial.name(worst['site_id']))} "
            f"{worst['feed']}, end {count(worst['currency_days'], 'day')} before the cut-off"
        )
    worst = max(flagged, key=lambda row: row["currency_days"])
    return f"{possessive(trial.name(worst['site_id']))} {worst['feed']} are {count(worst['currency_days'], 'day')} old"


def _keys(rows: list[Row]) -> list[str]:
    return [code for code in STATUSES if code != "OK" and any(row["status"] == code for row in rows)]


@dataclass(frozen=True)
class LagPanel:
    """One site's curves: the share received so many days after the window closed (`steps`), and, of the forms that
    have come, after they were filled in (`entry`)."""

    name: str
    language: str
    left: float
    x: Scale
    steps: list[tuple[float, float]]
    entry: list[tuple[float, float]]


@dataclass(frozen=True)
class Lags:
    panels: list[LagPanel]
    y: Scale
    width: float
    height: float


PANELS_SHOWN = 12


def _lag(source: Source, trial: Trial) -> list[Figure]:
    if not source.has(LAG) or not says_shares():
        return []
    rows = source.rows("SELECT * FROM quality.lag ORDER BY site_id, lag_days")
    curves = {site: list(of_site) for site, of_site in groupby(rows, key=lambda row: row["site_id"])}
    sites = [
        site for site in (trial.site_ids if len(trial.site_ids) <= PANELS_SHOWN else [ALL_SITES]) if site in curves
    ]
    if not sites:
        return []
    received = sum(row["n_received"] for site in sites for row in curves[site])
    censored = sum(row["n_censored"] for site in sites for row in curves[site])
    lines = [
        [
            trial.name(site),
            row["lag_days"],
            row["n_at_risk"],
            row["n_received"],
            row["n_censored"],
            row["received_share"],
        ]
        for site in sites
        for row in curves[site]
        if row["lag_days"] % 28 == 0
    ]
    head = [
        "Site",
        "Days after the window closed",
        "Still awaited",
        "Received then",
        "Not yet come",
        "Share received by then",
    ]
    title = _lag_title(curves, sites, trial)
    return [
        Figure(
            "F2.3",
            title,
            Needle(received, received + censored, "forms of visits whose window has closed"),
            [LAG, ENTRY_LAG],
            Table(head, lines, numeric=frozenset(range(1, 6))),
            alternative=(
                f"A rising step curve for each site: days since the window closed against the share received. {title}"
            ),
            drawing="lag",
            data=_drawn_lag(curves, _entries(source), sites, trial),
            notes=[
                (
                    "Thick: from the close of the window to receipt; forms that have not come count as waiting (1 less "
                    "Kaplan-Meier), so late ones do not make the picture too good. Thin: from filling in to "
                    "receipt, of the forms "
                    "that have come."
                )
            ],
        )
    ]


def _entries(source: Source) -> dict[str, list[Row]]:
    rows = source.rows("SELECT * FROM quality.entry_lag ORDER BY site_id, lag_days") if source.has(ENTRY_LAG) else []
    return {site: list(of_site) for site, of_site in groupby(rows, key=lambda row: row["site_id"])}


def _lag_title(curves: dict[str, list[Row]], sites: list[str], trial: Trial) -> str:
    said: dict[str, list[str]] = {}
    for site in sites:
        said.setdefault(_half(curves[site]), []).append(trial.name(site))
    if len(said) == 1:
        return f"Of the forms of a visit, {next(iter(said))}"
    return "Of the forms of a visit, " + "; ".join(f"at {listed(names)} {when}" for when, names in said.items())


def _half(curve: list[Row]) -> str:
    """When half of the forms have come."""
    known = [row for row in curve if row["received_share"] is not None]
    half = next((row["lag_days"] for row in known if row["received_share"] >= 0.5), None)
    if half is None:
        return f"{percent(known[-1]['received_share'] if known else 0, 1)} have come"
    return "half have come when the window closes" if half <= 0 else f"half come within {count(half, 'day')} after it"


def _drawn_lag(curves: dict[str, list[Row]], entries: dict[str, list[Row]], sites: list[str], trial: Trial) -> Lags:
    longest = max(
        [row["lag_days"] for of_sites in (curves, entries) for s in sites for row in of_sites.get(s, [])] or [1]
    )
    columns = min(len(sites), 3)
    width = WIDTH / max(columns, 1)
    y = Scale(0, 1, 100, 14)
    panels = []
    for i, site in enumerate(sites):
        left = width * (i % columns)
        x = up_to(longest, left + 30, left + width - 12, at_least=7)
        curve = _steps(curves[site], "received_share", x, y)
        panels.append(
            LagPanel(
                trial.name(site), trial.language(site), left, x, curve, _steps(entries.get(site, []), "ecdf", x, y)
            )
        )
    return Lags(panels, y, WIDTH, 128 * (-(-len(sites) // columns)))


def _steps(curve: list[Row], share: str, x: Scale, y: Scale) -> list[tuple[float, float]]:
    steps = [(x.at(0), y.at(0))]
    for row in curve:
        if row[share] is not None:
            at = x.at(max(row["lag_days"], 0))
            steps += [(at, steps[-1][1]), (at, y.at(row[share]))]
    return steps
