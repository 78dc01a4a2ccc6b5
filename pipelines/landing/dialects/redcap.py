"""REDCap's CSV export: one row an event, or an instance of a repeating form, with columns that REDCap adds.

An unchecked box is written as 0 also where its form was never opened; a checkbox field has one column a choice
(`field___1`). Exports of labels carry labels in place of codes, and labels as headings unless asked otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipelines.landing.dialects.dialect import (
    COUNTS,
    Dialect,
    Export,
    Made,
    Opened,
    Reshaped,
    marked,
    only_what_counts,
)
from pipelines.landing.dialects.redcap_labels import names_by_labels
from pipelines.landing.readers import Table
from pipelines.study.dialect import Redcap
from pipelines.study.redcap_dictionary import BOX, STATUS, Dictionary
from pipelines.study.source import Delimited, Source

if TYPE_CHECKING:
    import polars as pl

INSTANCE = "redcap_repeat_instance"
COMPLETE = "_complete"
PLUMBING = (
    "redcap_*",
    "*_complete",  # status of each form
    "*_timestamp",  # when a survey was completed
    *("Event Name", "Repeat Instrument", "Repeat Instance", "Data Access Group", "Survey Identifier"),
    *("Complete?*", "Survey Timestamp*"),
)

# What a survey's timestamp says while the survey has been begun and not finished.
NOT_COMPLETED = "[not completed]"
_BOX = re.compile(r"(.+?)___(.+)")
_UNTOUCHED = ["0", BOX["0"], NOT_COMPLETED]


def _open(export: Export) -> Opened:
    settings = export.source.dialect
    assert isinstance(settings, Redcap)
    table, names = _named(export, settings)
    shown = Reshaped(table, names)
    header = shown.header or []
    recode = _recoding(header, export.dictionary if settings.export == "labels" else None)
    made = {name: Made((name,), partial(_recoded, column=name, codes=codes)) for name, codes in recode.items()}
    whole = _whole_fields(header, export)
    made |= _boxes(header, export.source.columns.get("subject_id"), recode) | whole
    fields = Reshaped(shown, made=made)
    source = _without_word_of(export.source, (box for field in whole.values() for box in field.needs))
    told = _told_by(source, header)
    if not told:
        return Opened(fields, source)
    counts = Made((INSTANCE, *told), partial(_says_something, told=told))
    return Opened(Reshaped(fields, made={COUNTS: counts}), only_what_counts(source))


def _named(export: Export, settings: Redcap) -> tuple[Table, dict[str, str]]:
    """The table, and for headings that are labels the field that each stands for."""
    source = export.source
    if settings.export == "labels" and isinstance(source.read, Delimited):
        read = source.read.model_copy(update={"repeated_names": "numbered"})  # every form has its `Complete?`
        source = source.model_copy(update={"read": read})
    table = export.open(source)
    if settings.export == "raw" or export.dictionary is None:
        return table, {}
    return table, names_by_labels(table.header or [], export.dictionary)


def _recoding(header: Sequence[str], dictionary: Dictionary | None) -> dict[str, dict[str, str]]:
    """Label → code for each column of an export of labels; a label that two codes share stays as it is."""
    found: dict[str, dict[str, str]] = {}
    for name in header:
        column = dictionary.by_name.get(name) if dictionary else None
        labels = list(column.codes.values()) if column else []
        codes = {label: code for code, label in column.codes.items() if labels.count(label) == 1} if column else {}
        if codes:
            found[name] = codes
    return found


def _recoded(cells: pl.DataFrame, column: str, codes: Mapping[str, str]) -> pl.Series:
    return cells[column].str.strip_chars().replace(codes)


def _boxes(header: Sequence[str], record: str | None, recode: Mapping[str, Mapping[str, str]]) -> dict[str, Made]:
    """Every box, blank where its form was never filled in: nothing else of the form answered and its status 0.

    Columns stand form by form, each form ending with its status.
    """
    made: dict[str, Made] = {}
    for form in _forms(header):
        answers = tuple(column for column in form if column != record and not column.startswith("redcap_"))
        for column in answers:
            if _BOX.fullmatch(column):
                codes = recode.get(column, {})
                made[column] = Made(answers, partial(_unless_untouched, column=column, form=answers, codes=codes))
    return made


def _forms(header: Sequence[str]) -> list[list[str]]:
    """The columns of each form whose status is in the file; the first column is the record's number."""
    forms: list[list[str]] = []
    form: list[str] = []
    for column in header[1:]:
        form.append(column)
        if column.endswith(COMPLETE):
            forms.append(form)
            form = []
    return forms


def _unless_untouched(cells: pl.DataFrame, column: str, form: Sequence[str], codes: Mapping[str, str]) -> pl.Series:
    import polars as pl

    status, boxes = form[-1], [name for name in form if _BOX.fullmatch(name)]
    untouched = pl.col(status).is_null() | pl.col(status).is_in(["0", STATUS["0"]])
    for name in form[:-1]:
        text = pl.col(name).str.strip_chars()
        nothing = [*_UNTOUCHED, ""] if name in boxes else [NOT_COMPLETED, ""]
        untouched &= text.is_null() | text.is_in(nothing)
    kept = pl.when(~untouched).then(pl.col(column).str.strip_chars().replace(codes))
    return cells.select(kept.alias(column)).to_series()


def _whole_fields(header: Sequence[str], export: Export) -> dict[str, Made]:
    """A checkbox field under its own name, where a mapping reads it: the codes of its checked boxes, joined by `;`."""
    fields: dict[str, list[str]] = {}
    for column in header:
        if found := _BOX.fullmatch(column):
            fields.setdefault(found[1], []).append(column)
    return {
        field: Made(tuple(boxes), partial(_checked, boxes=boxes))
        for field, boxes in fields.items()
        if field not in header and export.wants(field)
    }


def _without_word_of(source: Source, boxes: Iterable[str]) -> Source:
    """The boxes of a field that is read whole are not unknown."""
    return source.model_copy(update={"ignore": [*source.ignore, *boxes]})


def _checked(cells: pl.DataFrame, boxes: Sequence[str]) -> pl.Series:
    import polars as pl

    codes = [
        pl.when(pl.col(box).str.strip_chars().is_in(["1", BOX["1"]])).then(pl.lit(box.partition("___")[2]))
        for box in boxes
    ]
    joined = pl.concat_str(codes, separator=";", ignore_nulls=True)
    return cells.select(pl.when(joined != "").then(joined).alias("checked")).to_series()


def _told_by(source: Source, header: Sequence[str]) -> tuple[str, ...]:
    """The columns in one of which a repeated row must say something to be of the feed; none where any will do."""
    if source.forms or INSTANCE not in header:
        return ()
    record = source.columns.get("subject_id")
    parts = [part for columns in source.joined.values() for part in columns]
    named = [*source.columns.values(), *parts]
    return tuple(dict.fromkeys(name for name in named if name != record and not name.startswith("redcap_")))


def _says_something(cells: pl.DataFrame, told: Sequence[str]) -> pl.Series:
    """A row of a form or event that repeats, and holds nothing that the feed reads, is not the feed's."""
    import polars as pl

    def filled(name: str) -> pl.Expr:
        return pl.col(name).str.strip_chars().fill_null("") != ""

    says = ~filled(INSTANCE) | pl.any_horizontal(filled(name) for name in told)
    return marked(cells.select(says.alias("says")).to_series())


REDCAP = Dialect(PLUMBING, blanks=(NOT_COMPLETED,), open=_open)
