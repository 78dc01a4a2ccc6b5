"""How a site's own export becomes a feed's rows: the part of the study file that each site fills in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache, cached_property, lru_cache
from typing import Annotated, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from pipelines.study.dialect import Dialect, with_defaults
from pipelines.study.shapes import DateShape, NumberShape
from pipelines.study.strict import Strict
from pipelines.study.text import Text

FeedName = Literal[
    "participants", "allocation", "questionnaires", "usage", "contacts", "adverse_events", "intercurrent_events"
]
Blinding = Literal["safe", "outcome", "revealing", "arm"]
Scope = Literal["full", "incremental"]
MissingReason = Literal["refused", "not asked", "not known", "technical fault", "lost"]


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
    """CSV, TSV and their kin. `encoding` is a Python codec name, never guessed. Where names in the header may
    repeat, they are `numbered`: `Complete?`, `Complete? (2)`."""

    format: Literal["delimited"]
    encoding: Encoding = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    repeated_names: Literal["refused", "numbered"] = "refused"


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


@cache
def _zones() -> set[str]:
    """Read from many files of the machine, so once a process."""
    return available_timezones()


def _is_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"`{name}` is not an IANA time zone; for example Asia/Tokyo")
    return name


TimeZone = Annotated[str, AfterValidator(_is_zone)]


class Form(Strict):
    """The columns of a wide row that hold one instrument's items.

    `items` maps item names to column names; `{n}` (or `{item}`) stands for the same number on both sides.
    `missing` lists what stands for no answer in this form's columns.
    """

    instrument: str
    items: dict[Text, Text] = Field(min_length=1)
    completed_at: str | None = None  # column; default: the source's own completed_at
    missing: list[Text] = Field(default_factory=list)

    @field_validator("items")
    @classmethod
    def _numbers_match(cls, items: dict[str, str]) -> dict[str, str]:
        items = {item.replace("{item}", "{n}"): column.replace("{item}", "{n}") for item, column in items.items()}
        for item, column in items.items():
            if ("{n}" in item) != ("{n}" in column):
                raise ValueError(f"`{item}: {column}`: `{{n}}` must stand on both sides or on neither")
        return items

    def columns_of(self, items: Iterable[str]) -> Iterator[tuple[str, str, str]]:
        """For each of an instrument's `items` that the form has: the key of `self.items` that names it, the item,
        and its column."""
        for item in items:
            for key, column in self.items.items():
                number = number_in(key, item)
                if number is not None:
                    yield key, item, column.replace("{n}", number)
                    break


class Source(Strict):
    """One stream of files of a site's feed. The keys of `joined`, `values`, `dates`, `numbers` and `missing_in`
    are the feed's columns; `docs/mapping.md` describes each part.

    `missing` lists the codes (of dates too) that stand for no value; with a reason each, as `{-99: refused}`, an
    answer coded so is kept as missing for that reason. `since` gives the first day on which a column of the file
    (or all of a pattern with `{n}`) is expected: older files need not have it.
    """

    source: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    files: str
    from_path: str | None = None
    read: Read
    dialect: Dialect | None = None
    scope: Scope | None = None  # default: by feed
    blinding: Blinding | None = None  # default: the feed's
    timezone: TimeZone | None = None  # default: the site's
    missing: list[Text] = Field(default_factory=list)
    missing_reasons: dict[Text, MissingReason] = Field(default_factory=dict)
    missing_in: dict[str, list[Text]] = Field(default_factory=dict)
    missing_dates: list[date] = Field(default_factory=list)
    columns: dict[str, str] = Field(default_factory=dict)
    joined: dict[str, Annotated[list[str], Field(min_length=2)]] = Field(default_factory=dict)
    constants: dict[str, Text] = Field(default_factory=dict)
    values: dict[str, dict[Text, Text]] = Field(default_factory=dict)
    dates: dict[str, DateShape] = Field(default_factory=dict)
    numbers: dict[str, NumberShape] = Field(default_factory=dict)
    only: dict[str, list[Text]] = Field(default_factory=dict)
    site_column: dict[str, list[Text]] = Field(default_factory=dict)
    forms: list[Form] = Field(default_factory=list)
    ignore: list[str] = Field(default_factory=list)
    since: dict[str, date] = Field(default_factory=dict)
    expected_every_days: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, given: object) -> object:
        """`missing: {code: reason}` is the list of the codes together with their reasons; and what the dialect reads
        from unless told otherwise."""
        given = with_defaults(given)
        if isinstance(given, Mapping) and isinstance(given.get("missing"), Mapping):
            return {**given, "missing": list(given["missing"]), "missing_reasons": given["missing"]}
        return given

    @property
    def system(self) -> str | None:
        """The name of the dialect."""
        return self.dialect.name if self.dialect else None

    @property
    def own_columns(self) -> list[str]:
        """The file's columns that the mapping names outside its forms."""
        joined = [column for parts in self.joined.values() for column in parts]
        return [*self.columns.values(), *joined, *self.only, *self.site_column]

    @cached_property
    def patterns(self) -> list[str]:
        """Every column name that the mapping reads; `{n}` stands for a number."""
        dated = [form.completed_at for form in self.forms if form.completed_at]
        return [*self.own_columns, *dated, *(column for form in self.forms for column in form.items.values())]

    def reads(self, column: str) -> bool:
        """Whether this mapping reads the file's column."""
        return any(number_in(pattern, column) is not None for pattern in self.patterns)

    def expected_since(self, column: str) -> date | None:
        """The first day on which a file must have the column; None where it always must."""
        return next((day for pattern, day in self.since.items() if number_in(pattern, column) is not None), None)

    @property
    def path_columns(self) -> list[str]:
        """The feed's columns that the path of a file fills."""
        return re.findall(r"\{(\w+)\}", self.from_path or "")


def number_in(pattern: str, column: str) -> str | None:
    """The number that stands in `column` for the `{n}` of `pattern` (empty without `{n}`), or None where it is
    another column."""
    if "{n}" not in pattern:
        return "" if pattern == column else None
    found = _numbered(pattern).fullmatch(column)
    return found[1] if found else None


@lru_cache(maxsize=4096)
def _numbered(pattern: str) -> re.Pattern[str]:
    head, _, tail = pattern.partition("{n}")
    return re.compile(f"{re.escape(head)}([0-9]+){re.escape(tail)}")
