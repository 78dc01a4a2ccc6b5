"""REDCap exports: checkboxes, repeating forms and events, groups, and labels in place of codes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from pipelines.landing.dialects.redcap_labels import names_by_labels
from pipelines.study.load import Protocol
from pipelines.study.redcap_dictionary import LED_BY, Dictionary, RedcapField, read_dictionary
from tests.landing.dialects.site import csv_text, sent, site_with

DICTIONARY = [
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?",
]  # fmt: skip
FIELDS = [
    ["record_id", "person", "", "text", "Record ID", "", "", "", "", "", ""],
    ["intro", "person", "", "descriptive", "Welcome", "", "", "", "", "", ""],
    ["sex", "person", "", "radio", "<b>Sex</b>\nat birth", "1, Female | 2, Male | 3, Other, or no", "", "", "", "", ""],
    ["why", "person", "", "checkbox", "Why", "1, Work | 2, Home | -9, Unknown", "", "", "", "", ""],
    ["gad_1", "gad", "", "radio", "Nervous", "0, Never | 1, Days | 2, Half | 3, Daily", "", "", "", "", ""],
    ["gad_2", "gad", "", "radio", "Worry", "0, Never | 1, Days | 2, Half | 3, Daily", "", "", "", "", ""],
    ["done", "end", "", "yesno", "Done", "", "", "", "", "", ""],
]  # fmt: skip
HEADER = ["record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "sex", "why___1"]
HEADER += ["why___2", "why____9", "person_complete", "gad_timestamp", "gad_1", "gad_2", "gad_complete", "done"]
HEADER += ["end_complete"]
PEOPLE: dict[str, Any] = {
    "dialect": "redcap",
    "columns": {"subject_id": "record_id", "sex": "sex", "status_reason": "why"},
    "values": {"sex": {"1": "F", "2": "M", "3": "X"}},
    "constants": {"status": "enrolled"},
    "ignore": ["*"],
}
ANSWERS: dict[str, Any] = {
    "dialect": "redcap",
    "columns": {"subject_id": "record_id", "completed_at": "gad_timestamp"},
    "joined": {"visit": ["redcap_event_name", "redcap_repeat_instance"]},
    "values": {"visit": {"base_arm_1/": "BASELINE", "base_arm_1/{n}": "WEEKLY {n}"}},
    "forms": [{"instrument": "gad7", "items": {"1": "gad_1", "2": "gad_2"}}],
    "ignore": ["*"],
}
ROWS = [
    ["1", "base_arm_1", "", "", "1", "1", "0", "1", "2", "2026-01-05 10:00:00", "3", "", "2", "1", "2"],
    ["1", "base_arm_1", "gad", "1", "", "0", "0", "0", "", "2026-01-12 10:00:00", "2", "1", "2", "", ""],
    ["1", "base_arm_1", "gad", "2", "", "0", "0", "0", "", "2026-01-19 10:00:00", "1", "1", "2", "", ""],
    ["2", "base_arm_1", "", "", "", "0", "0", "0", "0", "[not completed]", "", "", "0", "", "0"],
]
LABELS = [
    "Record ID", "Event Name", "Repeat Instrument", "Repeat Instance", "Sex at birth", "Why (choice=Work)",
    "Why (choice=Home)", "Why (choice=Unknown)", "Complete?", "Survey Timestamp", "Nervous", "Worry", "Complete?",
    "Done", "Complete?",
]  # fmt: skip
STATUS, YES = {"0": "Incomplete", "1": "Unverified", "2": "Complete", "": ""}, {"1": "Yes", "0": "No", "": ""}
BOX, GAD = {"1": "Checked", "0": "Unchecked"}, {"0": "Never", "1": "Days", "2": "Half", "3": "Daily", "": ""}
RECODE: list[dict[str, str]] = [
    {}, {"base_arm_1": "Base (Arm 1: All)"}, {"gad": "GAD"}, {}, {"1": "Female"}, BOX, BOX, BOX, STATUS, {}, GAD, GAD,
    STATUS, YES, STATUS,
]  # fmt: skip
LABELLED = [[codes.get(cell, cell) for cell, codes in zip(row, RECODE, strict=True)] for row in ROWS]


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    path = tmp_path / "project.csv"
    path.write_text(csv_text(DICTIONARY, FIELDS), encoding="utf-8-sig")
    return path


def test_people_of_a_project_with_repeating_forms(tmp_path: Path, ict_sad: Protocol) -> None:
    protocol = site_with(ict_sad, ("participants", PEOPLE), ("questionnaires", ANSWERS))
    read = sent(tmp_path, protocol, "participants", csv_text(HEADER, ROWS))
    assert read.counts == (4, 4, 0, 0)
    assert read.accepted.select("row_no", "subject_id", "sex", "status_reason").rows() == [
        (1, "1", "F", "1;_9"),
        (4, "2", None, None),
    ]


def test_answers_by_event_and_instance(tmp_path: Path, ict_sad: Protocol) -> None:
    protocol = site_with(ict_sad, ("participants", PEOPLE), ("questionnaires", ANSWERS))
    read = sent(tmp_path, protocol, "questionnaires", csv_text(HEADER, ROWS))
    assert read.counts == (4, 4, 0, 0)
    assert read.accepted.select("visit", "item", "value").rows() == [
        ("BASELINE", "1", "3"),
        ("BASELINE", "2", None),
        ("WEEKLY 1", "1", "2"),
        ("WEEKLY 1", "2", "1"),
        ("WEEKLY 2", "1", "1"),
        ("WEEKLY 2", "2", "1"),
    ]


def test_a_repeating_event_or_form_numbers_its_records(tmp_path: Path, ict_sad: Protocol) -> None:
    """Adverse events as a repeating form: the record and the instance make the number."""
    facts = {
        "dialect": "redcap",
        "columns": {"subject_id": "record_id", "term": "ae_term"},
        "joined": {"ae_id": ["record_id", "redcap_repeat_instance"]},
        "only": {"redcap_repeat_instrument": ["ae"]},
    }
    header = ["record_id", "redcap_repeat_instrument", "redcap_repeat_instance", "ae_term", "ae_complete"]
    rows = [["7", "", "", "", ""], ["7", "ae", "1", "Headache", "2"], ["7", "ae", "2", "Cough", "0"]]
    rows.append(["7", "other", "1", "", "2"])
    read = sent(tmp_path, site_with(ict_sad, ("adverse_events", facts)), "adverse_events", csv_text(header, rows))
    assert read.counts == (4, 4, 0, 0)
    assert read.accepted.select("ae_id", "term").rows() == [("7/1", "Headache"), ("7/2", "Cough")]


def test_the_rows_that_do_not_repeat_can_be_chosen(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {**PEOPLE, "columns": {"subject_id": "record_id"}, "only": {"redcap_repeat_instrument": [""]}}
    read = sent(tmp_path, site_with(ict_sad, ("participants", facts)), "participants", csv_text(HEADER, ROWS))
    assert read.accepted["subject_id"].to_list() == ["1", "2"] and read.counts == (4, 4, 0, 0)


BOXES = ["record_id", "when", "first_complete", "a___1", "a___2", "note", "second_complete"]


@pytest.mark.parametrize(
    ("cells", "answers"),
    [
        (["1", "0", "", "0"], ["1", "0"]),
        (["0", "0", "", "2"], ["0", "0"]),  # complete: nothing applied
        (["0", "0", "seen", "0"], ["0", "0"]),
        (["0", "0", "", "0"], []),
        (["0", "0", "", ""], []),
        (["", "", "", ""], []),
    ],
)
def test_boxes_of_a_form_that_was_never_opened_are_no_answers(
    tmp_path: Path, ict_sad: Protocol, cells: list[str], answers: list[str]
) -> None:
    facts = {
        "dialect": "redcap",
        "columns": {"subject_id": "record_id", "completed_at": "when"},
        "forms": [{"instrument": "gad7", "items": {"1": "a___1", "2": "a___2"}}],
    }
    content = csv_text(BOXES, [["1", "2026-01-05", "2", *cells]])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", content)
    assert read.counts == (1, 1, 0, 0)
    assert read.accepted["value"].to_list() == answers


@pytest.mark.parametrize("header", [LABELS, HEADER])
def test_labels_become_codes_again(tmp_path: Path, ict_sad: Protocol, dictionary: Path, header: list[str]) -> None:
    """With labels as headings, and (as REDCap's API has it) with labels as cells alone."""
    labels = {"name": "redcap", "export": "labels", "dictionary": dictionary.name}
    visits = {"visit": {"Base (Arm 1: All)/": "BASELINE", "Base (Arm 1: All)/{n}": "WEEKLY {n}"}}
    raw = site_with(ict_sad, ("participants", PEOPLE), ("questionnaires", ANSWERS))
    own = site_with(
        ict_sad,
        ("participants", {**PEOPLE, "dialect": labels}),
        ("questionnaires", {**ANSWERS, "dialect": labels, "values": visits}),
        dictionary=dictionary,
    )
    for feed in ("participants", "questionnaires"):
        one = sent(tmp_path / "raw", raw, feed, csv_text(HEADER, ROWS)).accepted
        other = sent(tmp_path / "labels", own, feed, csv_text(header, LABELLED)).accepted
        assert other.drop("delivery_id").equals(one.drop("delivery_id"))


def test_labels_without_a_dictionary_are_mapped_by_the_study_file(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {
        "dialect": {"name": "redcap", "export": "labels"},
        "columns": {"subject_id": "Record ID", "sex": "Sex at birth"},
        "only": {"Complete? (2)": ["Complete"]},
        "values": {"sex": {"Female": "F"}},
        "ignore": ["Nervous", "Worry", "Why*", "Done"],
    }
    read = sent(tmp_path, site_with(ict_sad, ("participants", facts)), "participants", csv_text(LABELS, LABELLED[:1]))
    assert read.accepted.select("subject_id", "sex").rows() == [("1", "F")]
    assert read.rows.unknown_columns == []


def small(*columns: tuple[str, str, str]) -> Dictionary:
    fields = {n: RedcapField(n, form, "text", label, {}, "", "", "", False, 2) for n, form, label in columns}
    return Dictionary("small.csv", fields, "")


def test_a_heading_that_may_be_two_fields_is_none_of_them() -> None:
    project = small(("id", "a", "ID"), ("x", "a", "Score"), ("y", "b", "Score"), ("z", "b", "End"))
    whole = names_by_labels(["ID", "Score", "Complete?", "Score (2)", "End", "Complete? (2)"], project)
    assert whole == {
        "id": "ID", "x": "Score", "a_complete": "Complete?",
        "y": "Score (2)", "z": "End", "b_complete": "Complete? (2)",
    }  # fmt: skip
    assert names_by_labels(["ID", "Score", "End"], project) == {"id": "ID", "z": "End"}
    assert names_by_labels(["id", "x", "y"], project) == {}


def event_label(name: str, events: Path, arms: Path) -> str:
    with events.open(encoding="utf-8") as one, arms.open(encoding="utf-8") as other:
        arm = {row["arm_num"]: row["name"] for row in csv.DictReader(other)}
        rows = {row["unique_event_name"]: row for row in csv.DictReader(one)}
    return f"{rows[name]['event_name']} (Arm {rows[name]['arm_num']}: {arm[rows[name]['arm_num']]})"


def test_a_real_project_in_labels_says_what_it_says_in_codes(real: Path, tmp_path: Path, ict_sad: Protocol) -> None:
    """REDCap's own longitudinal example, 125 columns, written out in labels as REDCap does."""
    folder = real / "redcap" / "longitudinal"
    project = read_dictionary(folder / "dictionary.csv")
    with (folder / "data.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    columns = [project.by_name[name] for name in header]
    events = {row[1]: event_label(row[1], folder / "event.csv", folder / "arm.csv") for row in rows}
    labelled = [[c.codes.get(cell, cell) for c, cell in zip(columns, row, strict=True)] for row in rows]
    labelled = [[row[0], events[row[1]], *row[2:]] for row in labelled]
    content = csv_text([column.label for column in columns], labelled)
    assert content.split("\n")[0].count("Complete?") > 5 and LED_BY["redcap_event_name"] in content
    facts = {
        "dialect": "redcap",
        "columns": {"subject_id": "study_id", "consent_date": "date_enrolled", "sex": "sex", "status_reason": "gym"},
        "values": {"sex": {"0": "F", "1": "M"}},
        "only": {"redcap_event_name": ["enrollment_arm_1", "enrollment_arm_2"]},
        "ignore": ["*"],
    }
    own = {
        **facts,
        "dialect": {"name": "redcap", "export": "labels", "dictionary": "dictionary.csv"},
        "only": {"redcap_event_name": ["Enrollment (Arm 1: Drug A)", "Enrollment (Arm 2: Drug B)"]},
    }
    raw = sent(tmp_path / "1", site_with(ict_sad, ("participants", facts)), "participants", csv_text(header, rows))
    protocol = site_with(ict_sad, ("participants", own), dictionary=folder / "dictionary.csv")
    labels = sent(tmp_path / "2", protocol, "participants", content)
    assert raw.accepted.select("subject_id", "sex").rows() == [("100", "M"), ("220", "F"), ("304", "F")]
    assert labels.accepted.drop("delivery_id").equals(raw.accepted.drop("delivery_id"))
