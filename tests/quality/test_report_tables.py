"""The tables of the board's report: they add up, and nothing in them tells who is in which arm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from pipelines.quality.cards import check_cards, check_grid
from pipelines.quality.central import central_checks
from pipelines.quality.forecast import recruitment_forecast
from pipelines.quality.indicators import counts_of, judge_indicators
from pipelines.study.load import SCHEMAS, load_protocol
from pipelines.warehouse.dictionary import load_dictionary
from tests.quality.good_trial import whole_form
from tests.sql.trial import Trial, at, phq9

TABLES = (
    "quality.arrival_night", "quality.lag", "quality.entry_lag", "quality.freshness", "quality.currency",
    "quality.visit_return", "quality.completeness", "quality.missing_pattern", "quality.check_count", "quality.flow",
    "quality.recruitment", "quality.recruitment_week", "quality.query_summary", "quality.query_week",
    "quality.redelivery", "quality.counted_unit", "quality.checked_unit",
    "quality.central_unit",
)  # fmt: skip
OF_UNITS = ("quality.counted_unit", "quality.checked_unit")
OF_FILES = ("nights|", "came|", "quarantined_", "refused", "drift_")
START, AS_OF = date(2026, 3, 2), date(2026, 10, 20)
ARMS = {f"{n:03}": "ICT" if n % 2 else "TAU" for n in range(1, 9)}
SWAPPED = {subject: {"ICT": "TAU", "TAU": "ICT"}[arm] for subject, arm in ARMS.items()}
PROTOCOL = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml")
Spoil = Callable[[Trial], None]


def nothing(_: Trial) -> None:
    """Leave the trial as it is."""


def without_log(trial: Trial) -> None:
    """As if the programme and everything about it had never been."""
    for feed in ("usage", "contacts"):
        trial.rows.pop(feed, None)
        trial.deliveries = [delivery for delivery in trial.deliveries if delivery["feed"] != feed]
    trial.rows["questionnaires"] = [row for row in trial.rows["questionnaires"] if row["visit"] != "WEEKLY"]


def trial_of(arms: dict[str, str]) -> Trial:
    """Eight people with faults of every kind; the odd ones use the programme and have its follow-up, whatever the
    allocation list says of them."""
    trial = Trial(PROTOCOL, as_of=AS_OF)
    for n, (subject, arm) in enumerate(arms.items()):
        day = START + timedelta(3 * n)
        left = {"status": "withdrawn", "status_date": day + timedelta(60)} if n in (2, 3) else {}
        trial.person(subject, arm, day, **left)
        for visit, study_day in (("BASELINE", 0), ("WEEK 8", 56), ("WEEK 15", 105)):
            if (n, visit) not in ((4, "WEEK 15"), (5, "WEEK 8"), (2, "WEEK 15"), (3, "WEEK 15")):
                whole_form(trial, subject, "lsas_sr", day + timedelta(study_day), visit)
                trial.form(
                    subject, "phq9", day + timedelta(study_day + 30 * (n == 6)), phq9(n) | {"3": None}, visit=visit
                )
        if subject in [s for s, a in ARMS.items() if a == "ICT"]:
            trial.form(subject, "phq9", day + timedelta(20), phq9(3), visit="WEEKLY")
            trial.form(subject, "phq9", day + timedelta(190), phq9(3), visit="FOLLOW-UP")
            trial.event(subject, at("2026-04-03T10:00"), "login")
            trial.contact(subject, at("2026-04-04T10:00"))
    trial.person("101", None, status="screen_failed", status_reason="criteria not met", consent_date=None)
    trial.person("102", None, status="enrolled")
    revealing = {"usage": "revealing", "contacts": "revealing", "allocation": "arm"}
    for delivery in trial.deliveries:
        delivery["blinding"] = revealing.get(delivery["feed"], "safe")
        delivery |= {"n_rows": 100, "n_accepted": 100, "n_quarantined": 0, "n_duplicate": 0}
    return trial


def _kept(name: str) -> str:
    """What of a table's rows the blinded file holds."""
    keep_when = load_dictionary()[name].keep_when
    return f"WHERE {keep_when}" if keep_when else ""


@cache
def report(swapped: bool = False, spoil: Spoil = nothing) -> dict[str, list[Any]]:
    """Every table of the report, its rows in order."""
    trial = trial_of(SWAPPED if swapped else ARMS)
    spoil(trial)
    con = trial.tables(*TABLES, "quality.arrival").con
    study = PROTOCOL.study
    return {
        **{name: con.execute(f"SELECT * FROM {name} {_kept(name)} ORDER BY ALL").fetchall() for name in TABLES},
        "quality.kri": judge_indicators(counts_of(con, study), study),
        "quality.check_card": check_cards(con, [], study),
        "quality.central_check": central_checks(con, study),
        "quality.recruitment_forecast": recruitment_forecast(con, study),
    }


@pytest.mark.parametrize("name", [*TABLES, "quality.kri", "quality.check_card", "quality.central_check"])
def test_no_number_depends_on_the_arms_or_on_the_log(name: str) -> None:
    assert report()[name] == report(swapped=True)[name]
    if name not in ("quality.redelivery", "quality.arrival_night", "quality.freshness", "quality.currency"):
        # those tell of a delivery that holds nothing but forms of the programme, which is then not there
        found, without = (
            [row for row in rows if name not in OF_UNITS or not row[0].startswith(OF_FILES)]
            for rows in (report()[name], report(spoil=without_log)[name])
        )
        assert found == without


def test_everybody_is_in_one_state_at_every_visit() -> None:
    found = [row for row in report()["quality.visit_return"] if row[0] == "oxford"]
    assert [row[1] for row in found] == ["BASELINE", "WEEK 15", "WEEK 8"], "no visit that one arm has"
    for _, _, _, n, *states, rate in found:
        assert n == 8 == sum(states)
        received, overdue = states[2:4]
        assert rate == received / (received + overdue)
    assert found[1][4:9] == (0, 0, 5, 1, 2)


def test_kaplan_meier_is_the_ecdf_where_everything_has_come_and_below_it_where_not() -> None:
    curve = [row for row in report()["quality.lag"] if row[0] == "oxford"]
    assert sum(row[4] for row in curve) > 0, "some forms have not come"
    assert any(row[6] < row[5] for row in curve)
    before = [row for row in curve if not any(other[4] for other in curve if other[1] <= row[1])]
    total = sum(row[3] + row[4] for row in curve)
    so_far = 0
    for row in before:
        so_far += row[3]
        assert row[6] == pytest.approx(so_far / total)


def test_the_flow_adds_up() -> None:
    boxes = {box: (parent, n) for box, _, parent, _, n in report()["quality.flow"]}
    for parent in ("screened", "randomised"):
        assert boxes[parent][1] == sum(n for above, n in boxes.values() if above == parent)
    assert (boxes["screened"][1], boxes["excluded"][1], boxes["pending"][1], boxes["withdrawn"][1]) == (10, 1, 1, 2)


def test_the_ledger_adds_up() -> None:
    found = report()["quality.redelivery"]
    assert found
    for *_, before, added, _, withdrawn, now, _ in found:
        assert before + added - withdrawn == now


def test_no_pattern_of_fewer_than_five_people_is_told() -> None:
    assert all(n >= 5 for _, _, n, _ in report()["quality.missing_pattern"])


def test_the_worst_card_is_the_cell() -> None:
    cards = report()["quality.check_card"]
    for cell in check_grid(cards):
        mine = [c for c in cards if (c["site_id"], c["grid_column"]) == (cell["site_id"], cell["grid_column"])]
        assert cell["n_checks"] == len(mine) == sum(v for k, v in cell.items() if k[2:] in {
            "broken", "no_data", "action", "watch", "too_few", "not_applicable", "ok"})  # fmt: skip
        assert cell["status"] in {card["status"] for card in mine}
        assert (cell["status"] == "OK") == all(card["status"] == "OK" for card in mine)
