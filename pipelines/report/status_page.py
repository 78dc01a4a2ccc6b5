"""The status as a page, `reports/latest/status.html`: what came in, what was refused, what is owed, what changed.

`reports/` is served, and the board is blinded: so the page is made of the blinded snapshot alone and of how the
nights went. It is written at the end of every night, however that ended, and by whatever a timer calls: a page that
says when the next one is due also tells of the night that never ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.night import EVERY, LATE
from pipelines.report.template import template
from pipelines.status import status
from pipelines.study.yaml_file import InvalidFileError
from pipelines.workspace import Workspace

PAGE = "status.html"
BEFORE_THE_FIRST = "no-snapshot"
NIGHTS = 28
SHOWN = 40  # rows of a list
GLYPHS = {
    "BROKEN": "!", "NO_DATA": "∅", "ACTION": "■", "WATCH": "▲", "TOO_FEW": "n<", "NOT_APPLICABLE": "–", "OK": "✓",
}  # fmt: skip
OUTCOMES = {"published": "●", "held_back": "◐", "failed": "✕"}
State = Mapping[str, Any]


def write_status_page(workspace: Workspace, now: datetime | None = None) -> Path:
    """Write the page into the pack that `reports/latest` points to; before the first, into one of its own."""
    now = now or datetime.now(UTC)
    page = render_status_page(status(workspace, now, blinded=True), _title(workspace), now)
    link = workspace.reports / "latest"
    if not link.exists():
        effects.make_directory(workspace.reports / BEFORE_THE_FIRST)
        effects.point(link, BEFORE_THE_FIRST)
    return effects.write(link.resolve() / PAGE, page.encode())


def render_status_page(state: State, title: str, now: datetime) -> str:
    """The page of a state of `pipelines.status.status(…, blinded=True)`."""
    word, said = _verdict(state)
    last_day = _day(state["snapshot"]["built_at"]) if state["snapshot"] else now.date()
    return template("status").render(
        title=title,
        now=f"{now:%Y-%m-%d %H:%M}",
        next_due=_next_due(state, now),
        word=word,
        said=said,
        glyphs=GLYPHS,
        state=state,
        strip=_strip(state["nights"], now.date()),
        came_in=state["received"],
        bars=_bars_by_site(state["rows_by_night"], last_day),
        last_day=last_day,
        rules=_by_rule(state["quarantine"]),
        forms=_by_site_and_visit(state["overdue_visits"]),
        shown=SHOWN,
        nights_shown=NIGHTS,
    )


def _title(workspace: Workspace) -> str:
    try:
        return workspace.protocol().study.title
    except InvalidFileError:
        return "The study file has mistakes; `ict-trial check-study` names them"


def _verdict(state: State) -> tuple[str, str]:
    """The word that stands first, and the sentence after it."""
    run, late = state["last_run"], state["night_late"]
    if late:
        return "NO_DATA", f"no night since {_clock(late['last'])}; the next was due {_clock(late['due'])}"
    if run is None:
        return "NO_DATA", "no night has run yet"
    if run["outcome"] in ("failed", "held_back"):
        return "ACTION", f"the night of {_clock(run['started_at'])} {_OUTCOME_WORDS[run['outcome']]}"
    if state["needs"]:
        n = len(state["needs"])
        return "WATCH", f"{n} {'thing waits' if n == 1 else 'things wait'} for a person"
    return "OK", "nothing waits for a person"


_OUTCOME_WORDS = {
    "failed": "failed, and readers see the night before",
    "held_back": "was held back by a blocking check, and readers see the night before",
}


def _next_due(state: State, now: datetime) -> str:
    """When there should be another page than this one: after the next night, or, where that is late, a day from now."""
    run = state["last_run"]
    due = datetime.fromisoformat(run["started_at"]) + EVERY + LATE if run else now
    return f"{due if due > now else now + EVERY:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Cell:
    """One night of the strip."""

    day: date
    glyph: str
    outcome: str


def _strip(nights: Sequence[State], today: date) -> list[Cell]:
    """The last nights, one cell a day since the first of them: what came of the day's last whole night, or none."""
    outcomes = {_day(night["started_at"]): night["outcome"] for night in nights}
    if not outcomes:
        return []
    first = max(min(outcomes), today - timedelta(days=NIGHTS - 1))
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    return [Cell(day, OUTCOMES.get(outcomes.get(day, ""), "∅"), outcomes.get(day, "none")) for day in days]


@dataclass(frozen=True)
class Bar:
    """One night of a site: heights in pixels of HEIGHT, of the rows accepted and of those set aside on top."""

    x: int
    accepted: float
    aside: float


@dataclass(frozen=True)
class Bars:
    """A site's rows over nights. `most` is the largest night's number of rows, which fills the height."""

    bars: list[Bar]
    most: int
    n_accepted: int
    n_aside: int
    n_nights: int
    n_refused: int


HEIGHT = 20
STEP = 5


def _bars_by_site(rows: Iterable[State], last_day: date) -> dict[str, Bars]:
    by_site: dict[str, list[State]] = {}
    for row in rows:
        by_site.setdefault(row["site_id"], []).append(row)
    return {site_id: _bars(of_site, last_day) for site_id, of_site in by_site.items()}


def _bars(rows: Sequence[State], last_day: date) -> Bars:
    most = max(row["n_accepted"] + row["n_quarantined"] for row in rows)
    scale = HEIGHT / most if most else 0
    bars = [
        Bar(STEP * x, round(row["n_accepted"] * scale, 1), round(row["n_quarantined"] * scale, 1))
        for row in rows
        if 0 <= (x := NIGHTS - 1 - (last_day - _day(row["day"])).days) < NIGHTS
    ]
    n_accepted, n_aside, n_refused = (
        sum(row[name] for row in rows) for name in ("n_accepted", "n_quarantined", "n_refused")
    )
    return Bars(bars, most, n_accepted, n_aside, len(rows), n_refused)


def _by_rule(rows: Sequence[State]) -> list[dict[str, Any]]:
    """Rows set aside: rule and what it means, with how many rows of which site and feed; the most first."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        rule = found.setdefault(row["rule"], {"rule": row["rule"], "n_rows": 0, "message": row["message"], "where": []})
        rule["n_rows"] += row["n_rows"]
        column = f" {row['column_name']}" if row["column_name"] else ""
        rule["where"].append(f"{row['site_id']}/{row['feed']}{column} {row['n_rows']:,}")
    return sorted(found.values(), key=lambda rule: (-rule["n_rows"], rule["rule"]))


def _by_site_and_visit(rows: Sequence[State]) -> list[dict[str, Any]]:
    """Overdue forms of a site and visit, with how many of each instrument."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["site_id"], row["avisit"])
        entry = found.setdefault(key, {"site_id": key[0], "avisit": key[1], "n_overdue": 0, "forms": []})
        entry["n_overdue"] += row["n_overdue"]
        entry["forms"].append(f"{row['instrument']} {row['n_overdue']:,} of {row['n_expected']:,}")
    return sorted(found.values(), key=lambda entry: (-entry["n_overdue"], entry["site_id"], entry["avisit"]))


def _day(iso: str) -> date:
    return date.fromisoformat(iso[:10])


def _clock(iso: str) -> str:
    return iso[:16].replace("T", " ")
