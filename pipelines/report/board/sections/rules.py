"""Section 6: do the records obey the rules? A grid of checks, and a card for each that fails."""

from __future__ import annotations

from itertools import groupby

from pipelines.report.board.parts import Card, Cell, Figure, Flag, Needle, Section, Table
from pipelines.report.board.sections.findings import card_anchor, title_of
from pipelines.report.board.source import Row, Source
from pipelines.report.board.status import ORDER, STATUSES, worst
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import capital, count, listed, of

QUESTION = "Do the records obey the rules?"
CHECKS = "quality.check_result"
DIMENSIONS = ("conformance", "completeness", "plausibility", "timeliness", "consistency")
LEVELS = {"critical": "critical: a failure asks for action", "warning": "warning: a failure asks for a look"}


def build(source: Source, trial: Trial) -> Section:
    """The grid, then the cards."""
    if not source.has(CHECKS):
        return Section(6, QUESTION, [], absent=["This snapshot holds no checks of the records."])
    rows = source.rows(f"SELECT * FROM {CHECKS} ORDER BY check_name, site_id")  # noqa: S608
    cards = [_card(name, list(of_check), trial) for name, of_check in groupby(rows, key=lambda row: row["check_name"])]
    return Section(6, QUESTION, _answer(rows), figures=[_grid(rows, trial)], cards=[card for card in cards if card])


def _answer(rows: list[Row]) -> list[str]:
    if not rows:
        return ["No check was made."]
    tally = [f"{sum(row['status'] == code for row in rows)} {STATUSES[code].words}" for code in ORDER]
    failing = {row["check_name"] for row in rows if STATUSES[row["status"]].flagged}
    verdict = f"{capital(count(len(failing), 'check'))} of {len({row['check_name'] for row in rows})} flagged somewhere"
    return [f"{verdict}. Site by site: {listed(tally)}."]


def _grid(rows: list[Row], trial: Trial) -> Figure:
    lines: list[list[Cell]] = [
        [
            trial.name(site),
            *(_cell([r for r in rows if r["site_id"] == site and r["dimension"] == name]) for name in DIMENSIONS),
        ]
        for site in trial.site_ids
    ]
    judged = [row for row in rows if row["status"] in ("OK", "WATCH", "ACTION")]
    flagged = sorted({r["site_id"] for r in rows if STATUSES[r["status"]].flagged}, key=trial.site_ids.index)
    title = "No site fails a check beyond what is tolerated"
    if flagged:
        all_of_them = len(flagged) == len(trial.site_ids) > 1
        where = "every site" if all_of_them else listed([trial.name(site) for site in flagged[:4]])
        title = f"Flagged checks at {where}{' and others' if len(flagged) > 4 and not all_of_them else ''}"
    return Figure(
        "F6.1",
        title,
        Needle(len(judged), len(rows), "checks by site, judged"),
        [CHECKS],
        Table(["Site", *map(capital, DIMENSIONS)], lines, languages=[trial.language(site) for site in trial.site_ids]),
        notes=[
            "Each cell: the worst status of its checks, how many have it, and failing/checked of the worst of them."
        ],
        keys=[code for code in ORDER if code != "OK" and any(row["status"] == code for row in rows)],
    )


def _cell(checks: list[Row]) -> Cell:
    status = worst(row["status"] for row in checks)
    having = [row for row in checks if row["status"] == status]
    if not STATUSES[status].flagged:
        return Flag(status)
    first = max(having, key=lambda row: row["n_failed"] / row["n_checked"] if row["n_checked"] else 0)
    times = f"{len(having)} × " if len(having) > 1 else ""
    return Flag(status, f"{times}{of(first['n_failed'], first['n_checked'])}", card_anchor(first["check_name"]))


def _card(name: str, rows: list[Row], trial: Trial) -> Card | None:
    if not any(STATUSES[row["status"]].flagged for row in rows):
        return None
    first, place = rows[0], {site: i for i, site in enumerate(trial.site_ids)}
    shown = sorted(
        (row for row in rows if len(rows) <= len(ORDER) or STATUSES[row["status"]].flagged),
        key=lambda row: place.get(row["site_id"], len(place)),
    )
    lines: list[list[Cell]] = [
        [trial.name(row["site_id"]), Flag(row["status"]), of(row["n_failed"], row["n_checked"])] for row in shown
    ]
    return Card(
        anchor=card_anchor(name),
        title=title_of(name),
        rule=first["message"],
        why="",
        level=LEVELS[first["severity"]],
        limit=f"tolerated {100 * first['tolerance']:g}%: {first['reason']}",
        sites=Table(
            ["Site", "Status", "Failing/checked"],
            lines,
            languages=[trial.language(row["site_id"]) for row in shown],
        ),
    )
