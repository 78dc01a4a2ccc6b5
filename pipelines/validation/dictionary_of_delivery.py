"""What the columns of one delivery looked like, so that the next one of its stream can be told apart from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import effects
from pipelines.landing.readers import Batch, Table, shown
from pipelines.study.load import Protocol
from pipelines.study.source import Source
from pipelines.validation.contract import NOT_APPLICABLE, study_codes
from pipelines.validation.mapping import Cells, FeedMapping
from pipelines.validation.rows import VARIABLES
from pipelines.validation.variable import Declared, Variable, plain_code, shape
from schemas.feeds import Column, Feed

if TYPE_CHECKING:
    import polars as pl

MOST_RECORDS = 200_000  # of a delivery are looked at: what has changed in them has changed
SHORT_SCALE = 20  # so many whole numbers are codes, more are measurements
# A label may come and go with the weeks of a trial; a code comes and goes only when somebody changes the export.
LABELS = ("visit", "module", "instrument")


@dataclass
class Dictionary:
    """The dictionary of one delivery while its file is being read."""

    feed: Feed
    source: Source
    others: Sequence[Source]
    protocol: Protocol
    table: Table
    mapping: FeedMapping | None = None  # None: the header has not proved to be one of the source
    n_records: int = 0
    columns: list[Variable] = field(default_factory=list)
    forms: list[tuple[Variable, ...]] = field(default_factory=list)  # items of each form of a wide file
    items: dict[tuple[str, str], Variable] = field(default_factory=dict)  # of a long file, as they are met

    def follow(self, mapping: FeedMapping) -> None:
        """Count by this mapping from now on."""
        self.mapping = mapping
        self.forms = [
            tuple(self._item(form.instrument, item, column, form.missing) for item, column in form.items.items())
            for form in mapping.forms
        ]
        self.columns = list(self._plain_columns(mapping))

    def take(self, batch: Batch) -> None:
        """Count the cells of a batch that this source reads."""
        import polars as pl

        room = MOST_RECORDS - self.n_records
        if room <= 0:
            return
        self.n_records += batch.cells.height
        cells = self._kept(batch, room)
        for variable in self.columns:
            variable.take(cells[variable.column])
        for form in self.forms:
            said = pl.col([item.column for item in form])
            answered = cells.filter(pl.any_horizontal(said.is_not_null() & ~said.is_in(list(form[0].missing))))
            for item in form:
                item.take(answered[item.column])
        if self.feed.name == "questionnaires" and not self.forms:
            self._take_long(cells)

    def _kept(self, batch: Batch, most: int) -> pl.DataFrame:
        import polars as pl

        cells = batch.cells.head(most)
        if not batch.plain:
            text = pl.all().str.strip_chars()
            cells = cells.select(pl.when(text != "").then(text))
        whole = Cells(batch.places.head(most), cells, frozenset() if batch.plain else frozenset(cells.columns))
        rows = {**self.source.only, **self.source.site_column}
        wanted = [whole.is_one_of(column, texts) for column, texts in rows.items()]
        return cells.filter(wanted) if wanted else cells

    def _take_long(self, cells: pl.DataFrame) -> None:
        """Answers that stand one a row, by instrument and item."""
        instrument, item, value = (self.source.columns.get(name) for name in ("instrument", "item", "value"))
        if item is None or value is None:
            return
        names = self.source.values.get("instrument", {})
        constant = self.source.constants.get("instrument", "")
        by = list(dict.fromkeys(column for column in (instrument, item, value) if column))
        counted: dict[tuple[str, str], list[tuple[str | None, int]]] = {}
        for row in cells.group_by(by).len("n of them").iter_rows(named=True):
            said = str(row[instrument]) if instrument else constant
            counted.setdefault((names.get(said, said), str(row[item])), []).append((row[value], row["n of them"]))
        for (of, name), answers in counted.items():
            known = self.protocol.instruments.get(of)
            if known is not None and name in known.ranges:
                if (of, name) not in self.items:
                    self.items[of, name] = self._item(of, name, value)
                self.items[of, name].take_counted(answers)

    def _plain_columns(self, mapping: FeedMapping) -> Iterator[Variable]:
        """What the mapping reads outside the items of forms."""
        filled = {column: name for name, column in self.source.columns.items()}
        dated = {form.completed_at: "completed_at" for form in mapping.forms if form.completed_at}
        items = {item.column for form in self.forms for item in form}
        for column in mapping.used:
            if column not in items:
                name = filled.get(column) or dated.get(column)
                yield self._variable(column, self.feed.column(name)) if name else Variable(column, column, "filter")

    def _variable(self, column: str, of: Column) -> Variable:
        declared = _declared(of)
        is_identifier = of.kind == "identifier"  # a person may well be number 999
        missing = frozenset([*([] if is_identifier else self.source.missing), *self.source.missing_in.get(of.name, ())])
        return Variable(column, of.name, declared, self._codes(of, declared), missing)

    def _codes(self, of: Column, declared: Declared) -> Mapping[str, str] | None:
        """Of a column of codes or labels: those that the mapping, or else the feed or the study file, defines."""
        if declared not in ("code", "label"):
            return None
        known = [*self.source.values.get(of.name, ())]
        known = known or [*(of.codes or ()), *_range(of), *self._study_codes(of.name)]
        return {plain_code(code): code for code in known} | {code: code for code in known}

    def _study_codes(self, name: str) -> tuple[str, ...]:
        study = self.protocol.study
        if name == "visit":
            return (*(visit.avisit for visit in study.visits), study.weekly.label)
        if name == "module":
            return tuple(module.module for module in study.modules)
        return study_codes(self.protocol).get(name, ())

    def _item(self, instrument: str, item: str, column: str, missing: Sequence[str] = ()) -> Variable:
        """An item's answers are counted as the instrument's codes that they are read as."""
        known = self.protocol.instruments[instrument]
        low, high = known.ranges[item]
        own = [str(n) for n in range(low, high + 1)]
        own += [NOT_APPLICABLE] if item in known.may_be_not_applicable else []
        values = self.source.values.get("value", {}).items()
        given = {text: code for text, code in values if code in own}
        numbered = [(text, code) for text, code in values if "{n}" in text]
        given |= {t.replace("{n}", n): c for n in own for t, code in numbered if (c := code.replace("{n}", n)) in own}
        codes = {code: code for code in own} | given
        nothing = frozenset([*self.source.missing, *self.source.missing_in.get("value", ()), *missing])
        return Variable(column, f"{instrument}.{item}", "item", codes, nothing, low, high)

    def save(self, folder: Path, delivery_id: str) -> Path:
        """Write the dictionary: one row a column and variable, in the order of the file."""
        import polars as pl

        header = self.table.header
        place = {shown(name): i for i, name in enumerate(header or [], start=1)}
        rows = [
            {"delivery_id": delivery_id, "position": place.get(row["column_name"]), **row}
            for row in (variable.facts() for variable in self._variables())
        ]
        table = pl.DataFrame(rows, schema={"delivery_id": pl.String(), "position": pl.Int64(), **shape()}, orient="row")
        table = table.unique(["column_name", "variable"], keep="first", maintain_order=True)
        content = BytesIO()
        table.sort("position", "column_name", "variable").write_parquet(content, compression="zstd")
        return effects.write(folder / VARIABLES, content.getvalue())

    def _variables(self) -> Iterator[Variable]:
        """Every variable in the file, then the columns that no feed knows."""
        seen = list(self.table.seen)
        mapping = self.mapping or FeedMapping(self.feed, self.source, (), tuple(seen), tuple(self.others))
        if self.mapping is None:
            yield from (Variable(column, column, "unread") for column in seen if self.source.reads(column))
            seen = [column for column in seen if not self.source.reads(column)]
        there = set(seen)
        measured = [*self.columns, *(item for form in self.forms for item in form), *self.items.values()]
        # A dot leads into an object: of a JSON file only the names at the top show.
        yield from (v for v in measured if {v.column, v.column.partition(".")[0]} & there)
        yield from (Variable(column, "", "unknown") for column in mapping.unknown(seen))


def _declared(of: Column) -> Declared:
    if of.name in LABELS:
        return "label"
    if of.kind in ("integer", "decimal"):
        return "code" if _range(of) else "number" if of.maximum is None else "text"
    declared: dict[str, Declared] = {"identifier": "identifier", "code": "code", "date": "date", "text": "text"}
    return declared.get(of.kind, "time")


def _range(of: Column) -> list[str]:
    """The whole numbers that a column may hold, where these are few."""
    if of.kind != "integer" or of.minimum is None or of.maximum is None or of.maximum - of.minimum > SHORT_SCALE:
        return []
    return [str(n) for n in range(int(of.minimum), int(of.maximum) + 1)]
