"""A file's columns → a feed's columns, still as text, the way the study file's source says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.landing.dialects import Dialect, dialect_of
from pipelines.landing.readers import Batch, UnreadableError, listed, shown
from pipelines.study.instrument import Instrument
from pipelines.study.source import Form, Source
from pipelines.validation.codes import UNSTATED, Codes, codes_of, plainer
from schemas.feeds import Feed

if TYPE_CHECKING:
    import polars as pl

CELLS_A_PIECE = 500_000
JOINT = "/"  # between the parts of an identifier that is made of several columns


@dataclass(frozen=True)
class WideForm:
    """One instrument's columns of a wide row: item → column, the column that dates the form, and what stands for
    no answer in it."""

    instrument: str
    completed_at: str | None
    items: dict[str, str]
    missing: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class FeedMapping:
    """A source's mapping, checked against the header of one file."""

    feed: Feed
    source: Source
    forms: tuple[WideForm, ...]
    header: tuple[str, ...] | None
    others: tuple[Source, ...] = ()  # what else the site sends: one export may serve several feeds
    not_yet: frozenset[str] = frozenset()  # columns that the file lacks because they were expected only later

    @cached_property
    def dialect(self) -> Dialect:
        return dialect_of(self.source)

    @cached_property
    def used(self) -> list[str]:
        """The file's columns that are read at all."""
        names = [column for column in self.source.own_columns if column not in self.not_yet]
        for form in self.forms:
            names += [form.completed_at] if form.completed_at else []
            names += form.items.values()
        return list(dict.fromkeys(names))

    def unknown(self, seen: Iterable[str]) -> list[str]:
        """The columns that no feed knows, as they may be shown; those the study file ignores are not named."""
        used = {*self.used, *(name.partition(".")[0] for name in self.used)}  # a dot leads into an object
        return [
            shown(column)
            for column in seen
            if column not in used
            and not self.dialect.is_plumbing(column)
            and not any(fnmatchcase(column, pattern) for pattern in self.source.ignore)
            and not any(other.reads(column) for other in self.others)
        ]

    def file_column(self, feed_column: str) -> str:
        """The file's column (or columns) that fill a feed's column; its own name where a constant fills it."""
        joined = self.source.joined.get(feed_column)
        return ", ".join(joined) if joined else self.source.columns.get(feed_column, feed_column)

    def apply(self, kept: Kept) -> Iterator[Mapped]:
        """The records that the source reads of a batch, as rows of the feed."""
        yield from self._rows(kept.cells, kept.wrong_site, kept.n_empty)

    def kept(self, batch: Batch) -> Kept:
        """The records of a batch that the source reads, and what becomes of the others."""
        import polars as pl

        cells = batch.cells if batch.plain else batch.cells.select(_trimmed(name) for name in batch.cells.columns)
        whole = Cells(batch.places, cells, frozenset() if batch.plain else _beyond_ascii(cells))
        if not (self.source.only or self.source.site_column):
            return Kept(whole, batch.places.clear(), 0)
        mine = [whole.is_one_of(column, texts) for column, texts in self.source.only.items()]
        here = {f"here:{column}": whole.is_one_of(column, texts) for column, texts in self.source.site_column.items()}
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
        return Kept(Cells(batch.places.filter(kept), cells.filter(kept), whole.wide), refused, n_empty)

    def _rows(self, whole: Cells, wrong: pl.DataFrame, n_empty: int) -> Iterator[Mapped]:
        import polars as pl

        if not self.forms:
            columns = [self.column(column.name, whole).alias(column.name) for column in self.feed.columns]
            if self.feed.name == "questionnaires":
                columns.append(self._missing_reason(whole).alias("missing_reason"))
            extra = [pl.lit(self.file_column("value")).alias("source_column"), pl.lit(0, pl.Int64).alias("form")]
            filled = whole.cells.select(columns) if whole.cells.width else whole.places.select(columns)
            rows = pl.concat([whole.places, filled], how="horizontal")
            yield Mapped(self._with(rows, extra), wrong, n_empty)
            return
        size = max(1, CELLS_A_PIECE // sum(len(form.items) for form in self.forms))
        for start in range(0, max(1, whole.cells.height), size):
            rows = self._answers(whole.cut(start, size))
            empty = whole.cut(start, size).places.height - rows["row_no"].n_unique()
            yield Mapped(rows, wrong, n_empty + empty)
            wrong, n_empty = wrong.clear(), 0

    def _with(self, rows: pl.DataFrame, extra: list[pl.Expr]) -> pl.DataFrame:
        return rows.with_columns(extra) if self.feed.name == "questionnaires" else rows

    def _answers(self, whole: Cells) -> pl.DataFrame:
        """Wide rows as one row an answer. A form without any answer was not filled in and yields nothing, unless
        the site says why; of one with an answer every item comes, the blank ones as NULL."""
        import polars as pl

        long = [self._form_answers(whole, number, form) for number, form in enumerate(self.forms)]
        return pl.concat(long).sort("row_no", "form", "position").drop("position")

    def _form_answers(self, whole: Cells, number: int, form: WideForm) -> pl.DataFrame:
        import polars as pl

        fixed = [c.name for c in self.feed.columns if c.name not in ("instrument", "item", "value", "completed_at")]
        items = list(form.items.items())
        codes = self.codes("value", form.missing)
        plain = not whole.wide & {*form.items.values()}
        answers = [pl.col(column).alias(f"#{i}") for i, (_, column) in enumerate(items)]
        filled = whole.cells.select(
            *(self.column(name, whole).alias(name) for name in fixed),
            pl.lit(form.instrument).alias("instrument"),
            self.column("completed_at", whole, form.completed_at).alias("completed_at"),
            *answers,
        )
        wide = pl.concat([whole.places, filled], how="horizontal")
        positions = [f"#{i}" for i in range(len(items))]
        wide = wide.filter(pl.any_horizontal(codes.says(pl.col(positions), plain=plain)))
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
                codes.read(pl.col("value"), plain=plain).alias("value"),
                codes.reason(pl.col("value"), plain=plain).alias("missing_reason"),
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

    def column(self, name: str, whole: Cells, column: str | None = None) -> pl.Expr:
        """One of the feed's columns out of the file's `column` (default: what the study file names)."""
        import polars as pl

        column = column or self.source.columns.get(name)
        if column is not None and column not in self.not_yet:
            return whole.read(column, self.codes(name))
        parts = self.source.joined.get(name)
        if parts is None:
            return pl.lit(self.source.constants.get(name), pl.String)
        whole_text = pl.concat_str([pl.col(part).fill_null("") for part in parts], separator=JOINT)
        text = pl.when(pl.any_horizontal(pl.col(parts).is_not_null())).then(whole_text)
        return self.codes(name).read(text, plain=not whole.wide & {*parts})

    def _missing_reason(self, whole: Cells) -> pl.Expr:
        """Why an answer of a file with one answer a row is missing."""
        import polars as pl

        column = self.source.columns.get("value")
        if column is None:
            return pl.lit(None, pl.String)
        return self.codes("value").reason(pl.col(column), plain=column not in whole.wide)

    def codes(self, name: str, missing: Iterable[str] = ()) -> Codes:
        """How the cells of a feed's column are read."""
        source, kind = self.source, self.feed.column(name).kind
        said = [*source.missing_in.get(name, ()), *missing]
        if kind != "identifier":  # a person may well be number 999
            said += source.missing
        reasons = {code: source.missing_reasons.get(code, UNSTATED) for code in said}
        free = kind == "text" and name != "value"
        values = source.values.get(name, {})
        return codes_of(tuple(self.dialect.blanks), tuple(reasons.items()), tuple(values.items()), free)


@dataclass(frozen=True)
class Cells:
    """Records as cells of text, each with its place in the file. `wide` are the columns that hold more than ASCII."""

    places: pl.DataFrame
    cells: pl.DataFrame
    wide: frozenset[str]

    def cut(self, start: int, size: int) -> Cells:
        return Cells(self.places[start : start + size], self.cells[start : start + size], self.wide)

    def read(self, column: str, codes: Codes) -> pl.Expr:
        import polars as pl

        return codes.read(pl.col(column), plain=column not in self.wide)

    def is_one_of(self, column: str, texts: list[str]) -> pl.Expr:
        """Whether a cell holds one of the texts, of which an empty one stands for an empty cell."""
        import polars as pl

        sought = pl.col(column).str.normalize("NFKC").str.strip_chars() if column in self.wide else pl.col(column)
        return sought.is_in([plainer(text) for text in texts if text]).fill_null("" in texts)


@dataclass(frozen=True)
class Kept:
    """What a source reads of a batch; `n_empty` records say nothing for the feed."""

    cells: Cells
    wrong_site: pl.DataFrame
    n_empty: int


def _beyond_ascii(cells: pl.DataFrame) -> frozenset[str]:
    import polars as pl

    if not cells.height:
        return frozenset()
    more = cells.select((pl.all().str.len_bytes() != pl.all().str.len_chars()).any())
    return frozenset(name for name, found in zip(more.columns, more.row(0), strict=True) if found)


def _trimmed(column: str) -> pl.Expr:
    """Without white space around it (ideographic spaces too); NULL where nothing is left."""
    import polars as pl

    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)


def map_header(
    feed: Feed,
    source: Source,
    instruments: Mapping[str, Instrument],
    header: list[str] | None,
    others: Iterable[Source] = (),
    on: date | None = None,
) -> FeedMapping:
    """The source's mapping onto a file with this header (None: it only shows row by row) and of the day `on`.

    Raises UnreadableError that names the columns which the study file maps and the header lacks. A form of
    which no item is in the header is simply not in this file.
    """
    forms = [_wide(form, source, instruments[form.instrument], header) for form in source.forms]
    not_yet = _not_yet([*source.columns.values(), *_columns_of(forms)], source, header, on)
    forms = [_without(form, not_yet) for form in forms]
    present = tuple(form for form in forms if header is None or set(form.items.values()) & set(header))
    names = None if header is None else tuple(header)
    mapping = FeedMapping(feed, source, present, names, tuple(others), not_yet)
    if header is None:
        return mapping
    lacking = [column for column in mapping.used if column not in header]
    if not lacking and source.forms and not present:
        lacking = [column for form in forms for column in form.items.values()]
    if lacking:
        raise UnreadableError(
            f"the header lacks columns that the study file expects of {source.source}: {listed(lacking)}"
            f"{_unexpected(mapping, header)}; send the file with them, or have the study file changed"
        )
    return mapping


def _unexpected(mapping: FeedMapping, header: list[str]) -> str:
    """What a header holds that nobody knows. Where little of it is known it may be a row of data, and is not told."""
    if not has_a_known_name(header, (mapping.source, *mapping.others)):
        return "; none of the names in its first line is known, which must hold the columns' names, not data"
    unknown = mapping.unknown(header)
    if may_be_data(unknown, header):
        return f"; {len(unknown)} names in its first line are not known, too many to be told: they may be data"
    return f"; it holds columns that are not expected: {listed(unknown)}" if unknown else ""


def may_be_data(unknown: Collection[str], header: Collection[str]) -> bool:
    """Whether so many names of a header are unknown that a row of data may stand in its line, as where the line's
    end was lost."""
    return 2 * len(unknown) > len(header)


def has_a_known_name(header: Iterable[str], sources: Iterable[Source]) -> bool:
    """Whether a file's first line is a header, as far as the study file can tell."""
    sources = tuple(sources)
    return any(source.reads(column) for column in header for source in sources)


def _columns_of(forms: Iterable[WideForm]) -> Iterator[str]:
    for form in forms:
        yield from form.items.values()
        if form.completed_at:
            yield form.completed_at


def _not_yet(columns: Iterable[str], source: Source, header: list[str] | None, on: date | None) -> frozenset[str]:
    """Columns that a file of the day need not have, and lacks."""
    if header is None or on is None or not source.since:
        return frozenset()
    lacking = set(columns) - set(header)
    return frozenset(column for column in lacking if (since := source.expected_since(column)) and on < since)


def _without(form: WideForm, columns: frozenset[str]) -> WideForm:
    kept = {item: column for item, column in form.items.items() if column not in columns}
    return replace(form, items=kept, completed_at=None if form.completed_at in columns else form.completed_at)


def _wide(form: Form, source: Source, instrument: Instrument, header: list[str] | None) -> WideForm:
    items: dict[str, str] = {}
    for item, column in form.items.items():
        items |= _numbered(item, column, instrument, header) if "{n}" in item else {item: column}
    dated = form.completed_at or source.columns.get("completed_at")
    return WideForm(form.instrument, dated, items, tuple(form.missing))


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
