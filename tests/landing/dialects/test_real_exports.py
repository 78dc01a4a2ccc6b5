"""Other people's projects, each read through a mapping, with the counts that the files themselves show."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.study.load import Protocol
from tests.landing.dialects.site import sent, site_with
from tests.landing.readers.examples import settings
from tests.landing.readers.test_real_files import SUFFIXES
from tests.validation.deliver import Read

PEOPLE = {"columns": {"subject_id": "record_id"}, "constants": {"status": "enrolled"}}
INSTANCE = ["record_id", "redcap_repeat_instrument", "redcap_repeat_instance"]


class Project:
    """One of REDCapR's example projects, as a site of the built-in study would send it."""

    def __init__(self, folder: Path, real: Path, protocol: Protocol, name: str) -> None:
        self._folder, self._protocol = folder, protocol
        self.path = real / "redcap" / name / "data.csv"

    def read(self, feed: str, **facts: Any) -> Read:
        facts = {"dialect": "redcap", "ignore": ["*"], **facts}
        return sent(self._folder, site_with(self._protocol, (feed, facts)), feed, self.path.read_bytes())


@pytest.fixture
def project(real: Path, tmp_path: Path, ict_sad: Protocol, request: pytest.FixtureRequest) -> Project:
    return Project(tmp_path, real, ict_sad, request.param)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("project", [name], indirect=True)


@of("arm-single-longitudinal")
def test_three_events_of_three_records(project: Project) -> None:
    joined = {"ae_id": ["record_id", "redcap_event_name"]}
    columns = {"subject_id": "record_id", "onset_date": "interview_date"}
    read = project.read("adverse_events", columns=columns, joined=joined)
    assert read.counts == (9, 9, 0, 0)
    assert read.accepted["ae_id"][0] == "1/intake_arm_1"
    assert read.accepted["onset_date"].to_list() == [date(2001, m, d) for m in (1, 2, 3) for d in (1, 2, 3)]


@of("checkboxes-1")
def test_boxes_are_answers_only_where_a_form_was_opened(project: Project) -> None:
    items = {"1": "check_one___1", "2": "check_one___2", "3": "check_two___a", "4": "check_two___b"}
    form = {"instrument": "gad7", "items": items}
    when = {"visit": "BASELINE", "completed_at": "2026-01-05"}
    read = project.read("questionnaires", columns={"subject_id": "record_id"}, constants=when, forms=[form])
    assert read.counts == (4, 4, 0, 0)
    answers = read.accepted.group_by("subject_id", maintain_order=True).agg("value").rows()
    assert answers == [("1", [*"1010"]), ("2", [*"0001"]), ("3", [*"1100"])]  # nobody opened the form of record 4
    whole = project.read("participants", columns={"subject_id": "record_id", "centre": "check_two"})
    assert whole.accepted["centre"].to_list() == ["a;c", "b;d", None, None]


@of("clinical-trial-1")
def test_five_hundred_people_and_nothing_that_names_them(project: Project) -> None:
    read = project.read(
        "participants",
        columns={"subject_id": "record_id", "sex": "gender", "birth_year": "dob"},
        values={"sex": {"0": "F", "1": "M"}},
        dates={"birth_year": "%Y-%m-%d"},
        ignore=[],
    )
    assert read.counts == (500, 500, 0, 0)
    assert dict(read.accepted["sex"].value_counts().rows()) == {"F": 260, "M": 240}
    assert (read.accepted["birth_year"].min(), read.accepted["birth_year"].max()) == (1930, 2000)
    names = ["name_last", "name_first", "address", "phone", "ethnicity", "race", "height", "weight", "email"]
    assert read.rows.unknown_columns == names and read.folder is not None
    assert not any(b"Wojdyla" in path.read_bytes() for path in read.folder.iterdir())


@of("dag")
def test_records_of_another_data_access_group_are_another_site_s(project: Project) -> None:
    read = project.read("participants", **PEOPLE, site_column={"redcap_data_access_group": ["daga"]})
    assert read.counts == (3, 2, 1, 0)
    assert read.refused() == [(3, "wrong_site", "redcap_data_access_group")]
    assert read.accepted["subject_id"].to_list() == ["331-1", "331-2"]


@of("decimal-comma")
def test_a_project_with_decimal_commas(project: Project) -> None:
    columns = {"contact_id": "record_id", "minutes": "weight"}
    read = project.read("contacts", columns=columns, numbers={"minutes": "decimal_comma"})
    assert read.accepted["minutes"].to_list() == [52.3, 92.3, 123.4, 45.9]
    assert project.read("contacts", columns=columns).counts == (4, 0, 4, 0)
    points = project.read("contacts", columns={**columns, "minutes": "bmi"})  # what REDCap calculates has a point
    assert points.accepted["minutes"].to_list() == [22.1, 27.3, 32.5, 17.7]


@of("empty-rows")
def test_an_export_without_anything_is_no_export(project: Project) -> None:
    assert "the file is empty" in str(project.read("participants", **PEOPLE).rows.rejected)


@of("potentially-problematic-values")
def test_what_was_entered_before_there_was_validation(project: Project) -> None:
    columns = {"subject_id": "record_id", "birth_year": "integer_before_validation"}
    read = project.read("participants", columns={**columns, "consent_date": "date_before_validation"})
    assert read.counts == (2, 0, 2, 0)
    rules = {("unreadable_number", "integer_before_validation"), ("unreadable_date", "date_before_validation")}
    assert {(rule, column) for _, rule, column in read.refused()} == rules
    assert "before validation" not in read.texts


@of("repeating-instruments")
def test_people_and_their_repeated_measurements(project: Project) -> None:
    people = project.read("participants", columns={"subject_id": "record_id", "consent_date": "date_enrolled"})
    assert people.counts == (6, 6, 0, 0)
    assert [str(day) for day in people.accepted["consent_date"]] == ["2019-10-14", "2019-02-02"]
    columns = {"subject_id": "record_id", "minutes": "bp_systolic"}
    only = {"redcap_repeat_instrument": ["bp"]}
    pressure = project.read("contacts", columns=columns, joined={"contact_id": INSTANCE}, only=only)
    assert pressure.accepted.select("contact_id", "minutes").rows() == [
        ("1/bp/1", 110.0), ("1/bp/2", 111.0), ("1/bp/3", 112.0), ("2/bp/1", 114.0),
    ]  # fmt: skip


@of("vignette-repeating")
def test_three_forms_that_repeat(project: Project) -> None:
    people = project.read("participants", columns={"subject_id": "record_id", "centre": "height"})
    assert people.counts == (17, 17, 0, 0) and people.accepted["subject_id"].to_list() == ["1", "2"]
    for form, column, n in (("blood_pressure", "sbp", 6), ("laboratory", "lab", 4), ("image", "image_profile", 5)):
        columns = {"subject_id": "record_id", "term": column}
        read = project.read("adverse_events", columns=columns, joined={"ae_id": INSTANCE})
        assert read.counts == (17, 17, 0, 0)
        said = read.accepted.filter(pl.col("term").is_not_null())
        assert said.height == n and said["ae_id"].str.contains(f"^[12]/{form}/[123]$").all()


@of("survey")
def test_surveys_and_a_box_of_consent(project: Project) -> None:
    read = project.read(
        "participants",
        columns={"subject_id": "participant_id", "consent_date": "prescreening_survey_timestamp", "status": "consent"},
        values={"status": {"1": "enrolled"}},
        dates={"consent_date": "%Y-%m-%d %H:%M:%S"},
    )
    assert read.counts == (2, 2, 0, 0)
    assert read.accepted.select("consent_date", "status").rows() == [
        (date(2018, 3, 6), "enrolled"), (date(2018, 3, 6), None),
    ]  # fmt: skip
    columns = {"subject_id": "participant_id", "completed_at": "participant_morale_questionnaire_timestamp"}
    forms = [{"instrument": "gad7", "items": {"{n}": "pmq{n}"}}]
    unfinished = project.read("questionnaires", columns=columns, forms=forms)
    assert unfinished.rows.rejected is not None and "pmq5, pmq6, pmq7" in unfinished.rows.rejected
    forms = [{"instrument": "gad7", "items": {str(n): f"pmq{n}" for n in range(1, 5)}}]
    unfinished = project.read("questionnaires", columns=columns, forms=forms)
    assert unfinished.counts == (2, 2, 0, 0) and not unfinished.accepted.height


@of("russian")
def test_four_hundred_columns_and_russian_answers(project: Project) -> None:
    """Written anew by R: row names under a column without a name, NA where there is nothing."""
    read = project.read("participants", columns={"subject_id": "record_id", "consent_date": "date_interview"})
    assert read.counts == (3, 3, 0, 0)
    assert read.accepted["consent_date"].to_list() == [date(2015, 3, 17)] * 3
    gone = project.read("contacts", columns={"contact_id": "record_id", "minutes": "audit1_q31"}, missing=["NA"])
    assert gone.counts == (3, 3, 0, 0) and gone.accepted["minutes"].null_count() == 3
    assert project.read("contacts", columns={"contact_id": "record_id", "minutes": "audit1_q31"}).counts[2] == 3


APP: dict[str, Any] = {
    "from_path": "{subject_id}/*",
    "timezone": "UTC",
    "joined": {"event_id": ["timestamp", "question id", "event"]},
    "columns": {"occurred_at": "timestamp", "event": "event", "module": "survey id"},
    "constants": {"actor": "participant"},
    "dates": {"occurred_at": "unix_ms"},
    "only": {"event": ["present", "submitted"]},
    "values": {"event": {"present": "questionnaire_started", "submitted": "questionnaire_completed"}},
    "ignore": ["UTC time", "question *", "answer"],
}


def test_the_survey_app_s_log_as_usage(real: Path, tmp_path: Path, ict_sad: Protocol) -> None:
    """66 lines of two phones: 14 questions shown, 3 surveys sent, the rest not the participants' doing."""
    protocol = site_with(ict_sad, ("usage", APP))
    paths = sorted((real / "app_survey_log").glob("*/*.csv"))
    assert len(paths) == 19
    n_rows, events, ids = 0, Counter[str](), set[str]()
    for number, path in enumerate(paths):
        name = f"{path.parent.name}/{path.name}"
        read = sent(tmp_path / str(number), protocol, "usage", path.read_bytes(), name)
        assert read.rows.rejected is None and not read.rows.n_quarantined and read.rows.unknown_columns == []
        n_rows += read.rows.n_rows
        events.update(read.accepted["event"].to_list())
        ids |= set(read.accepted["event_id"])
        assert set(read.accepted["subject_id"]) <= {path.parent.name}
        with path.open(encoding="utf-8", newline="") as file:
            told = [row["UTC time"] for row in csv.DictReader(file) if row["event"] in APP["only"]["event"]]
        assert read.accepted["occurred_at"].dt.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_list() == told
    assert n_rows == 66
    assert events == {"questionnaire_started": 14, "questionnaire_completed": 3} and len(ids) == 17


FOLDERS = ("statistical", "statistical/more", "sas7bdat")


def test_every_statistical_file_is_read_through_a_mapping(real: Path, tmp_path: Path, ict_sad: Protocol) -> None:
    """Whatever its first column holds, each row is accepted, refused or a repetition; none is lost."""
    import pyreadstat

    paths = [path for folder in FOLDERS for path in sorted((real / folder).iterdir()) if path.suffix[1:] in SUFFIXES]
    assert len(paths) == 28
    for number, path in enumerate(paths):
        form = path.suffix[1:]
        more = {"encoding": "utf-8"} if path.name.startswith("charset") else {}
        reader = {"sav": "sav", "zsav": "sav", "xpt": "xport"}.get(form, form)
        whole, _ = getattr(pyreadstat, f"read_{reader}")(str(path), disable_datetime_conversion=True, **more)
        columns = list(whole.columns)
        facts = {
            "read": settings(form, **more).model_dump(),
            "columns": {"subject_id": columns[0], "centre": columns[-1]},
        }
        protocol = site_with(ict_sad, ("participants", facts))
        read = sent(tmp_path / str(number), protocol, "participants", path.read_bytes(), path.name)
        assert read.rows.rejected is None, path.name
        assert read.rows.n_rows == len(whole), path.name
        assert read.rows.unknown_columns == columns[1:-1], path.name
