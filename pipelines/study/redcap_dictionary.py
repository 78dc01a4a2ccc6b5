"""A REDCap project's data dictionary, as REDCap downloads it: which fields there are and what they may hold."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from pipelines.study.yaml_file import InvalidFileError, Problem

# What the columns are called, in a download and in REDCap's API.
FIELD = ("Variable / Field Name", "field_name")
FORM = ("Form Name", "form_name")
TYPE = ("Field Type", "field_type")
LABEL = ("Field Label", "field_label")
CHOICES = ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations")
VALIDATION = ("Text Validation Type OR Show Slider Number", "text_validation_type_or_show_slider_number")
LOWEST = ("Text Validation Min", "text_validation_min")
HIGHEST = ("Text Validation Max", "text_validation_max")
IDENTIFIER = ("Identifier?", "identifier")

CHOSEN = ("radio", "dropdown", "checkbox")
FIXED = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
BOX = {"1": "Checked", "0": "Unchecked"}
STATUS = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
SHOWN_ONLY = "descriptive"


@dataclass(frozen=True)
class RedcapField:
    """A row of the dictionary. `choices` are code → label; `lowest` and `highest` as written, empty where open."""

    name: str
    form: str
    kind: str
    label: str
    choices: dict[str, str]
    validation: str
    lowest: str
    highest: str
    identifies: bool
    line: int

    @property
    def range(self) -> tuple[float, float] | None:
        """The smallest and the largest number that can be entered, where the dictionary says so."""
        numbers = [*self.choices] if self.choices else [self.lowest, self.highest]
        if self.kind == "slider":
            numbers = [self.lowest or "0", self.highest or "100"]
        try:
            found = [float(number.replace(",", ".")) for number in numbers]
        except ValueError:
            return None
        return min(found), max(found)


@dataclass(frozen=True)
class ExportColumn:
    """A column of a full export: its name with codes as headings, with labels as headings, and code → label of
    its cells."""

    name: str
    label: str
    codes: dict[str, str]


@dataclass(frozen=True)
class Dictionary:
    """The fields of a project in their order; `digest` is of the file's bytes."""

    name: str
    fields: dict[str, RedcapField]
    digest: str

    @cached_property
    def columns(self) -> list[ExportColumn]:
        """What a full export has, in its order, of all that REDCap can put into one."""
        return list(self._columns())

    @cached_property
    def by_name(self) -> dict[str, ExportColumn]:
        return {column.name: column for column in self.columns}

    def _columns(self) -> Iterator[ExportColumn]:
        fields = list(self.fields.values())
        yield from _of_field(fields[0])
        for name, label in LED_BY.items():
            yield ExportColumn(name, label, {})
        for i, field in enumerate(fields):
            begins = i == 0 or fields[i - 1].form != field.form
            ends = i + 1 == len(fields) or fields[i + 1].form != field.form
            if begins:
                yield ExportColumn(f"{field.form}_timestamp", "Survey Timestamp", {})
            if i > 0:
                yield from _of_field(field)
            if ends:
                yield ExportColumn(f"{field.form}_complete", "Complete?", STATUS)


# The columns behind the record's number that REDCap adds, with their headings in exports of labels.
LED_BY = {
    "redcap_event_name": "Event Name",
    "redcap_repeat_instrument": "Repeat Instrument",
    "redcap_repeat_instance": "Repeat Instance",
    "redcap_data_access_group": "Data Access Group",
    "redcap_survey_identifier": "Survey Identifier",
}


def _of_field(field: RedcapField) -> Iterator[ExportColumn]:
    label = plain_label(field.label)
    if field.kind == "checkbox":
        for code, choice in field.choices.items():
            name = f"{field.name}___{code.lower().replace('-', '_')}"
            yield ExportColumn(name, f"{label} (choice={plain_label(choice)})", BOX)
    elif field.kind != SHOWN_ONLY:
        yield ExportColumn(field.name, label, FIXED.get(field.kind, field.choices))


def plain_label(label: str) -> str:
    """A label as a heading: without tags and line breaks."""
    return " ".join(re.sub(r"<[^<>]*>", "", label).split())


def read_dictionary(path: Path) -> Dictionary:
    """Raises InvalidFileError."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise InvalidFileError([Problem(path, None, f"cannot be read: {reason}")]) from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = [name.strip() for name in reader.fieldnames or []]
    lacking = [names[0] for names in (FIELD, FORM, TYPE, LABEL, CHOICES) if not set(names) & set(header)]
    if lacking:
        said = f"it is no data dictionary of REDCap: it lacks the columns {', '.join(lacking)}"
        raise InvalidFileError([Problem(path, 1, f"{said}; download it under Project Setup, Data Dictionary")])
    reader.fieldnames = header
    fields: dict[str, RedcapField] = {}
    try:
        for row in reader:
            field = _field(row, reader.line_num)
            fields.setdefault(field.name, field)
    except csv.Error:
        raise InvalidFileError([Problem(path, reader.line_num, "it is not CSV from here on")]) from None
    if not fields:
        raise InvalidFileError([Problem(path, None, "it lists no field")])
    return Dictionary(path.name, fields, sha256(content).hexdigest())


def _field(row: dict[str, str | None], line: int) -> RedcapField:
    def cell(names: tuple[str, ...]) -> str:
        return next((found.strip() for name in names if (found := row.get(name))), "")

    kind = cell(TYPE)
    choices = _choices(cell(CHOICES)) if kind in CHOSEN else FIXED.get(kind, {})
    return RedcapField(
        name=cell(FIELD),
        form=cell(FORM),
        kind=kind,
        label=cell(LABEL),
        choices=choices,
        validation=cell(VALIDATION),
        lowest=cell(LOWEST),
        highest=cell(HIGHEST),
        identifies=cell(IDENTIFIER).lower() == "y",
        line=line,
    )


def _choices(text: str) -> dict[str, str]:
    """`1, Yes | 0, No` → {"1": "Yes", "0": "No"}."""
    pairs = (choice.partition(",") for choice in text.split("|") if choice.strip())
    return {code.strip(): label.strip() for code, _, label in pairs}
