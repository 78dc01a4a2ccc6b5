"""What a site is told about a refused row: what was expected there and what to do. Never what stood there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.study.shapes import ERA, ISO, MILLISECONDS, SECONDS, DateShape, Number, Offset
from schemas.feeds import Column, Feed

_CORRECT = "correct it and send the file again"
_SHAPES = {
    ERA: "a date by the year of a Japanese era (令和6年5月1日 or R6.5.1), on a day of that era",
    SECONDS: "whole seconds since 1970-01-01 in UTC",
    MILLISECONDS: "whole milliseconds since 1970-01-01 in UTC",
}
_WRITTEN = {
    "decimal_point": "digits with a decimal point, no unit and no comma (where the file writes a decimal comma, the "
    "study file says `decimal_comma` under `numbers`)",
    "decimal_comma": "digits with a decimal comma, no unit and no point",
    "iso8601_duration": "a duration as ISO 8601 has it, in days, hours, minutes and seconds (PT1M30S)",
    "clock": "a duration by the clock (1:30 or 0:01:30)",
}


@dataclass(frozen=True)
class Wording:
    """The facts that messages of one delivery name."""

    feed: Feed
    codes: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, DateShape]
    numbers: Mapping[str, Number]
    zone: str
    site_id: str
    placed_by_manifest: bool

    def message(self, rule: str, column: str, column_name: str, allowed: str, damage: str = "") -> str:
        """`column` is the feed's, `column_name` the file's; `allowed` what an item may hold; `damage` what a
        spreadsheet has done to the cell, and what to do then."""
        said: str = getattr(self, f"_{rule}")(column, column_name, allowed)
        return f"{said.removesuffix(f'; {_CORRECT}')}; {damage}" if damage else said

    def _of(self, column: str) -> Column | None:
        return next((c for c in self.feed.columns if c.name == column), None)

    def _missing_key(self, column: str, name: str, _: str) -> str:
        return (
            f"`{name}` is empty, and without it the row cannot be told from others; fill it in and send the file again"
        )

    def _bad_identifier(self, column: str, name: str, _: str) -> str:
        return (
            f"`{name}` is not an identifier: expected at most 64 letters and digits of the Latin alphabet, with "
            "_ . : / - between them and no spaces; " + _CORRECT
        )

    def _spreadsheet_error(self, column: str, name: str, _: str) -> str:
        return f"`{name}` holds an error of a spreadsheet's in place of text; {_CORRECT}"

    def _unknown_code(self, column: str, name: str, _: str) -> str:
        known = self.codes.get(column) or (self._of(column) or Column("", "code", "")).codes or ()
        return (
            f"`{name}` holds a code that is not known; allowed are {', '.join(known)}; correct it, or have the "
            "site's code added to the study file"
        )

    def _out_of_range(self, column: str, name: str, allowed: str) -> str:
        return f"`{name}` is outside its range: expected a number {allowed or self._range(column)}; {_CORRECT}"

    def _not_whole_number(self, column: str, name: str, allowed: str) -> str:
        return f"`{name}` is not a whole number: expected one {allowed or self._range(column)}; {_CORRECT}".replace(
            " ; ", "; "
        )

    def _range(self, column: str) -> str:
        facts = self._of(column)
        low, high = (facts.minimum, facts.maximum) if facts else (None, None)
        if low is not None and high is not None:
            return f"from {low:g} to {high:g}"
        if low is not None:
            return f"of at least {low:g}"
        return f"of at most {high:g}" if high is not None else "without decimals"

    def _shape(self, column: str, default: str) -> str:
        shape = self.shapes.get(column, ISO)
        shapes = shape if isinstance(shape, list) else [shape]
        return " or ".join(default if one == ISO else _in_words(one) for one in shapes)

    def _unreadable_date(self, column: str, name: str, allowed: str) -> str:
        shape = self._shape(column, "a calendar date as YYYY-MM-DD")
        if allowed == ERA:
            return self._of_an_era("date", column, name, shape)
        return f"`{name}` is not a date: expected {shape}; {_CORRECT}"

    def _unreadable_time(self, column: str, name: str, allowed: str) -> str:
        shape = self._shape(column, "YYYY-MM-DDThh:mm:ss with an offset such as +09:00, or Z for UTC")
        if allowed == ERA:
            return self._of_an_era("time", column, name, shape)
        return f"`{name}` is not a time: expected {shape}; {_CORRECT}"

    def _of_an_era(self, kind: str, column: str, name: str, shape: str) -> str:
        """A year of a Japanese era is never read unless declared: R6.5.1 may as well be a version or a typing slip."""
        if shape.find(_SHAPES[ERA]) >= 0:
            return f"`{name}` holds a {kind} by a Japanese era that has no such day: expected {shape}; {_CORRECT}"
        return (
            f"`{name}` holds a {kind} by the year of a Japanese era, expected {shape}; send it so, or have the study "
            f"file declare `dates: {{{column}: {ERA}}}`"
        )

    def _unreadable_number(self, column: str, name: str, _: str) -> str:
        shape = self.numbers.get(column)
        return f"`{name}` is not a number: expected {_WRITTEN[shape.written if shape else 'decimal_point']}; {_CORRECT}"

    def _nonexistent_time(self, column: str, name: str, _: str) -> str:
        return (
            f"`{name}` lies in an hour that does not exist in {self.zone}, where the clocks go forward; send the time "
            "with its offset from UTC"
        )

    def _future_time(self, column: str, name: str, _: str) -> str:
        moment = "the period_end of its manifest" if self.placed_by_manifest else "the moment the file was received"
        return (
            f"`{name}` lies after {moment}; check the clock and the time zone of the machine that "
            f"recorded it, {_CORRECT}"
        )

    def _unknown_item(self, column: str, name: str, _: str) -> str:
        return f"`{name}` names an item that its instrument does not have; use the item names of the instrument file"

    def _wrong_site(self, column: str, name: str, _: str) -> str:
        return f"`{name}` says that the row is not of {self.site_id}; take it out, or correct the site of the record"

    def _ragged_row(self, column: str, name: str, _: str) -> str:
        return (
            "the row has more or fewer cells than the header; a cell that holds the delimiter or a line break must "
            "be in quotes; export the file again"
        )

    def _unreadable_row(self, column: str, name: str, _: str) -> str:
        if name:
            return f"`{name}` holds a list or an object: expected one text, number, true or false; {_CORRECT}"
        return (
            "the line is not one JSON object with each name in it once; a line may have been cut or two run together; "
            "send the file again"
        )

    def _conflicting_duplicate(self, column: str, name: str, _: str) -> str:
        return (
            f"the file holds this record ({', '.join(self.feed.key)}) more than once with different content; keep "
            "the right one and send the file again"
        )


def _in_words(shape: str | Offset) -> str:
    if isinstance(shape, Offset):
        return f"a whole number, counted from 1 in steps of {shape.every_days} days"
    return _SHAPES.get(shape, f"the form {shape}")
