"""What a spreadsheet has done to a cell, told by what is left of it.

Such cells are refused, never put right: of 1.23E+05 the digits are lost, of 1-Mar the year, and 45123 is a day only
to whoever knows that it was one. Excel does it on opening a CSV or on typing, and again without a word on saving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.landing.readers import UnreadableError
from pipelines.landing.readers.xlsx_damage import LAST_ROWS

if TYPE_CHECKING:
    import polars as pl

_INSTEAD = (
    "; export it again straight from the system that the data come from and send that file without opening it in a "
    "spreadsheet, or give the column the format Text before anything is entered"
)
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_OF_DATES = ("unreadable_date", "unreadable_time")
_ANY = ("bad_identifier", "unknown_code", "unreadable_number", "not_whole_number", "spreadsheet_error", *_OF_DATES)
# Rules under which a cell was refused, what it looks like, what to say; the first that fits.
_DAMAGES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        _ANY,
        r"^(?:#N/A|#REF!|#VALUE!|#DIV/0!|#NAME\?|#NUM!|#NULL!|#SPILL!|#CALC!|#+)$",
        "a spreadsheet shows an error (such as #N/A) or a column too narrow (####) there, and has saved that in "
        "place of the value",
    ),
    (_ANY, r"^=", "a spreadsheet's formula stands there in place of the value"),
    (
        _OF_DATES,
        r"^[1-9]\d{4}(?:[.,]\d+)?$",
        "a spreadsheet has turned the date into its own count of days (such as 45123)",
    ),
    (
        _OF_DATES,
        rf"^(?:\d{{1,2}}-{_MONTH}(?:-\d{{2,4}})?|{_MONTH}-\d{{2,4}}|\d{{1,2}}月\d{{1,2}}日)$",
        "a spreadsheet has shortened the date (as 1-Mar), so that a part of it is lost",
    ),
    (
        _OF_DATES,
        r"^(?:\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{4}/\d{1,2}/\d{1,2})(?: \d{1,2}:\d{2}(?::\d{2})?(?: [AP]M)?)?$",
        "it is written as a spreadsheet of one country or another writes dates (5/1/2026), and the study file does "
        "not say which (under `dates`, where the site's own system writes so)",
    ),
    (
        ("unreadable_time",),
        r"^\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d)?(?: [AP]M)?$",
        "a spreadsheet has kept a part of the time only (as 30:00.0), so that its day is lost",
    ),
    (
        _ANY,
        r"^[+-]?\d(?:[.,]\d+)?[Ee][+-]?\d+$",
        "a spreadsheet has shortened a long number (as 1.23E+05), so that its digits are lost",
    ),
    (
        ("bad_identifier", "unknown_code", "unreadable_number", "not_whole_number"),
        rf"^(?:\d{{1,2}}-{_MONTH}(?:-\d{{2,4}})?|{_MONTH}-\d{{2,4}}|\d{{1,2}}月\d{{1,2}}日|\d{{4}}-\d{{2}}-\d{{2}}(?:T.*)?)$",
        "a spreadsheet has taken it for a date (as 1-Mar)",
    ),
)


def with_damage(failures: pl.DataFrame, text: pl.DataFrame) -> pl.DataFrame:
    """The failures (row, rule, column) with `damage`: what a spreadsheet did to the cell, empty where it did nothing.

    `text` holds the cells as they were sent, by the feed's columns.
    """
    import polars as pl

    parts = []
    for (column,), found in failures.group_by("column", maintain_order=True):
        known = column in text.columns
        cells = text[str(column)][found["row"]] if known else pl.Series([None], dtype=pl.String)
        parts.append(found.with_columns(_damage(pl.lit(cells)).alias("damage")))
    return pl.concat(parts) if parts else failures.with_columns(pl.lit("").alias("damage"))


def _damage(cell: pl.Expr) -> pl.Expr:
    import polars as pl

    said = pl.lit("")
    for rules, shape, did in reversed(_DAMAGES):
        fits = pl.col("rule").is_in(rules) & cell.str.contains(shape).fill_null(False)
        said = pl.when(fits).then(pl.lit(did + _INSTEAD)).otherwise(said)
    return said


def refuse_cut_text(n_records: int, announced: int | None) -> None:
    """Refuse a text file that ends where a spreadsheet's sheet ends, with its header or without, unless its manifest
    says that so many rows were exported. Raises UnreadableError."""
    for limit, ending in LAST_ROWS.items():
        if n_records in (limit, limit - 1) and announced != n_records:
            raise UnreadableError(
                f"the file has {n_records:,} rows below its header, which is where a sheet of {ending} ends: Excel has "
                "most likely cut off what came after when it opened and saved the file; have the export sent as the "
                "system that the data come from writes it, or, if there are exactly so many, with a manifest that "
                "says so (`rows`)"
            )
