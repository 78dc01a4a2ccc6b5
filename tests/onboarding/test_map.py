"""`ict-trial map`: what it proposes for exports nobody has mapped, and that the proposal reads them."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from pipelines.cli import cli
from pipelines.onboarding.days import find_shape
from pipelines.onboarding.forms import find_form
from pipelines.onboarding.names import find_codes, find_columns
from pipelines.onboarding.sample import take_sample
from pipelines.simulate import simulate
from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace
from tests.landing.dialects.site import csv_text
from tests.landing.dialects.test_redcap import DICTIONARY
from tests.validation.deliver import deliver


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("onboarding") / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    simulate(workspace, workspace.protocol(), 30, 3, faults=False, events=50)
    return workspace


def proposed(workspace: Workspace, site: str, feed: str, file: Path, *words: str) -> tuple[dict[str, Any], str]:
    """The YAML of the proposal as a tree, and everything that was said."""
    asked = ["map", "--workspace", str(workspace.root), "--site", site, "--feed", feed, *words, str(file)]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code == 0, done.output
    yaml, _, _ = done.output.partition("\n\nRead so")
    return YAML(typ="safe").load(yaml)[feed][0], done.output


def sent(workspace: Workspace, site: str, feed: str, pattern: str) -> Path:
    return sorted((workspace.landing / site / feed).glob(pattern))[0]


def test_a_redcap_export_of_questionnaires_is_mapped_whole(trial: Workspace) -> None:
    source, said = proposed(trial, "oxford", "questionnaires", sent(trial, "oxford", "questionnaires", "*DATA*.csv"))
    assert source["dialect"] == "redcap"
    assert source["site_column"] == {"redcap_data_access_group": ["oxford"]}
    assert source["values"]["visit"]["week_8_arm_1"] == "WEEK 8"
    forms = {form["instrument"]: form["items"] for form in source["forms"]}
    assert forms["lsas_sr"] == {"fear_{n}": "lsas_f{n}", "avoidance_{n}": "lsas_a{n}"}
    assert forms["phq9"] == {"{n}": "phq9_{n}"}
    assert ", 0 duplicates." in said


def test_a_japanese_table_is_mapped_by_its_own_words(trial: Workspace) -> None:
    source, said = proposed(trial, "miyazaki", "participants", sent(trial, "miyazaki", "participants", "*.csv"))
    assert source["read"]["encoding"] == "cp932"
    assert source["columns"]["subject_id"] == "症例番号"
    assert source["dates"]["consent_date"] == "%Y/%m/%d"
    assert source["values"]["sex"]["女性"] == "F"
    assert " 0 quarantined" in said
    assert "氏名" in said.partition("dropped:")[2], "names of people are not read"


def test_a_statistical_file_is_mapped_by_the_pattern_of_its_names(trial: Workspace) -> None:
    source, _ = proposed(trial, "hong_kong", "questionnaires", sent(trial, "hong_kong", "questionnaires", "*.sav"))
    forms = {form["instrument"]: form["items"] for form in source["forms"]}
    assert forms["lsas_sr"] == {"fear_{n}": "LSASF{n}", "avoidance_{n}": "LSASA{n}"}
    assert forms["gad7"] == {"{n}": "GAD{n}"}


def test_a_redcap_project_of_others_is_proposed_with_its_dictionary(trial: Workspace, real: Path) -> None:
    folder = real / "redcap" / "longitudinal"
    words = ("--dictionary", str(folder / "dictionary.csv"))
    source, said = proposed(trial, "oxford", "participants", folder / "data.csv", *words)
    assert source["columns"]["subject_id"] == "study_id"
    assert source["columns"]["consent_date"] == "date_enrolled"
    assert source["values"]["sex"] == {"0": "F", "1": "M"}, "by the labels of the dictionary"
    assert source["only"]["redcap_event_name"][0].startswith("enrollment"), "where most is filled in"
    assert "first_name" not in str(source)
    assert "rejected" not in said


def under_the_site(workspace: Workspace, folder: Path, feed: str, proposal: str) -> Path:
    """A study file in which the proposal stands in place of what the site oxford had there, as README.md says."""
    lines = workspace.study_file.read_text(encoding="utf-8").splitlines(keepends=True)
    site = lines.index("  - site: oxford\n")
    first = lines.index(f"      {feed}:\n", site)
    end = next(i for i in range(first + 1, len(lines)) if re.match(r" {2,6}\S", lines[i]))
    study = folder / "study.yaml"
    study.write_text("".join([*lines[:first], indent(proposal, "      "), *lines[end:]]), encoding="utf-8")
    return study


@pytest.mark.parametrize("project", ["clinical-trial-1", "longitudinal", "survey", "repeating-instruments", "dag"])
def test_a_newcomer_onboards_a_redcap_project_never_seen(
    trial: Workspace, real: Path, tmp_path: Path, project: str
) -> None:
    """`ict-trial map --out`, the YAML under the site's `feeds:`, `ict-trial check-study`, and the file dropped."""
    folder, out = real / "redcap" / project, tmp_path / "oxford.yaml"
    words = ("--dictionary", str(folder / "dictionary.csv"), "--out", str(out))
    asked = ["map", "--workspace", str(trial.root), "--site", "oxford", "--feed", "participants", *words]
    done = CliRunner().invoke(cli, [*asked, str(folder / "data.csv")])
    assert done.exit_code == 0, done.output
    study = under_the_site(trial, tmp_path, "participants", out.read_text(encoding="utf-8"))
    checked = CliRunner().invoke(cli, ["check-study", str(study)])
    assert checked.exit_code == 0, checked.output
    read = deliver(
        tmp_path, load_protocol(study), (folder / "data.csv").read_bytes(), "oxford", "participants", "data.csv"
    )
    with (folder / "data.csv").open(encoding="utf-8", newline="") as file:
        people = {row[0] for row in csv.reader(file)} - {"record_id", "study_id", "participant_id", ""}
    assert read.rows.rejected is None and read.rows.n_quarantined == 0
    assert set(read.accepted["subject_id"]) <= people
    if project != "longitudinal":  # of which the second arm's event is left for a person to add
        assert set(read.accepted["subject_id"]) == people


def test_a_date_of_birth_is_read_for_its_year_alone(tmp_path: Path, trial: Workspace) -> None:
    file = tmp_path / "people.csv"
    file.write_text("record_id,dob,demographics_complete\n1,14/10/1931,2\n2,01/02/1964,2\n")
    source, said = proposed(trial, "oxford", "participants", file)
    assert source["columns"]["birth_year"] == "dob"
    assert source["dates"] == {"birth_year": "%d/%m/%Y"}
    assert " 2 accepted" in said
    file.write_text("record_id,yob,demographics_complete\n1,1931,2\n")
    assert "dates" not in proposed(trial, "oxford", "participants", file)[0]


def test_an_export_of_labels_is_known_and_advised_against(tmp_path: Path, trial: Workspace) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("Record ID,Event Name,Sex,Complete?,Nervous,Complete?\n1,Base,Female,Complete,Never,Complete\n")
    source, said = proposed(trial, "oxford", "participants", file)
    assert source["dialect"] == {"name": "redcap", "export": "labels"}
    assert source["values"] == {"sex": {"Female": "F"}}
    assert "whether the export can come as raw data" in said and " 1 accepted" in said


def test_codes_are_read_by_the_dictionary_also_where_no_cell_is_filled(tmp_path: Path, trial: Workspace) -> None:
    file, dictionary = tmp_path / "people.csv", tmp_path / "dictionary.csv"
    file.write_text("record_id,sex,person_complete\n1,,0\n")
    source, said = proposed(trial, "oxford", "participants", file)
    assert "sex, which is empty in this file; sex allows F, M, X" in said
    fields = [["record_id", "person", "", "text", *[""] * 7]]
    fields += [["sex", "person", "", "radio", "Sex", "1, Female | 2, Male", *[""] * 5]]
    dictionary.write_text(csv_text(DICTIONARY, fields))
    source, said = proposed(trial, "oxford", "participants", file, "--dictionary", str(dictionary))
    assert source["values"] == {"sex": {"1": "F", "2": "M"}}


def test_what_cannot_be_read_is_said_in_a_sentence(trial: Workspace, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"not a workbook")
    asked = ["map", "--workspace", str(trial.root), "--site", "oxford", "--feed"]
    done = CliRunner().invoke(cli, [*asked, "participants", str(broken)])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert CliRunner().invoke(cli, [*asked, "nothing", str(broken)]).exit_code == 2


def test_codes_for_no_answer_are_seen(tmp_path: Path, ict_sad: Protocol, trial: Workspace) -> None:
    header = ",".join(["id", "date", *(f"phq_{n}" for n in range(1, 10))])
    rows = [f"{n},2026-03-02,-99,-99,-99,1,2,3,0,1,2" for n in range(3)] + ["4,2026-03-02,1,1,1,1,2,3,0,1,2"] * 30
    file = tmp_path / "phq.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    source, said = proposed(trial, "oxford", "questionnaires", file)
    assert source["missing"] == ["-99"]
    assert "whether -99, which no item allows" in said


@pytest.mark.parametrize(
    ("cells", "shape", "several"),
    [
        (["2026-03-02", "2026-11-30"], None, False),
        (["02/03/2026", "30/11/2026"], "%d/%m/%Y", False),
        (["02/03/2026", "01/02/2026"], "%d/%m/%Y", True),
        (["02/13/2026"], "%m/%d/%Y", False),
        (["2026年3月2日"], "%Y年%m月%d日", False),
        (["R8.3.2"], "japanese_era", False),
        (["02.03.2026 14:05"], "%d.%m.%Y %H:%M", False),
    ],
)
def test_dates_are_read_as_they_are_written(cells: list[str], shape: str | None, several: bool) -> None:
    found, fitting = find_shape(cells)
    assert found == shape
    assert (len(fitting) > 1) == several


def test_nothing_is_a_date_that_is_none() -> None:
    assert find_shape(["soon"]) == (None, [])


def test_a_column_is_used_once_and_the_same_name_wins() -> None:
    assert find_columns(["subject_id", "sex"], ["Gender", "SEX", "Subject ID", "id"]) == {
        "subject_id": "Subject ID",
        "sex": "SEX",
    }


def test_codes_are_placed_by_their_labels_and_what_is_strange_is_left() -> None:
    placed, left = find_codes("sex", ["F", "M", "X"], ["1", "2", "9"], {"1": "Female", "2": "male", "9": "?"})
    assert (placed, left) == ({"1": "F", "2": "M"}, ["9"])


def test_an_instrument_is_not_found_where_another_one_is(tmp_path: Path, ict_sad: Protocol) -> None:
    file = tmp_path / "a.csv"
    file.write_text(",".join(f"spin_{n}" for n in range(1, 18)) + "\n" + ",".join(["1"] * 17) + "\n")
    sample = take_sample(file)
    assert find_form(ict_sad.instruments["spin"], sample, set()) == {"{n}": "spin_{n}"}
    assert find_form(ict_sad.instruments["phq9"], sample, set()) == {}
