"""The cards of the board's report: every check about every site that everybody may see, whatever it comes from.

A card's status is a function of its counts and the study file, so that a report can be rendered again from the counts
of a snapshot when a threshold has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from pipelines.quality.judge import CheckResult, Status, arrivals_of, status_by_chance, status_of_share
from pipelines.study.check import load_checks
from pipelines.study.grid import load_grid
from pipelines.study.query_rule import QueryRule, load_query_rules
from pipelines.study.study import Limit, Study

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
STATUSES = get_args(Status)  # the worst first
FIXED: tuple[Status, ...] = ("BROKEN", "NO_DATA", "NOT_APPLICABLE")  # whatever the study file tolerates
EVERY_ONE = Limit(tolerance=0, minimum=1, reason="every such record is to be put right or answered for")
REFUSAL = "Rows were set aside on reading, so that an earlier record stands, or the value counts as missing."


def check_cards(con: duckdb.DuckDBPyConnection, results: Sequence[CheckResult], study: Study) -> list[Row]:
    """Rows of `quality.check_card`: the checks of `results`, and what `quality.check_count` holds of rules."""
    counted = con.execute(
        "SELECT check_name, kind, site_id, n_evaluated, n_failing, first_seen FROM quality.check_count "
        "ORDER BY check_name, site_id"
    ).fetchall()
    names = ("check_name", "kind", "site_id", "n_evaluated", "n_failing", "first_seen")
    rules = [dict(zip(names, row, strict=True)) for row in counted]
    first_seen = {(load_grid().card_of(rule["check_name"]), rule["site_id"]): rule["first_seen"] for rule in rules}
    taken = {result.check_name for result in results}
    cards = [_check_card(result) for result in results if result.blinding == "safe"]
    cards = [card | {"first_seen": first_seen.get((card["check_name"], card["site_id"]))} for card in cards]
    rows = [rule for rule in rules if load_grid().card_of(rule["check_name"]) not in taken]
    there = arrivals_of(con)
    return cards + [_rule_card(row, study, there) for row in rows]


def check_grid(cards: Sequence[Row]) -> list[Row]:
    """Rows of `quality.check_grid`: the worst of each kind of check at each site, with how many are in which status.

    No score and no average: a cell is as bad as its worst card.
    """
    cells: dict[tuple[str, str], list[Row]] = {}
    for card in cards:
        cells.setdefault((card["site_id"], card["grid_column"]), []).append(card)
    return [_cell(site, column, mine) for (site, column), mine in cells.items()]


def _cell(site: str, column: str, cards: Sequence[Row]) -> Row:
    statuses = [card["status"] for card in cards]
    return {
        "site_id": site,
        "grid_column": column,
        "status": min(statuses, key=STATUSES.index),
        "n_evaluated": sum(card["n_evaluated"] for card in cards),
        "n_failing": sum(card["n_failing"] for card in cards),
        "n_checks": len(cards),
        **{f"n_{status.lower()}": statuses.count(status) for status in STATUSES},
    }


def judge_again(card: Row, study: Study) -> Row:
    """A stored card, with the limit and severity of this study file."""
    check = None
    if card["kind"] == "check":
        check = next((check for check in load_checks() if check.name == card["check_name"]), None)
        limit, level = (check.limit_in(study), check.severity) if check else (_limit_of(card), card["level"])
    else:
        limit, level = EVERY_ONE, _severity(card["check_name"], study)
    judged = card | {"tolerance": limit.tolerance, "minimum": limit.minimum, "reason": limit.reason, "level": level}
    counts = card["n_evaluated"], card["n_failing"]
    if card["status"] not in FIXED:
        by_chance = check is not None and check.has_indicator
        judged["status"] = status_by_chance(*counts, limit) if by_chance else status_of_share(*counts, limit, level)
    return judged


def _limit_of(card: Row) -> Limit:
    return Limit(tolerance=card["tolerance"], minimum=card["minimum"], reason=card["reason"])


def _check_card(result: CheckResult) -> Row:
    return {
        "check_name": result.check_name,
        "site_id": result.site_id,
        "kind": "check",
        "grid_column": load_grid().column_of(result.check_name, result.dimension),
        "rule": result.check_name.replace("_", " "),
        "why": result.message,
        "level": result.severity,
        "n_evaluated": result.n_checked,
        "n_failing": result.n_failed,
        "tolerance": result.tolerance,
        "minimum": result.minimum,
        "reason": result.reason,
        "status": result.status,
    }


def _rule_card(row: Row, study: Study, there: Mapping[tuple[str, str], bool]) -> Row:
    rule = load_query_rules().get(row["check_name"])
    level = _severity(row["check_name"], study)
    counts = row["n_evaluated"], row["n_failing"]
    old = rule is not None and there.get((row["site_id"], rule.feed)) is False
    return row | {
        "grid_column": load_grid().column_of(row["check_name"]),
        "rule": _in_words(row["check_name"], rule),
        "why": rule.message if rule else REFUSAL,
        "level": level,
        "tolerance": EVERY_ONE.tolerance,
        "minimum": EVERY_ONE.minimum,
        "reason": EVERY_ONE.reason,
        "status": "NO_DATA" if old else status_of_share(*counts, EVERY_ONE, level),
    }


def _in_words(name: str, rule: QueryRule | None) -> str:
    words = name.replace("_", " ")
    return f"{words}: {rule.applies}" if rule else words


def _severity(name: str, study: Study) -> Any:
    rules: Mapping[str, QueryRule] = load_query_rules()
    choice = study.queries.get(name)
    default = rules[name].severity if name in rules else "warning"
    return (choice.severity if choice else None) or default
