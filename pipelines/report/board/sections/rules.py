"""Section 6: do the records obey the rules? A grid of kinds of check by site, and a card for each check that fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from pipelines.report.board.parts import Card, CardSite, Cell, Figure, Flag, Needle, Section, Spark, Table
from pipelines.report.board.sections.findings import card_anchor
from pipelines.report.board.sections.history import weekly_sparks
from pipelines.report.board.source import Row, Source
from pipelines.report.board.status import ORDER, STATUSES
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, listed, of, share, tolerance, unbroken

QUESTION = "Do the records obey the rules?"
GRID, CARD = "quality.check_grid", "quality.check_card"
COLUMNS = {
    "conformance": "As agreed",
    "uniqueness": "Once only",
    "reference": "Of somebody",
    "completeness": "Complete",
    "plausibility_range": "Possible values",
    "plausibility_time": "Possible dates",
    "plausibility_cross": "No contradiction",
    "delivery": "Delivered",
}
LEVELS = {"critical": "critical: a failure asks for action", "warning": "warning: a failure asks for a look"}
BY_CHANCE = "judged as {} is, by how seldom chance alone gives as many at what is tolerated"
OTHERS_NAMED = 4


def build(source: Source, trial: Trial) -> Section:
    """The grid, then the cards."""
    if not source.has(GRID, CARD):
        return Section(6, QUESTION, [], absent=["This snapshot does not hold the checks as the report shows them."])
    cells = source.rows("SELECT * FROM quality.check_grid")
    rows = source.rows("SELECT * FROM quality.check_card ORDER BY check_name, site_id")
    history, handles, twins = weekly_sparks(source, "check"), _handles(source), _twins(source)
    cards = [
        _card(list(of_check), trial, history, handles, twins)
        for _, of_check in groupby(rows, key=lambda row: row["check_name"])
    ]
    worst_first = sorted(
        (card for card in cards if card is not None),
        key=lambda card: min(ORDER.index(site.flag.status) for site in card.sites),
    )
    return Section(6, QUESTION, _answer(rows), figures=[_grid(cells, rows, trial)], cards=worst_first)


def _answer(rows: list[Row]) -> list[str]:
    if not rows:
        return ["No check was made."]
    tally = [f"{sum(row['status'] == code for row in rows)} {STATUSES[code].words}" for code in ORDER]
    failing = {row["check_name"] for row in rows if STATUSES[row["status"]].flagged}
    verb = "is" if len(failing) == 1 else "are"
    checks = count(len({row["check_name"] for row in rows}), "check")
    return [f"Of {checks} {len(failing)} {verb} flagged somewhere. Site by site: {listed(tally)}."]


def _grid(cells: list[Row], rows: list[Row], trial: Trial) -> Figure:
    found = {(cell["site_id"], cell["grid_column"]): cell for cell in cells}
    columns = [*COLUMNS, *sorted({cell["grid_column"] for cell in cells} - COLUMNS.keys())]
    columns = [column for column in columns if any(cell["grid_column"] == column for cell in cells)]
    worst = _worst_cards(rows)
    lines: list[list[Cell]] = [
        [trial.name(site), *(_cell(found.get((site, column)), worst.get((site, column))) for column in columns)]
        for site in trial.site_ids
    ]
    judged = [row for row in rows if row["status"] in ("OK", "WATCH", "ACTION")]
    flagged = {cell["site_id"] for cell in cells if STATUSES[cell["status"]].flagged}
    return Figure(
        "F6.1",
        _title(flagged, trial),
        Needle(len(judged), len(rows), "checks by site, judged"),
        [GRID, CARD],
        Table(
            ["Site", *(COLUMNS.get(column, capital(column.replace("_", " "))) for column in columns)],
            lines,
            languages=[trial.language(site) for site in trial.site_ids],
            grid=True,
        ),
        notes=["A cell shows the worst of its checks: its failing/evaluated records, and how many more are flagged."],
        keys=[code for code in ORDER if code != "OK" and any(cell["status"] == code for cell in cells)],
    )


def _title(flagged: set[str], trial: Trial) -> str:
    if not flagged:
        return "No site fails a check beyond what is tolerated"
    named = [trial.name(site) for site in trial.site_ids if site in flagged]
    if len(named) == len(trial.site_ids) > 1:
        return "Checks are flagged at every site"
    return f"Checks are flagged at {listed(named) if len(named) < 5 else count(len(named), 'site')}"


def _worst_cards(rows: list[Row]) -> dict[tuple[str, str], Row]:
    worst: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row["site_id"], row["grid_column"])
        if key not in worst or _badness(row) < _badness(worst[key]):
            worst[key] = row
    return worst


def _badness(row: Row) -> tuple[int, float]:
    return ORDER.index(row["status"]), -(row["n_failing"] / row["n_evaluated"] if row["n_evaluated"] else 0.0)


def _cell(cell: Row | None, worst: Row | None) -> Cell:
    if cell is None or worst is None:
        return Flag("NOT_APPLICABLE")
    if not STATUSES[cell["status"]].flagged:
        return Flag(cell["status"], of(cell["n_failing"], cell["n_evaluated"]) if cell["n_failing"] else "")
    more = sum(cell[f"n_{code.lower()}"] for code in ORDER if STATUSES[code].flagged) - 1
    counts = [of(worst["n_failing"], worst["n_evaluated"])] if worst["n_evaluated"] else []
    text = ", ".join([*counts, *([f"+{more}"] if more else [])])
    return Flag(cell["status"], text, card_anchor(worst["check_name"]))


def _card(
    rows: list[Row],
    trial: Trial,
    history: Mapping[tuple[str, str], Spark],
    handles: Mapping[tuple[str, str], Sequence[str]],
    twins: Mapping[str, str],
) -> Card | None:
    if not any(STATUSES[row["status"]].flagged for row in rows):
        return None
    first, place = rows[0], {site: i for i, site in enumerate(trial.site_ids)}
    rows = sorted(rows, key=lambda row: place.get(row["site_id"], len(place)))
    name, flagged = first["check_name"], [row for row in rows if STATUSES[row["status"]].flagged]
    others = [row for row in rows if row not in flagged]
    return Card(
        anchor=card_anchor(name),
        title=capital(first["rule"]),
        why=first["why"],
        level=BY_CHANCE.format(twins[name]) if name in twins else LEVELS[first["level"]],
        limit=f"tolerated {tolerance(first['tolerance'])}: {first['reason']}",
        sites=[
            CardSite(
                site=unbroken(trial.name(row["site_id"])),
                language=trial.language(row["site_id"]),
                flag=Flag(row["status"], share(row["n_failing"], row["n_evaluated"])),
                since=row["first_seen"],
                weeks=history.get((name, row["site_id"])),
                handles=handles.get((name, row["site_id"]), []),
            )
            for row in flagged
        ],
        others=_others(others, trial),
    )


def _others(rows: list[Row], trial: Trial) -> str:
    if len(rows) > OTHERS_NAMED:
        return f"Not flagged at {count(len(rows), 'other site')}."
    named = [f"{trial.name(r['site_id'])} {of(r['n_failing'], r['n_evaluated'])}" for r in rows]
    return f"Not flagged: {', '.join(named)}." if named else ""


def _twins(source: Source) -> dict[str, str]:
    """By check: the indicator that counts the same records against the same limit."""
    rows = source.rows("SELECT DISTINCT limit_name, kri FROM quality.kri") if source.has("quality.kri") else []
    return {row["limit_name"]: row["kri"] for row in rows}


def _handles(source: Source) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in source.rows("SELECT * FROM board.handle ORDER BY ALL") if source.has("board.handle") else []:
        found.setdefault((row["name"], row["site_id"]), []).append(row["handle"])
    return found
