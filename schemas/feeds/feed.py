"""What a feed is: its columns, its key, and the pandera schema that guards its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandera.polars as pa

Kind = Literal["identifier", "text", "code", "date", "time", "time_or_date", "instant", "integer", "decimal"]

# Letters, digits and a few joiners of ASCII: a look-alike letter of another script or a space is refused.
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$"
# What a spreadsheet makes of a long number (1.23E+05) or of what looks like a day to it (1-Mar, 2026-03-01).
SPREADSHEET_MADE = (
    r"^(?:\d(?:\.\d+)?[Ee]\+\d+|\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?:-\d{2,4})?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{2,4}|\d{4}-\d{2}-\d{2})$"
)
# What it saves in place of a value that it could not work out; text that says so says nothing.
SPREADSHEET_ERROR = r"^#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|#+)$"


@dataclass(frozen=True)
class Column:
    """One column of a feed.

    An empty cell is a missing value and is accepted, except where the column is `required`.
    `codes` lists what a code may be; None leaves it to the study file. A whole column that is `optional` may
    be absent from a file in the house format.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    codes: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    optional: bool = False


@dataclass(frozen=True)
class Feed:
    """A feed in the house format. `key` identifies a record within study, site and feed.

    `full_by_default`: in a site's own format an export holds everything, so that absence means withdrawal.
    `blinding` marks the feed as a source (see `pipelines.study.source.Blinding`).
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    full_by_default: bool
    blinding: Literal["safe", "outcome", "revealing", "arm"]

    @property
    def header(self) -> list[str]:
        """The columns that every file in the house format has."""
        return [column.name for column in self.columns if not column.optional]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def schema(self, codes: Mapping[str, tuple[str, ...]]) -> pa.DataFrameSchema:
        """The pandera schema (polars) of this feed's typed rows; `codes` are those the study file allows.

        Every check is named after the rule that a refused row is listed under.
        """
        import pandera.polars as pa

        return pa.DataFrameSchema(
            {c.name: _guard(c, codes.get(c.name, c.codes)) for c in self.columns},
            name=self.name,
            strict=False,
        )


def _guard(column: Column, codes: tuple[str, ...] | None) -> pa.Column:
    import pandera.polars as pa

    checks = []
    if column.kind == "identifier":
        checks.append(pa.Check.str_matches(IDENTIFIER, name="bad_identifier"))
        checks.append(_is_not(SPREADSHEET_MADE, "bad_identifier"))
    if column.kind == "text" and column.name != "value":  # an answer is judged by its instrument
        checks.append(_is_not(SPREADSHEET_ERROR, "spreadsheet_error"))
    if codes is not None:
        checks.append(pa.Check.isin(codes, name="unknown_code"))
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, name="out_of_range"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, name="out_of_range"))
    return pa.Column(checks=checks, nullable=not column.required, coerce=False)


def _is_not(shape: str, rule: str) -> pa.Check:
    import pandera.polars as pa
    import polars as pl

    return pa.Check(
        lambda data: data.lazyframe.select(~pl.col(data.key).str.contains(shape)),
        name=rule,
    )
