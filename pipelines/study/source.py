"""How a site's own export becomes a feed's rows: the part of the study file that each site fills in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipelines.study.strict import Strict

FeedName = Literal[
    "participants", "allocation", "questionnaires", "usage", "contacts", "adverse_events", "intercurrent_events"
]
Blinding = Literal["safe", "outcome", "revealing", "arm"]
Scope = Literal["full", "incremental"]
MissingReason = Literal["refused", "not asked", "not known", "technical fault", "lost"]


def _as_written(value: object) -> object:
    """A code as text. YAML takes `01` for 1 and `TRUE` for true: no cell of the file would equal those."""
    if isinstance(value, bool) or (isinstance(value, int) and type(value) is not int and value != 0):
        raise ValueError(
            "put leading zeros, true and false in quotes, as the file writes them; YAML changes them otherwise"
        )
    return None if value is None else str(value)


Text = Annotated[str, BeforeValidator(_as_written)]


def _is_encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError(f"`{name}` is not an encoding that Python knows; for example utf-8, cp932, utf-16") from None
    return name


Encoding = Annotated[str, AfterValidator(_is_encoding)]


class Packable(Strict):
    """A file that may come as it is, as `.gz`, or as a member of a `.zip`: its one file, or the one whose name
    fits the pattern `member`."""

    member: str | None = None


class Delimited(Packable):
    """CSV, TSV and their kin. `encoding` is a Python codec name, never guessed."""

    format: Literal["delimited"]
    encoding: Encoding = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)


class JsonLines(Packable):
    """One JSON object a line, UTF-8."""

    format: Literal["jsonl"]


class JsonArray(Packable):
    """A JSON array of objects, UTF-8."""

    format: Literal["json"]


class DatasetJson(Packable):
    """CDISC Dataset-JSON 1.1, as one object or as NDJSON."""

    format: Literal["dataset-json"]


class Spreadsheet(Packable):
    """An Excel workbook; `sheet` names the one to read where it has several."""

    format: Literal["xlsx"]
    sheet: str | None = None


class Parquet(Packable):
    format: Literal["parquet"]


class Statistical(Packable):
    """`values`: whether labelled values are read as their codes or as their labels. `encoding` is what the file's
    text is in where the file itself does not say so, or says it wrongly."""

    values: Literal["codes", "labels"] = "codes"
    encoding: Encoding | None = None


class SpssFile(Statistical):
    """`sav` is also the packed `.zsav`."""

    format: Literal["sav", "zsav"]


class SpssPortable(Statistical):
    format: Literal["por"]
    encoding: None = None  # the format has its own


class SasTransport(Statistical):
    format: Literal["xpt"]


class SasFile(Statistical):
    format: Literal["sas7bdat"]


class StataFile(Statistical):
    format: Literal["dta"]


File = Annotated[
    Delimited
    | JsonLines
    | JsonArray
    | DatasetJson
    | Spreadsheet
    | Parquet
    | SpssFile
    | SpssPortable
    | SasTransport
    | SasFile
    | StataFile,
    Field(discriminator="format"),
]

FORMATS = [name for kind in get_args(get_args(File)[0]) for name in get_args(kind.model_fields["format"].annotation)]


def _says_a_format(read: object) -> object:
    if isinstance(read, Mapping) and read.get("format") not in FORMATS:
        said = f"there is no format `{read['format']}`" if "format" in read else "it is required"
        raise ValueError(f"`read.format`: {said}; the formats are {', '.join(FORMATS)}")
    return read


Read = Annotated[File, BeforeValidator(_says_a_format)]


def _is_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"`{name}` is not an IANA time zone; for example Asia/Tokyo")
    return name


def _is_date_format(shape: object) -> object:
    """A strptime format of a date must say year, month and day, by number or by name."""
    if isinstance(shape, str | int | float):
        directives = set(re.findall(r"%-?(.)", str(shape)))
        if not all(directives & kind for kind in (set("YyFDx"), set("mbBFDx"), set("deFDx"))):
            raise ValueError(f"`{shape}` is not a format of dates; for example %d/%m/%Y")
    return shape


TimeZone = Annotated[str, AfterValidator(_is_zone)]


class Offset(Strict):
    """A date given as a count: 1 is `origin`, 2 is `every_days` later, and so on."""

    origin: date
    every_days: int = Field(default=1, ge=1)


class Form(Strict):
    """The columns of a wide row that hold one instrument's items.

    `items` maps item names to column names; `{n}` stands for the same number on both sides.
    """

    instrument: str
    items: dict[Text, Text] = Field(min_length=1)
    completed_at: str | None = None  # column; default: the source's own completed_at

    @model_validator(mode="after")
    def _numbers_match(self) -> Form:
        for item, column in self.items.items():
            if ("{n}" in item) != ("{n}" in column):
                raise ValueError(f"`{item}: {column}`: `{{n}}` must stand on both sides or on neither")
        return self


class Source(Strict):
    """One stream of files of a site's feed.

    `missing` lists the codes (of dates too) that stand for no value; with a reason each, as `{-99: refused}`, an
    answer coded so is kept as missing for that reason.
    """

    source: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    files: str
    read: Read
    dialect: Literal["redcap"] | None = None
    scope: Scope | None = None  # default: by feed
    blinding: Blinding | None = None  # default: the feed's
    timezone: TimeZone | None = None  # default: the site's
    missing: list[Text] = Field(default_factory=list)
    missing_reasons: dict[Text, MissingReason] = Field(default_factory=dict)
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, Text] = Field(default_factory=dict)
    values: dict[str, dict[Text, Text]] = Field(default_factory=dict)
    dates: dict[str, Annotated[str | Offset, BeforeValidator(_is_date_format)]] = Field(default_factory=dict)
    only: dict[str, list[Text]] = Field(default_factory=dict)
    site_column: dict[str, list[Text]] = Field(default_factory=dict)
    forms: list[Form] = Field(default_factory=list)
    ignore: list[str] = Field(default_factory=list)
    expected_every_days: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _codes_with_reasons(cls, given: object) -> object:
        """`missing: {code: reason}` is the list of the codes together with their reasons."""
        if isinstance(given, Mapping) and isinstance(given.get("missing"), Mapping):
            return {**given, "missing": list(given["missing"]), "missing_reasons": given["missing"]}
        return given

    def reads(self, column: str) -> bool:
        """Whether this mapping reads the file's column; `{n}` in a form stands for any number."""
        if column in {*self.columns.values(), *self.only, *self.site_column}:
            return True
        named = [form.completed_at or "" for form in self.forms]
        named += [pattern for form in self.forms for pattern in form.items.values()]
        return any(re.fullmatch(re.escape(name).replace(r"\{n\}", r"\d+"), column) for name in named)
