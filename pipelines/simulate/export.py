"""A feed's rows → the cells of a site's file: the study file's mapping, read backwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from pipelines.study.load import Protocol
from pipelines.study.shapes import ISO, DateShape
from pipelines.study.source import Form, Source
from pipelines.study.study import Site
from schemas.feeds import FEEDS

# What stands in columns that a study file tells the pipeline to ignore, and in those that nobody expected.
# Tests look for these names where they must never be.
PRIVATE = {"ja": "髙橋花子"}
PRIVATE_ELSEWHERE = "Jane Q Doe"
PLUMBING_FORMS = ("demographics", "medication")  # of a REDCap project: forms that no feed reads
MARK = "row"


@dataclass
class Cells:
    """A file's content before it is written.

    `text`: every cell as text, one row a data record, in the file's columns. `keys`: for each record what it
    is about, in the feed's columns. `numeric` and `dates` name columns that a typed format stores as such.
    `labels`: value labels by column. `missing`: codes that mean no answer, by column.
    """

    text: pl.DataFrame
    keys: pl.DataFrame
    numeric: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def height(self) -> int:
        return self.text.height


def house_cells(feed: str, rows: pl.DataFrame) -> Cells:
    """`rows` (the feed's columns as text, see `as_text`) in the house format."""
    columns = _columns(feed, rows)
    return Cells(rows.select(pl.col(name) if name in rows.columns else _nothing(name) for name in columns), rows)


def _columns(feed: str, rows: pl.DataFrame) -> list[str]:
    """The columns of every file of the feed, and of those that a file may lack the ones that there are."""
    return [column.name for column in FEEDS[feed].columns if not column.optional or column.name in rows.columns]


def as_text(feed: str, rows: pl.DataFrame, formats: Mapping[str, DateShape]) -> pl.DataFrame:
    """`rows` with every column of the feed as text: dates in ISO 8601 or in the format given for the column."""
    expressions = []
    for name in _columns(feed, rows):
        if name not in rows.columns:
            expressions.append(_nothing(name))
        elif rows.schema[name].is_temporal():
            expressions.append(_date_text(name, formats.get(name, "%Y-%m-%d")))
        elif rows.schema[name].is_float():
            expressions.append(pl.col(name).cast(pl.String).str.replace(r"\.0$", ""))
        else:
            expressions.append(pl.col(name).cast(pl.String))
    return rows.with_columns(expressions)


def _nothing(name: str) -> pl.Expr:
    return pl.lit(None, pl.String).alias(name)


def _date_text(name: str, form: DateShape) -> pl.Expr:
    form = form[0] if isinstance(form, list) else form
    if isinstance(form, str):
        return pl.col(name).dt.strftime("%Y-%m-%d" if form == ISO else form)
    days = (pl.col(name).cast(pl.Date) - pl.lit(form.origin)).dt.total_days()
    return (days // form.every_days + 1).cast(pl.String).alias(name)


def source_cells(source: Source, feed: str, rows: pl.DataFrame, site: Site) -> Cells:
    """`rows` (the feed's columns as text, one row a record) in the columns, codes and constants of `source`."""
    columns = {file: _code(source, name) for name, file in source.columns.items() if name in rows.columns}
    text = rows.select(expression.alias(file) for file, expression in columns.items())
    cells = Cells(text.with_columns(_fixed(source, text, site)), rows)
    _describe(cells, source, feed)
    return cells


def _code(source: Source, name: str) -> pl.Expr:
    """The site's own code for each of the feed's values; a value without one stands as it is."""
    codes = {value: code for code, value in reversed(list(source.values.get(name, {}).items()))}
    return pl.col(name).replace(codes) if codes else pl.col(name)


def _fixed(source: Source, text: pl.DataFrame, site: Site) -> list[pl.Expr]:
    """Columns that say which record is meant for this feed, whose it is, and those to be ignored."""
    fixed = {column: codes[0] for column, codes in (source.only | source.site_column).items()}
    fixed |= {column: PRIVATE.get(site.language, PRIVATE_ELSEWHERE) for column in _private(source, site)}
    return [pl.lit(value).alias(column) for column, value in fixed.items() if column not in text.columns]


def _private(source: Source, site: Site) -> list[str]:
    """Columns to be ignored that are nobody's: neither a pattern nor what another feed reads of the same export."""
    read: set[str] = set()
    for other in (other for sources in site.feeds.values() for other in sources):
        read |= {*other.columns.values(), *other.only, *other.site_column}
        read |= {form.completed_at for form in other.forms if form.completed_at}
        read |= {column for form in other.forms for column in form.items.values()}
    known = re.compile("|".join(re.escape(column).replace(r"\{n\}", r"\d+") for column in sorted(read)))
    return [column for column in source.ignore if not known.fullmatch(column) and not set(column) & set("*?[")]


def _describe(cells: Cells, source: Source, feed: str) -> None:
    for name, file in source.columns.items():
        column = FEEDS[feed].column(name)
        if column.kind in ("integer", "decimal"):
            cells.numeric.add(file)
        if column.kind in ("date", "time_or_date") and name not in source.dates:
            cells.dates.add(file)
        if name in source.values:
            cells.labels[file] = dict(source.values[name])


def form_of(source: Source, instrument: str) -> Form | None:
    return next((form for form in source.forms if form.instrument == instrument), None)


def column_of(form: Form, item: str) -> str | None:
    """The file's column of an item: named itself, or by a pattern with its number."""
    if item in form.items:
        return form.items[item]
    for pattern, column in form.items.items():
        head, mark, tail = pattern.partition("{n}")
        number = item[len(head) : len(item) - len(tail)]
        if mark and item.startswith(head) and item.endswith(tail) and number.isdigit():
            return column.replace("{n}", number)
    return None


def carries(source: Source) -> pl.Expr:
    """Which answers a source's format has room for; the others go in the house format.

    Columns used: instrument, visit, repetition (0 for a subject's first form of that instrument and visit).
    """
    fits = pl.lit(True)
    if source.forms:
        fits &= pl.col("instrument").is_in([form.instrument for form in source.forms])
    for name in ("visit", "instrument"):
        if name in source.constants:
            fits &= pl.col(name) == source.constants[name]
        elif name in source.values:
            fits &= pl.col(name).is_in(list(source.values[name].values()))
        elif name in source.columns:
            fits &= pl.col(name).is_not_null()
        elif name == "visit":
            fits &= pl.col(name).is_null()
    if source.system == "redcap" or any(form.completed_at for form in source.forms):
        fits &= pl.col("repetition") == 0
    return fits


def wide_cells(source: Source, protocol: Protocol, answers: pl.DataFrame, site: Site) -> Cells:
    """Answers as one row a subject, visit and (where the forms share it) date, one column an item.

    `answers`: subject_id, instrument, visit, completed_at (text in the source's format), item, value.
    """
    shared = "completed_at" in source.columns
    key = ["subject_id", "visit", *(["completed_at"] if shared else [])]
    records = answers.select(key).unique(maintain_order=True).with_row_index(MARK)
    marked = answers.join(records, on=key, how="left", nulls_equal=True, maintain_order="left")
    layout = _layout(source, protocol)
    long = marked.join(layout, on=["instrument", "item"], how="inner", maintain_order="left")
    items = long.select(MARK, "column", _answer_text(source, protocol).alias("cell"))
    text = records.select(MARK, *(_code(source, name).alias(file) for name, file in source.columns.items()))
    for wide in (items, *_own_dates(source, marked)):
        if wide.height:
            pivoted = wide.pivot("column", index=MARK, values="cell")
            text = text.join(pivoted, on=MARK, how="left", maintain_order="left")
    columns = layout["column"].unique(maintain_order=True).to_list()
    whole = [*columns, *(form.completed_at for form in source.forms if form.completed_at)]
    text = text.with_columns(_nothing(c) for c in whole if c not in text.columns).drop(MARK)
    cells = Cells(text.with_columns(_fixed(source, text, site)), records.drop(MARK))
    cells.text = _in_order(cells.text, source, protocol)
    _describe(cells, source, "questionnaires")
    _describe_items(cells, source, columns)
    return cells


def _layout(source: Source, protocol: Protocol) -> pl.DataFrame:
    """instrument, item, column for every item that the source has a column for."""
    rows = [
        (form.instrument, item, column_of(form, item))
        for form in source.forms
        for item in protocol.instruments[form.instrument].ranges
    ]
    return pl.DataFrame(rows, schema=["instrument", "item", "column"], orient="row").drop_nulls()


def _answer_text(source: Source, protocol: Protocol) -> pl.Expr:
    """The site's codes; of the answers left out some get a code for missing, the others an empty cell."""
    if not source.missing:
        return _code(source, "value")
    code = pl.lit(pl.Series(source.missing)).gather(pl.col("form") % len(source.missing))
    coded = pl.when((pl.col("form") + pl.col("item").str.len_chars()) % 3 > 0).then(code)
    return pl.when(pl.col("value").is_null()).then(coded).otherwise(_code(source, "value"))


def _own_dates(source: Source, answers: pl.DataFrame) -> list[pl.DataFrame]:
    """Columns in which single forms say when they were filled in."""
    own = {form.instrument: form.completed_at for form in source.forms if form.completed_at}
    if not own:
        return []
    dated = answers.filter(pl.col("instrument").is_in(list(own))).unique([MARK, "instrument"], maintain_order=True)
    column = pl.col("instrument").replace_strict(own).alias("column")
    return [dated.select(MARK, column, pl.col("completed_at").alias("cell"))]


def _in_order(text: pl.DataFrame, source: Source, protocol: Protocol) -> pl.DataFrame:
    """Key columns first, then form by form, each beginning with its time."""
    wanted = [file for file in source.columns.values()] + list(source.site_column)
    for form in source.forms:
        wanted += [form.completed_at] if form.completed_at else []
        items = protocol.instruments[form.instrument].ranges
        wanted += [c for c in (column_of(form, item) for item in items) if c]
    first = [c for c in dict.fromkeys(wanted) if c in text.columns]
    return text.select(*first, *(c for c in text.columns if c not in first))


def _describe_items(cells: Cells, source: Source, columns: list[str]) -> None:
    numeric = [code for code in source.missing if code.lstrip("-").isdigit()]
    for column in columns:
        cells.numeric.add(column)
        cells.missing[column] = numeric[:3]
        if "value" in source.values:
            cells.labels[column] = dict(source.values["value"])


def redcap_cells(people: Cells, source: Source, answered: Cells) -> Cells:
    """One export of a whole REDCap project: one row a record and event, the columns of all its forms.

    `source` is that of the answers. The record, event and group columns lead; `<form>_complete` and the
    columns of forms that no feed reads come last.
    """
    record, event = source.columns["subject_id"], source.columns.get("visit")
    visits = source.values.get("visit", {})
    lead = [c for c in (record, event, *source.site_column) if c]
    shared = [c for c in answered.text.columns if c in people.text.columns]
    answers = answered.text.drop(c for c in shared if c not in lead)
    on = [c for c in lead if c in shared]
    text = people.text.join(answers, on=on, how="full", coalesce=True, nulls_equal=True)
    order = {code: i for i, code in enumerate(visits)}
    text = text.sort(record, *([pl.col(event).replace_strict(order, default=len(order))] if event else []))
    plumbing = [_complete(form) for form in source.forms]
    plumbing += [pl.lit("0").alias(f"{name}_complete") for name in PLUMBING_FORMS]
    plumbing += [_nothing("redcap_survey_identifier"), _nothing("current_medication")]
    text = text.select(*lead, *(c for c in text.columns if c not in lead)).with_columns(plumbing)
    keys = text.select(
        pl.col(record).alias("subject_id"),
        pl.col(event).replace(visits).alias("visit") if event else _nothing("visit"),
    )
    return Cells(text, keys, numeric=people.numeric | answered.numeric, missing=answered.missing)


def _complete(form: Form) -> pl.Expr:
    """REDCap's status of a form: 2 when it is complete; empty where there is none."""
    dated = pl.col(form.completed_at) if form.completed_at else pl.lit("")
    return pl.when(dated.is_not_null()).then(pl.lit("2")).alias(f"{form.instrument}_complete")
