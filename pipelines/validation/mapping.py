"""A file's columns → a feed's columns, still as text, the way the study file's source says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.landing.dialects import DIALECTS, Dialect
from pipelines.landing.readers import Batch, UnreadableError, listed, shown
from pipelines.study.instrument import Instrument
from pipelines.study.source import Form, Source
from schemas.feeds import Feed

if TYPE_CHECKING:
    import polars as pl

CELLS_A_PIECE = 500_000
UNSTATED = "not stated"  # why an answer is missing whose code has no reason in the study file


@dataclass(frozen=True)
class WideForm:
    """One instrument's columns of a wide row: item → column, and the column that dates the form."""

    instrument: str
    completed_at: str | None
    items: dict[str, str]


@dataclass(frozen=True)
class Mapped:
    """Some records as rows of the feed, all text: row_no, line_no and the feed's columns; of questionnaires
    also source_column, missing_reason and form (the position in `Mapping.forms`, or 0).

    `wrong_site` holds row_no, line_no, rule and column_name of records of another site;
    `n_empty` counts records that carry nothing.
    """

    rows: pl.DataFrame
    wrong_site: pl.DataFrame
    n_empty: int
    plain: bool


@dataclass(frozen=True)
class FeedMapping:
    """A source's mapping, checked against the header of one file."""

    feed: Feed
    source: Source
    forms: tuple[WideForm, ...]
    header: tuple[str, ...] | None
    others: tuple[Source, ...] = ()  # what else the site sends: one export may serve several feeds

    @cached_property
    def dialect(self) -> Dialect:
        return DIALECTS[self.source.dialect]

    @cached_property
    def used(self) -> list[str]:
        """The file's columns that are read at all."""
        names = [*self.source.columns.values(), *self.source.only, *self.source.site_column]
        for form in self.forms:
            names += [form.completed_at] if form.completed_at else []
            names += form.items.values()
        return list(dict.fromkeys(names))

    def unknown(self, seen: Iterable[str]) -> list[str]:
        """The columns that no feed knows, as they may be shown; those the study file ignores are not named."""
        used = set(self.used)
        return [
            shown(column)
            for column in seen
            if column not in used
            and not self.dialect.is_plumbing(column)
            and not any(fnmatchcase(column, pattern) for pattern in self.source.ignore)
            and not any(other.reads(column) for other in self.others)
        ]

    def file_column(self, feed_column: str) -> str:
        """The file's column that fills a feed's column; its own name where a constant fills it."""
        return self.source.columns.get(feed_column, feed_column)

    def apply(self, batch: Batch) -> Iterator[Mapped]:
        """The batch's records as rows of the feed."""
        import polars as pl

        cells = batch.cells if batch.plain else batch.cells.select(_trimmed(name) for name in batch.cells.columns)
        if not (self.source.only or self.source.site_column):
            yield from self._rows(batch.places, cells, batch.places.clear(), 0, batch.plain)
            return
        mine = [_is_one_of(column, texts) for column, texts in self.source.only.items()]
        here = {f"here:{column}": _is_one_of(column, texts) for column, texts in self.source.site_column.items()}
        masks = cells.select(pl.all_horizontal(pl.lit(True), *mine).alias("mine"), **here)
        wrong = [
            batch.places.filter(masks["mine"] & ~masks[f"here:{column}"]).with_columns(
                pl.lit("wrong_site").alias("rule"), pl.lit(column).alias("column_name")
            )
            for column in self.source.site_column
        ]
        kept = masks.select(pl.all_horizontal(pl.all())).to_series()
        n_empty = int((~masks["mine"]).sum())
        refused = pl.concat(wrong) if wrong else batch.places.clear()
        yield from self._rows(batch.places.filter(kept), cells.filter(kept), refused, n_empty, batch.plain)

    def _rows(
        self, places: pl.DataFrame, cells: pl.DataFrame, wrong: pl.DataFrame, n_empty: int, plain: bool
    ) -> Iterator[Mapped]:
        import polars as pl

        if not self.forms:
            columns = [self._column(column.name).alias(column.name) for column in self.feed.columns]
            if self.feed.name == "questionnaires":
                columns.append(self._missing_reason(self.source.columns.get("value")).alias("missing_reason"))
            extra = [pl.lit(self.file_column("value")).alias("source_column"), pl.lit(0, pl.Int64).alias("form")]
            filled = cells.select(columns) if cells.width else places.select(columns)
            rows = pl.concat([places, filled], how="horizontal")
            yield Mapped(self._with(rows, extra), wrong, n_empty, plain and not self.source.values)
            return
        size = max(1, CELLS_A_PIECE // sum(len(form.items) for form in self.forms))
        for start in range(0, max(1, cells.height), size):
            piece, where = cells[start : start + size], places[start : start + size]
            rows = self._answers(where, piece)
            empty = where.height - rows["row_no"].n_unique()
            yield Mapped(rows, wrong, n_empty + empty, False)
            wrong, n_empty = wrong.clear(), 0

    def _with(self, rows: pl.DataFrame, extra: list[pl.Expr]) -> pl.DataFrame:
        return rows.with_columns(extra) if self.feed.name == "questionnaires" else rows

    def _answers(self, places: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
        """Wide rows as one row an answer. A form without any answer was not filled in and yields nothing, unless
        the site says why; of one with an answer every item comes, the blank ones as NULL."""
        import polars as pl

        whole = pl.concat([places, cells.rename({c: _cell(c) for c in cells.columns})], how="horizontal")
        long = [self._form_answers(whole, number, form) for number, form in enumerate(self.forms)]
        return pl.concat(long).sort("row_no", "form", "position").drop("position")

    def _form_answers(self, whole: pl.DataFrame, number: int, form: WideForm) -> pl.DataFrame:
        import polars as pl

        fixed = [c.name for c in self.feed.columns if c.name not in ("instrument", "item", "value", "completed_at")]
        completed = self._column("completed_at", form.completed_at, _cell)
        items = list(form.items.items())
        answers = [pl.col(_cell(column)).alias(f"#{i}") for i, (_, column) in enumerate(items)]
        wide = whole.select(
            "row_no",
            "line_no",
            *(self._column(name, None, _cell).alias(name) for name in fixed),
            pl.lit(form.instrument).alias("instrument"),
            completed.alias("completed_at"),
            *answers,
        )
        positions = [f"#{i}" for i in range(len(items))]
        silent = [code for code in self._blanks("value") if code not in self.source.missing_reasons]
        wide = wide.filter(pl.any_horizontal(~pl.col(positions).is_in(silent)))
        names = pl.DataFrame(
            {
                "position": range(len(items)),
                "variable": positions,
                "item": [item for item, _ in items],
                "source_column": [column for _, column in items],
            },
            schema={"position": pl.Int64, "variable": pl.String, "item": pl.String, "source_column": pl.String},
        )
        index = ["row_no", "line_no", *fixed, "instrument", "completed_at"]
        long = wide.unpivot(on=positions, index=index, variable_name="variable", value_name="value")
        return (
            long.join(names, on="variable", how="left")
            .with_columns(
                self._told("value", pl.col("value")).alias("value"),
                self._missing_reason("value").alias("missing_reason"),
                pl.lit(number, pl.Int64).alias("form"),
            )
            .select(
                "row_no",
                "line_no",
                *(c.name for c in self.feed.columns),
                "source_column",
                "missing_reason",
                "form",
                "position",
            )
        )

    def _column(self, name: str, column: str | None = None, named: object = None) -> pl.Expr:
        """One of the feed's columns out of the file's `column` (default: the one the study file names)."""
        import polars as pl

        column = column or self.source.columns.get(name)
        if column is None:
            return pl.lit(self.source.constants.get(name), pl.String)
        return self._told(name, pl.col(_cell(column) if named is _cell else column))

    def _blanks(self, name: str) -> list[str]:
        """What stands for an empty cell of a feed's column. A person may well be number 999."""
        missing = [] if self.feed.column(name).kind == "identifier" else self.source.missing
        return [*self.dialect.blanks, *missing]

    def _told(self, name: str, text: pl.Expr) -> pl.Expr:
        """A cell's text as the feed's own: missing codes as NULL, the site's codes as ours."""
        import polars as pl

        blanks = self._blanks(name)
        if blanks:
            text = pl.when(text.is_in(blanks)).then(None).otherwise(text)
        codes = self.source.values.get(name)
        return text.replace(list(codes), list(codes.values())) if codes else text

    def _missing_reason(self, column: str | None) -> pl.Expr:
        """Why an answer is missing: what the study file says of the code that stands in its `column`."""
        import polars as pl

        codes = {code: self.source.missing_reasons.get(code, UNSTATED) for code in self.source.missing}
        if column is None or not codes:
            return pl.lit(None, pl.String)
        return pl.col(column).replace_strict(list(codes), list(codes.values()), default=None, return_dtype=pl.String)


def _cell(column: str) -> str:
    """A name for a file's column that none of ours can be."""
    return f"cell:{column}"


def _trimmed(column: str) -> pl.Expr:
    """Without white space around it (ideographic spaces too); NULL where nothing is left."""
    import polars as pl

    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)


def _is_one_of(column: str, texts: list[str]) -> pl.Expr:
    import polars as pl

    return pl.col(column).is_in(texts).fill_null(False)


def map_header(
    feed: Feed,
    source: Source,
    instruments: Mapping[str, Instrument],
    header: list[str] | None,
    others: Iterable[Source] = (),
) -> FeedMapping:
    """The source's mapping onto a file with this header (None: it only shows row by row).

    Raises UnreadableError that names the columns which the study file maps and the header lacks. A form of
    which no item is in the header is simply not in this file.
    """
    forms = [_wide(form, source, instruments[form.instrument], header) for form in source.forms]
    present = tuple(form for form in forms if header is None or set(form.items.values()) & set(header))
    mapping = FeedMapping(feed, source, present, None if header is None else tuple(header), tuple(others))
    if header is None:
        return mapping
    lacking = [column for column in mapping.used if column not in header]
    if not lacking and source.forms and not present:
        lacking = [column for form in forms for column in form.items.values()]
    if lacking:
        unknown = mapping.unknown(header)
        also = f"; it holds columns that are not expected: {listed(unknown)}" if unknown else ""
        raise UnreadableError(
            f"the header lacks columns that the study file expects of {source.source}: {listed(lacking)}{also}; "
            "send the file with them, or have the study file changed"
        )
    return mapping


def _wide(form: Form, source: Source, instrument: Instrument, header: list[str] | None) -> WideForm:
    items: dict[str, str] = {}
    for item, column in form.items.items():
        items |= _numbered(item, column, instrument, header) if "{n}" in item else {item: column}
    return WideForm(form.instrument, form.completed_at or source.columns.get("completed_at"), items)


def _numbered(item: str, column: str, instrument: Instrument, header: list[str] | None) -> dict[str, str]:
    """`fear_{n}: lsas_f{n}` for every item the instrument has; a header may write the number as 01."""
    padded = re.compile(re.escape(column).replace(r"\{n\}", "0*([0-9]+)"))
    found = {match[1]: name for name in header or [] if (match := padded.fullmatch(name))}
    pattern = re.compile(re.escape(item).replace(r"\{n\}", "([0-9]+)"))
    items: dict[str, str] = {}
    for name in instrument.ranges:
        if match := pattern.fullmatch(name):
            exact = column.replace("{n}", match[1])
            items[name] = exact if exact in (header or [exact]) else found.get(match[1].lstrip("0"), exact)
    return items
