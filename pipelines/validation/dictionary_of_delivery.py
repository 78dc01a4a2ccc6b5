"""What the columns of one delivery looked like, so that the next one of its stream can be told apart from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import effects
from pipelines.landing.readers import Table, shown
from pipelines.study.load import Protocol
from pipelines.study.source import Source
from pipelines.validation.codes import Codes
from pipelines.validation.contract import NOT_APPLICABLE, study_codes
from pipelines.validation.mapping import Cells, FeedMapping, has_a_known_name, may_be_data
from pipelines.validation.rows import VARIABLES
from pipelines.validation.variable import Declared, Variable, plain_code, shape
from schemas.feeds import Column, Feed

if TYPE_CHECKING:
    import polars as pl

MOST_RECORDS = 200_000  # of a delivery are looked at: what has changed in them has changed
SHORT_SCALE = 20  # so many whole numbers are codes, more are measurements
# A label may come and go with the weeks of a trial; a code comes and goes only when somebody changes the export.
LABELS = ("visit", "module", "instrument")
NOTHING_SAID = Codes((), {}, {}, free=True)


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
            tuple(self._item(form.instrument, item, column, codes) for item, column in form.items.items())
            for form in mapping.forms
            for codes in [mapping.codes("value", form.missing)]
        ]
        self.columns = list(self._plain_columns(mapping))

    def take(self, n_records: int, kept: Cells) -> None:
        """Count the cells of the records that this source reads, of `n_records` in a batch."""
        room = MOST_RECORDS - self.n_records
        if room <= 0 or self.mapping is None:
            return
        self.n_records += n_records
        kept = kept.cut(0, room)
        for variable, read in zip(self.columns, _read(kept, self.columns), strict=True):
            variable.take(kept.cells[variable.column], read)
        for form in self.forms:
            _take_form(kept, form)
        if self.feed.name == "questionnaires" and not self.forms:
            self._take_long(kept, self.mapping)

    def _take_long(self, kept: Cells, mapping: FeedMapping) -> None:
        """Answers that stand one a row, by instrument and item."""
        import polars as pl

        item, value = (self.source.columns.get(name) for name in ("item", "value"))
        if item is None or value is None:
            return
        answers = kept.cells.select(
            mapping.column("instrument", kept).alias("instrument"),
            mapping.column("item", kept).alias("item"),
            pl.col(value).alias("text"),
            kept.read(value, mapping.codes("value")).alias("read"),
        )
        counted: dict[tuple[str, str], list[tuple[str | None, str | None, int]]] = {}
        for instrument, name, text, read, n in answers.group_by(pl.all()).len("n of them").rows():
            counted.setdefault((instrument, name), []).append((text, read, n))
        for (instrument, name), found in counted.items():
            known = self.protocol.instruments.get(instrument)
            if known is not None and name in known.ranges:
                if (instrument, name) not in self.items:
                    self.items[instrument, name] = self._item(instrument, name, value, mapping.codes("value"))
                self.items[instrument, name].take_counted(found)

    def _plain_columns(self, mapping: FeedMapping) -> Iterator[Variable]:
        """What the mapping reads outside the items of forms."""
        filled = {part: name for name, parts in self.source.joined.items() for part in parts}
        filled |= {column: name for name, column in self.source.columns.items()}
        dated = {form.completed_at: "completed_at" for form in mapping.forms if form.completed_at}
        items = {item.column for form in self.forms for item in form}
        for column in mapping.used:
            if column in items:
                continue
            name = filled.get(column) or dated.get(column)
            yield self._variable(column, name, mapping) if name else Variable(column, column, "filter", NOTHING_SAID)

    def _variable(self, column: str, name: str, mapping: FeedMapping) -> Variable:
        of = self.feed.column(name)
        declared = _declared(of)
        defined = None
        if declared in ("code", "label"):
            defined = frozenset(plain_code(c) for c in (*(of.codes or ()), *_range(of), *self._study_codes(name)))
        return Variable(column, name, declared, mapping.codes(name), defined)

    def _study_codes(self, name: str) -> tuple[str, ...]:
        study = self.protocol.study
        if name == "visit":
            return (*(visit.avisit for visit in study.visits), study.weekly.label)
        if name == "module":
            return tuple(module.module for module in study.modules)
        return study_codes(self.protocol).get(name, ())

    def _item(self, instrument: str, item: str, column: str, codes: Codes) -> Variable:
        known = self.protocol.instruments[instrument]
        low, high = known.ranges[item]
        own = [str(n) for n in range(low, high + 1)]
        own += [NOT_APPLICABLE] if item in known.may_be_not_applicable else []
        return Variable(column, f"{instrument}.{item}", "item", codes, frozenset(own), low, high)

    def save(self, folder: Path, delivery_id: str) -> Path:
        """Write the dictionary: one row a column and variable, in the order of the file."""
        import polars as pl

        header = self.table.header
        place = {shown(name): i for i, name in enumerate(header or [], start=1)}
        rows = [
            {
                "delivery_id": delivery_id,
                "position": place.get(shown(variable.column)),
                "expected_since": self.source.expected_since(variable.column),
                **variable.facts(),
            }
            for variable in self._variables()
        ]
        columns = {"delivery_id": pl.String(), "position": pl.Int64(), "expected_since": pl.Date(), **shape()}
        table = pl.DataFrame(rows, schema=columns, orient="row")
        table = table.unique(["column_name", "variable"], keep="first", maintain_order=True)
        content = BytesIO()
        table.sort("position", "column_name", "variable").write_parquet(content, compression="zstd")
        return effects.write(folder / VARIABLES, content.getvalue(), part=True)

    def _variables(self) -> Iterator[Variable]:
        """Every variable in the file, then the columns that no feed knows."""
        seen = list(self.table.seen)
        mapping = self.mapping or FeedMapping(self.feed, self.source, (), tuple(seen), tuple(self.others))
        if self.mapping is None:
            yield from (
                Variable(column, column, "unread", NOTHING_SAID) for column in seen if self.source.reads(column)
            )
            # Where little of it is known the first line may be data.
            is_header = has_a_known_name(seen, (self.source, *self.others))
            others = [column for column in seen if not self.source.reads(column)]
            is_header &= not may_be_data(mapping.unknown(others), seen)
            seen = others if is_header else []
        there = set(seen)
        measured = [*self.columns, *(item for form in self.forms for item in form), *self.items.values()]
        # A dot leads into an object: of a JSON file only the names at the top show.
        yield from (v for v in measured if {v.column, v.column.partition(".")[0]} & there)
        yield from (Variable(column, "", "unknown", NOTHING_SAID) for column in mapping.unknown(seen))


def _read(kept: Cells, variables: Sequence[Variable]) -> pl.DataFrame:
    """The cells of each variable as the mapping reads them."""
    return kept.cells.select(kept.read(v.column, v.codes).alias(str(i)) for i, v in enumerate(variables))


def _take_form(kept: Cells, form: Sequence[Variable]) -> None:
    """Answers that stand side by side; where there is none the form was not filled in."""
    import polars as pl

    read = _read(kept, form)
    filled = read.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    texts, read = kept.cells.filter(filled), read.filter(filled)
    for item, of_item in zip(form, read, strict=True):
        item.take(texts[item.column], of_item)


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
