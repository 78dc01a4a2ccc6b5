"""A value walked back: what it is, by which rules, from which line of which file, and what stood there before."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import cli
from pipelines.study.load import Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.trace import Step, TraceError, trace
from pipelines.workspace import Workspace
from tests.sql.trial import Trial, day, phq9
from tests.warehouse.test_compare_scoring import ICT_SAD

WEEK_8 = {"usubjid": "ict_sad-oxford-001", "paramcd": "PHQ9", "avisit": "WEEK 8"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Workspace:
    """One person's form at week 8, sent three times: item 2 as 3, then as 1, then as 2."""
    workspace = Workspace(tmp_path_factory.mktemp("trial"))
    make_trial_folder(workspace, ICT_SAD)
    workspace.build.mkdir(parents=True)
    trial = Trial(ict_sad)
    trial.person("001")
    for answer in (3, 1, 2):
        trial.delivery("oxford", "questionnaires")
        trial.form("001", "phq9", day(1), phq9(14), visit="BASELINE")
        trial.form("001", "phq9", day(57), phq9(3) | {"2": answer}, visit="WEEK 8")
    trial.tables("analysis.adqs", file=workspace.build / "build.duckdb").con.close()
    return workspace


def cells(step: Step, *columns: str) -> list[tuple[object, ...]]:
    return [tuple(row[step.rows.names.index(name)] for name in columns) for row in step.rows.rows]


def test_a_score_with_its_rule_its_items_and_what_they_were_before(workspace: Workspace) -> None:
    found = trace(workspace, "analysis.adqs", WEEK_8)
    assert (found.column, found.value) == ("aval", 5.0) and found.meaning.startswith("Score;")
    by_table = {step.table: step for step in found.steps}
    assert next(iter(by_table)) == "analysis.adqs" and all(step.rule for step in found.steps)
    assert "A reversed item counts minimum + maximum - answer" in by_table["outcome.part_score"].rule
    items = cells(by_table["core.questionnaires"], "item", "value", "file_name", "row_no", "line_no", "delivery_id")
    file = ("questionnaires_5.csv", "d5")
    assert sorted(items) == [
        (str(n), value, file[0], 9 + n, 10 + n, file[1]) for n, value in enumerate("320000000", start=1)
    ]
    (earlier,) = found.earlier
    assert cells(earlier, "item", "value", "file_name", "line_no") == [
        ("2", "3", "questionnaires_3.csv", 12),
        ("2", "1", "questionnaires_4.csv", 12),
    ]


def test_a_change_goes_back_to_both_forms_and_what_never_changed_has_nothing_before(workspace: Workspace) -> None:
    found = trace(workspace, "analysis.adqs", WEEK_8, "chg")
    (answers,) = (step for step in found.steps if step.table == "core.questionnaires")
    assert found.value == -9.0 and {visit for (visit,) in cells(answers, "visit")} == {"BASELINE", "WEEK 8"}
    assert trace(workspace, "analysis.adqs", WEEK_8 | {"avisit": "BASELINE"}).earlier == []


@pytest.mark.parametrize(
    ("table", "given", "column", "said"),
    [
        ("analysis.adqs", WEEK_8 | {"avisit": "WEEK 9"}, None, "no row of analysis.adqs is like that"),
        ("analysis.adqs", {"usubjid": WEEK_8["usubjid"]}, None, "more than one row of analysis.adqs is like that"),
        ("analysis.adqs", {"visitnum": "8"}, None, "analysis.adqs has no column visitnum; name the row by"),
        ("analysis.adqs", WEEK_8, "score", "analysis.adqs has no column score"),
        ("analysis.adxx", WEEK_8, None, "there is no derived table analysis.adxx"),
    ],
)
def test_what_cannot_be_traced(
    workspace: Workspace, table: str, given: dict[str, str], column: str | None, said: str
) -> None:
    with pytest.raises(TraceError, match=said):
        trace(workspace, table, given, column)


def test_before_the_first_night(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    make_trial_folder(workspace, ICT_SAD)
    with pytest.raises(TraceError, match="nothing has been built yet"):
        trace(workspace, "analysis.adqs", WEEK_8)


def test_the_command(workspace: Workspace) -> None:
    words = [f"{name}={value}" for name, value in WEEK_8.items()]
    shown = CliRunner().invoke(cli, ["trace", "--workspace", str(workspace.root), "analysis.adqs", *words])
    assert shown.exit_code == 0 and "aval = 5.0" in shown.output
    assert "Earlier versions of these records" in shown.output and "questionnaires_3.csv" in shown.output
