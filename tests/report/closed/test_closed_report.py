"""`ict-trial report --closed`: numbers by coded arm, for their owner's eyes, and made by nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import pipelines
from pipelines.cli import cli
from pipelines.report.board.pdf import NO_PANGO, NoPdf
from pipelines.report.board.status import STATUSES
from pipelines.report.closed import write
from pipelines.report.closed.arm_codes import give_letters
from pipelines.report.closed.sections.allocation_check import verdict
from pipelines.study.load import SCHEMAS
from pipelines.workspace import Workspace
from tests.report.board.test_page import Shape
from tests.report.closed import made_up
from tests.report.closed.made_up import GIVEN, LABELS, SNAPSHOT, USUAL, Rows

Line = dict[str, list[str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The small trial with its closed report; of the PDF, which the open report's tests look at, only the text."""
    workspace = made_up.workspace_of(tmp_path_factory.mktemp("closed"), made_up.small_trial())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "to_pdf", lambda page, _: page.encode())
        done = run(workspace, "--closed")
    assert done.stdout.split() == [str(workspace.closed / SNAPSHOT / name) for name in (write.PAGE, write.PDF)]
    return workspace


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the seconds that a PDF takes."""

    def none(page: str, cut_off: object) -> bytes:
        raise NoPdf(NO_PANGO)

    monkeypatch.setattr(write, "to_pdf", none)
    yield


def run(workspace: Workspace, *words: str, expect: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["report", "--workspace", str(workspace.root), *words])
    assert done.exit_code == expect, (done.output, done.exception)
    return done


def page_of(workspace: Workspace) -> str:
    return (workspace.closed / SNAPSHOT / write.PAGE).read_text(encoding="utf-8")


def report_of(root: Path, tables: Mapping[str, Rows], text: str = "", lacking: tuple[str, ...] = ()) -> str:
    workspace = made_up.workspace_of(root, tables, text, lacking)
    run(workspace, "--closed")
    return page_of(workspace)


def codes(workspace: Workspace) -> tuple[str, str]:
    """The letters of the arm given the programme and of the other."""
    known = json.loads((workspace.closed / "arm_codes.json").read_bytes())
    return known[GIVEN], known[USUAL]


def table(page: str, figure: str) -> tuple[list[str], Line]:
    """The head of a figure's table in place, and its rows by their name."""
    (html,) = re.findall(rf'<figure id="{figure}".*?</figure>', page, re.DOTALL)
    rows = [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    ]
    return rows[0], {row[0]: row[1:] for row in rows[1:]}


def cells(workspace: Workspace, figure: str, name: str) -> tuple[str, str]:
    """Of a table with a column an arm, a row's cells: with the programme, and without."""
    head, rows = table(page_of(workspace), figure)
    given, usual = (head.index(f"Arm {code} (N = 4)") for code in codes(workspace))
    return rows[name][given - 1], rows[name][usual - 1]


def test_every_section_is_there_under_a_cover_that_says_closed(made: Workspace) -> None:
    page = page_of(made)
    questions = re.findall(r'<h2 id="s\d+-title"><span class="id">(\d+)</span>([^<]*)</h2>', page)
    assert [number for number, _ in questions] == [str(i) for i in range(10)]
    assert all(question.endswith("?") for _, question in questions)
    banner = "CLOSED: by treatment arm, coded; not for the trial team"
    assert f'<p class="open">{banner}</p>' in page and f'@top-left {{ content: "{banner}"' in page
    assert "OPEN:" not in page


def test_the_page_does_and_fetches_nothing_and_every_figure_has_its_evidence(made: Workspace) -> None:
    page = page_of(made)
    shape = Shape(page)
    assert all(reference.startswith("#") for reference in shape.references)
    assert {reference[1:] for reference in shape.references} <= set(shape.ids)
    assert len(shape.ids) == len(set(shape.ids)) and "script" not in {tag for tag, _ in shape.elements}
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:" in page
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == 13
    for figure in figures:
        assert "As of 30 Nov 2026" in figure and re.search(r"\d+ shown / \d+ \w+", figure)
        assert re.search(r"from (analysis|quality|engagement)\.", re.sub(r"\s+", " ", figure))


def test_no_arm_and_no_person_is_named(made: Workspace) -> None:
    for path in (made.closed / SNAPSHOT).iterdir():
        content = path.read_text(encoding="utf-8")
        assert not [name for name in (GIVEN, USUAL, *LABELS, "ZQPERSON") if name in content]


def test_the_flow(made: Workspace) -> None:
    assert "Screened: 9; randomised: 8." in page_of(made)
    assert cells(made, "c1-1", "In follow-up") == ("3/4 (75%)", "3/4 (75%)")
    assert cells(made, "c1-1", "Discontinued") == ("1/4 (25%)", "1/4 (25%)")
    assert cells(made, "c1-2", "Hong Kong") == ("2/4 (50%)", "2/4 (50%)")


def test_returns_also_of_the_visit_that_one_arm_has(made: Workspace) -> None:
    given, usual = codes(made)
    _, rows = table(page_of(made), "c2-1")
    assert rows[f"BASELINE, Arm {given}"] == ["4", "0", "0", "4", "0", "0", "4/4 (100%)"]
    assert rows[f"WEEK 15, Arm {given}"] == ["4", "0", "0", "2", "1", "1", "2/3 (67%)"]
    assert rows[f"WEEK 15, Arm {usual}"] == ["4", "0", "0", "1", "2", "1", "1/3 (33%)"]
    assert rows[f"FOLLOW-UP, Arm {given}"] == ["4", "3", "0", "0", "0", "1", "–"]
    assert f"FOLLOW-UP, Arm {usual}" not in rows


def test_missing_items(made: Workspace) -> None:
    given, usual = codes(made)
    title = "Patient Health Questionnaire, nine items (PHQ-9)"
    _, rows = table(page_of(made), "c3-1")
    assert rows[f"{title}, Arm {given}"] == ["6", "2/54 (4%)", "–"]
    assert rows[f"{title}, Arm {usual}"] == ["5", "0/45 (0%)", "–"]


def test_the_primary_outcome(made: Workspace) -> None:
    given, usual = codes(made)
    _, rows = table(page_of(made), "c4-1")
    assert rows[f"BASELINE, Arm {given}"] == ["2/4", "85", "7.07", "0", "–", "–"]
    assert rows[f"WEEK 15, Arm {given}"] == ["2/4", "55", "7.07", "2", "-30", "14.14"]
    assert rows[f"WEEK 15, Arm {usual}"] == ["2/4", "67.5", "10.61", "1", "-10", "–"]


def test_a_score_by_a_rule_that_nobody_has_read_says_so(made: Workspace) -> None:
    assert "Of 1 score 1 rests on a rule that nobody has read in its source: LSASTOT." in page_of(made)
    assert table(page_of(made), "c4-3") == (
        ["Score", "Instrument, rule", "Not read yet"],
        {"LSASTOT (LSASTOT)": ["LSASTOT, 1", "–"]},
    )


def test_responses(made: Workspace) -> None:
    found = cells(made, "c5-1", "lsas_response: response, WEEK 15")
    assert found == ("1/2 (50%)", "0/1 (0%); does not apply to 1")


def test_engagement_and_adherence_of_who_is_given_the_programme(made: Workspace) -> None:
    given, usual = codes(made)
    _, rows = table(page_of(made), "c6-1")
    assert rows[f"Treatment: used the programme at least once, Arm {given}"][0] == "2/3 (67%); known of 3/4"
    assert rows[f"Treatment: sessions, Arm {given}"] == ["3/4", "2.67", "2.52", "3", "0 to 5"]
    _, rows = table(page_of(made), "c6-2")
    assert rows == {f"Half of the modules, Arm {given}": ["1/3 (33%)", "1"]}
    assert f"Treatment: sessions, Arm {usual}" not in page_of(made)


def test_adverse_events(made: Workspace) -> None:
    assert cells(made, "c7-1", "Any adverse event") == ("2/4 (50%); 3 events", "1/4 (25%); 1 event")
    assert cells(made, "c7-1", "Serious") == ("1/4 (25%); 1 event", "0/4 (0%); no events")
    assert cells(made, "c7-1", "Related to the treatment") == ("1/4 (25%); 2 events", "0/4 (0%); no events")


def test_who_left_and_intercurrent_events(made: Workspace) -> None:
    assert cells(made, "c8-1", "No time") == ("1/4 (25%)", "0/4 (0%)")
    assert cells(made, "c8-1", "Not stated") == ("0/4 (0%)", "1/4 (25%)")
    assert cells(made, "c8-2", "Non usage") == ("1/4 (25%); 2 events", "0/4 (0%); no events")
    assert cells(made, "c8-2", "Crossover") == ("0/4 (0%); no events", "1/4 (25%); 1 event")


def test_who_used_what_the_arm_is_not_given_fails_the_check(made: Workspace) -> None:
    assert "Fail at 1 site; pass at 1 site; not run at 1 site." in page_of(made)
    _, rows = table(page_of(made), "c9-1")
    assert rows["Oxford"] == ["2/2 (100%)", "0/2 (0%)", "✓ OK pass"]
    assert rows["Hong Kong"] == ["0/2 (0%)", "1/2 (50%)", "■ ACTION fail: looks reversed"]
    assert rows["Miyazaki"][2].startswith("– NOT APPLICABLE not run")


@pytest.mark.parametrize(
    ("log", "given", "usual", "status", "text"),
    [
        (True, (9, 10), (0, 10), "OK", "pass"),
        (True, (9, 10), (1, 10), "ACTION", "fail"),
        (True, (1, 10), (9, 10), "ACTION", "fail: looks reversed"),
        (False, (0, 10), (0, 10), "NO_DATA", "not run: no log has come"),
        (True, (0, 10), (0, 10), "NO_DATA", "not run: nobody has used it yet"),
        (True, (9, 10), (0, 0), "NOT_APPLICABLE", "not run: not both kinds of arm have people"),
    ],
)
def test_pass_fail_or_not_run(
    log: bool, given: tuple[int, int], usual: tuple[int, int], status: str, text: str
) -> None:
    names = ("n_given_used", "n_given", "n_not_given_used", "n_not_given")
    flag = verdict({"has_log": log, **dict(zip(names, (*given, *usual), strict=True))})
    assert (flag.status, flag.text) == (status, text) and status in STATUSES


def test_what_is_written_is_its_owner_s_alone(made: Workspace) -> None:
    paths = [made.closed, *made.closed.rglob("*")]
    assert {path.name for path in paths} == {
        *("closed", SNAPSHOT, "closed.html", "closed.pdf", "arm_codes.json", "arm_codes.key")
    }
    for path in paths:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_that_others_could_read_is_closed_and_letters_and_bytes_stay(tmp_path: Path) -> None:
    workspace = made_up.workspace_of(tmp_path, made_up.small_trial())
    workspace.closed.chmod(0o755)
    run(workspace, "--closed")
    first, letters = page_of(workspace), codes(workspace)
    assert workspace.closed.stat().st_mode & 0o777 == 0o700
    run(workspace, "--closed", "--snapshot", SNAPSHOT)
    assert (page_of(workspace), codes(workspace)) == (first, letters)


def test_letters_are_drawn_by_the_key_and_a_new_arm_takes_the_next() -> None:
    drawn = {give_letters(bytes([i]) * 32, "trial", ["X", "Y"], {})["X"] for i in range(20)}
    assert drawn == {"A", "B"}
    assert give_letters(b"key", "trial", ["X", "Y", "Z"], {"Y": "A", "X": "B"}) == {"Y": "A", "X": "B", "Z": "C"}
    many = give_letters(b"key", "trial", [f"arm {i}" for i in range(28)], {})
    assert sorted(many.values(), key=lambda code: (len(code), code))[-3:] == ["Z", "AA", "AB"]


def test_nothing_but_its_command_can_make_it() -> None:
    root = Path(pipelines.__file__).parent
    files = [path for path in root.rglob("*.py") if "pipelines.report.closed" in path.read_text(encoding="utf-8")]
    others = {path.relative_to(root).as_posix() for path in files if path.parent.parent.name != "closed"}
    assert {name for name in others if not name.startswith("report/closed/")} == {"commands/report.py"}


def test_without_anybody_it_says_so(tmp_path: Path) -> None:
    page = report_of(tmp_path, made_up.nobody())
    assert "Nobody is in the trial yet" in page and "No assessment is planned for anybody yet." in page
    assert "Not run at any site yet." in page and "No adverse event" in page


def test_without_allocation_everybody_is_one_group(tmp_path: Path) -> None:
    text = (SCHEMAS / "studies" / "single_case.yaml").read_text(encoding="utf-8")
    person = {"usubjid": "P1", "siteid": "clinic", "eosstt": "ONGOING", "enrlfl": "Y"}
    page = report_of(tmp_path, {**made_up.nobody(), "analysis.adsl": [person]}, text)
    assert "This trial allocates nobody" in page and "Not run: this trial allocates nobody." in page
    assert table(page, "c1-1")[0] == ["Standing", "Everybody (N = 1)"] and "Arm A" not in page


def test_where_nobody_is_blinded_it_says_so(tmp_path: Path) -> None:
    text = made_up.study_text().replace("blinding: {outcomes: statistician}", "blinding: none")
    page = report_of(tmp_path, made_up.small_trial(), text)
    assert "Nobody is blinded in this trial" in page and GIVEN not in page


def test_somebody_of_an_arm_that_nobody_knows_is_shown_apart(tmp_path: Path) -> None:
    tables = made_up.small_trial()
    people = [row | {"arm": None} if row["usubjid"] == "G1" else row for row in map(dict, tables["analysis.adsl"])]
    page = report_of(tmp_path, {**tables, "analysis.adsl": people})
    assert table(page, "c1-1")[0][3] == "Arm not known (N = 1)"


def test_a_snapshot_of_an_earlier_version_shows_what_it_has(tmp_path: Path) -> None:
    lacking = ("analysis.adeng", "analysis.adadh", "analysis.adresp", "quality.expected", "quality.expected_item")
    page = report_of(tmp_path, made_up.small_trial(), lacking=lacking)
    assert "This snapshot does not hold measures of use." in page and "LSAS-SR total at WEEK 15" in page


def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    workspace = made_up.workspace_of(tmp_path, made_up.small_trial(), lacking=("analysis.adae",))
    assert "earlier version" in run(workspace, "--closed", expect=2).stderr
    (workspace.snapshots / SNAPSHOT / made_up.UNBLINDED_MANIFEST).unlink()
    assert "cannot be read" in run(workspace, "--closed", expect=2).stderr
    assert "no snapshot x" in run(workspace, "--closed", "--snapshot", "x", expect=2).stderr
