"""Two rules of one instrument over the same records."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines.cli import cli
from pipelines.study.instrument_file import INSTRUMENTS, load_instrument
from pipelines.study.load import Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.compare_scoring import Comparison, compare_scoring
from pipelines.warehouse.errors import WarehouseError
from pipelines.workspace import Workspace
from tests.sql.trial import Trial, day

ICT_SAD = INSTRUMENTS.parent / "studies" / "ict_sad.yaml"


def lsas(points: int, missing: int = 0) -> dict[str, Any]:
    """Every item the same; the first of fear missing."""
    answers: dict[str, Any] = {f"{half}_{n}": points for half in ("fear", "avoidance") for n in range(1, 25)}
    return answers | {f"fear_{n}": None for n in range(1, missing + 1)}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Workspace:
    """Three people at week 15: one complete, one with two items of fear missing, one who had the programme alone
    and filled in a form after it, with two items missing."""
    workspace = Workspace(tmp_path_factory.mktemp("trial"))
    make_trial_folder(workspace, ICT_SAD)
    workspace.build.mkdir(parents=True)
    trial = Trial(ict_sad)
    for subject, arm in (("001", "ICT"), ("002", "TAU"), ("003", "ICT")):
        trial.person(subject, arm)
        trial.form(subject, "lsas_sr", day(1), lsas(2), visit="BASELINE")
    trial.form("001", "lsas_sr", day(106), lsas(1), visit="WEEK 15")
    trial.form("002", "lsas_sr", day(106), lsas(1, missing=2), visit="WEEK 15")
    trial.form("003", "lsas_sr", day(190), lsas(1, missing=2), visit="FOLLOW-UP")
    for n, subject in enumerate(("001", "002"), start=1):
        trial.form(subject, "wsas", day(1), {"1": "NA", **dict.fromkeys(("2", "3", "4", "5"), n)}, visit="BASELINE")
    trial.tables(file=workspace.build / "build.duckdb").con.close()
    return workspace


def compared(workspace: Workspace, first: str, second: str, **asked: Any) -> Comparison:
    rules = load_instrument(INSTRUMENTS / f"{first}.yaml"), load_instrument(INSTRUMENTS / f"{second}.yaml")
    return compare_scoring(workspace, workspace.protocol(), rules, **asked)


def records(answer: Any) -> list[dict[str, Any]]:
    return [dict(zip(answer.names, row, strict=True)) for row in answer.rows]


def test_a_form_with_items_missing_has_no_value_by_the_rule_of_complete_forms(workspace: Workspace) -> None:
    found = compared(workspace, "lsas_sr", "lsas_sr@complete", paramcd="LSASTOT", unblinded=True)
    (total,) = records(found.parameters)
    assert (total["records"], total["differing"], total["people_differing"]) == (6, 2, 2)
    assert (total["values_a"], total["values_b"]) == (6, 4)
    ict, tau = records(found.primary)
    assert (ict["arm"], ict["people_differing"], ict["mean_a"], ict["mean_b"]) == ("ICT", 0, 48.0, 48.0)
    # 22 answered items of fear with one point each: 22 x 24/22 + 24 = 48; complete forms only: none.
    assert (tau["arm"], tau["people_differing"], tau["mean_a"], tau["mean_b"]) == ("TAU", 1, 48.0, None)
    assert [row["usubjid"][-3:] for row in records(found.people)] == ["002", "003"]


def test_without_unblinding_nobody_is_named_and_visits_of_one_arm_stay_out(workspace: Workspace) -> None:
    found = compared(workspace, "lsas_sr", "lsas_sr@complete", paramcd="LSASTOT")
    (total,) = records(found.parameters)
    assert (total["records"], total["people_differing"]) == (5, 1)
    assert "arm" not in found.primary.names and found.people.rows == []


def test_where_nobody_may_see_outcomes_only_baselines_are_compared(workspace: Workspace) -> None:
    protocol = workspace.protocol()
    study = protocol.study.model_copy(update={"blinding": protocol.study.blinding.model_copy()})
    hidden = study.model_copy(update={"blinding": type(study.blinding)(outcomes="nobody")})
    rules = (
        load_instrument(INSTRUMENTS / "lsas_sr.yaml"),
        load_instrument(INSTRUMENTS / "lsas_sr@complete.yaml"),
    )
    found = compare_scoring(workspace, replace(protocol, study=hidden), rules, paramcd="LSASTOT")
    (total,) = records(found.parameters)
    assert (total["records"], total["differing"]) == (3, 0)
    assert records(found.primary)[0]["records"] == 0


def test_work_that_does_not_apply_as_zero(workspace: Workspace) -> None:
    # 4 x 1 and 4 x 2 points: by the mean 5 and 10, as zero 4 and 8.
    found = compared(workspace, "wsas", "wsas@na_as_zero")
    (wsas,) = records(found.parameters)
    assert (wsas["mean_a"], wsas["mean_b"], wsas["mean_shift"], wsas["largest_shift"]) == (7.5, 6.0, -1.5, 2.0)
    assert not found.is_primary


def test_equal_rules_differ_nowhere(workspace: Workspace) -> None:
    found = compared(workspace, "lsas_sr", "lsas_sr", unblinded=True)
    assert {row["differing"] for row in records(found.parameters)} == {0}
    assert found.people.rows == []


@pytest.mark.parametrize(
    ("first", "second", "asked", "said"),
    [
        ("wsas", "phq9", {}, "two instruments, not two rules of one"),
        ("pdss_sr", "pdss_sr@composite", {}, "the study does not use pdss_sr"),
        ("wsas", "wsas@na_as_zero", {"paramcd": "PHQ9"}, "both have WSAS"),
    ],
)
def test_what_cannot_be_compared(
    workspace: Workspace, first: str, second: str, asked: dict[str, str], said: str
) -> None:
    with pytest.raises(WarehouseError, match=said):
        compared(workspace, first, second, **asked)


def test_before_the_first_night(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    make_trial_folder(workspace, ICT_SAD)
    with pytest.raises(WarehouseError, match="nothing has been built yet"):
        compared(workspace, "wsas", "wsas@na_as_zero")


def test_the_command(workspace: Workspace) -> None:
    own = workspace.root / "instruments" / "wsas@rounded.yaml"
    own.parent.mkdir()
    text = (INSTRUMENTS / "wsas.yaml").read_text(encoding="utf-8")
    own.write_text(text.replace('version: "1"', "version: rounded"), encoding="utf-8")
    run = CliRunner()
    at = ["compare-scoring", "--workspace", str(workspace.root)]
    shown = run.invoke(cli, [*at, "lsas_sr", "lsas_sr@complete"])
    assert shown.exit_code == 0 and "The primary outcome, people" in shown.output and "ict_sad-" not in shown.output
    named = run.invoke(cli, [*at, "wsas@rounded", "wsas@na_as_zero", "--unblinded", "--json"])
    people = json.loads(named.output)["people"]
    assert [(p["usubjid"], p["aval_a"], p["aval_b"]) for p in people] == [
        ("ict_sad-oxford-001", 5.0, 4.0),
        ("ict_sad-oxford-002", 10.0, 8.0),
    ]
    assert date.fromisoformat(people[0]["adt"]) == day(1)
    unknown = run.invoke(cli, [*at, "wsas", "wsas@unheard"])
    assert unknown.exit_code == 2 and "There is no instrument file wsas@unheard" in unknown.output
