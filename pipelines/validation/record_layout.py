"""How rows lie in the files of a delivery: their columns, their keys, and the lines of quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers import shown
from pipelines.landing.receipt import Receipt
from pipelines.validation.mapping import FeedMapping
from pipelines.validation.messages import Wording
from schemas.feeds import Feed

if TYPE_CHECKING:
    import polars as pl

# A row is told apart by its key even when one of these refuses it.
_LEAVES_KEY_READABLE = ("future_time", "unknown_item")


@dataclass(frozen=True)
class Layout:
    """The files of one feed."""

    feed: Feed

    @cached_property
    def columns(self) -> dict[str, Any]:
        """The feed's columns typed, with what is derived from a time beside it."""
        import polars as pl

        instant = pl.Datetime("us", "UTC")
        simple = {"integer": pl.Int64(), "decimal": pl.Float64(), "date": pl.Date(), "instant": instant}
        shape: dict[str, Any] = {}
        for column in self.feed.columns:
            if column.kind in ("time", "time_or_date"):
                shape[column.name] = instant
                shape[column.name.removesuffix("_at") + "_on"] = pl.Date()
                shape["clock_note"] = pl.String()
            else:
                shape[column.name] = simple.get(column.kind, pl.String())
        if self.has_source_column:
            shape |= {"source_column": pl.String(), "missing_reason": pl.String()}
        return shape

    @property
    def has_source_column(self) -> bool:
        return self.feed.name == "questionnaires"

    @cached_property
    def accepted(self) -> dict[str, Any]:
        return _place_shape() | self.columns

    @cached_property
    def refused(self) -> dict[str, Any]:
        """What refused rows say, kept only until duplicates have been looked for."""
        import polars as pl

        return self.accepted | {"unread": pl.String()}

    @property
    def distinct(self) -> tuple[str, ...]:
        alone = self.feed.key if len(self.feed.key) == 1 else ()
        return ("row_no", "line_no", "record_key", *alone)

    @cached_property
    def content(self) -> list[str]:
        """The columns in which two rows with the same key may differ."""
        derived = {"clock_note", "source_column", "missing_reason"} | {
            name for name in self.columns if name.endswith("_on")
        }
        own = set(self.feed.header)
        return [n for n in self.columns if n not in self.feed.key and (n in own or n not in derived)]

    def key(self) -> pl.Expr:
        """The key's values joined by `|`, a missing one as nothing, a time in UTC."""
        import polars as pl

        if len(self.feed.key) == 1:
            return pl.col(self.feed.key[0])
        parts = [self._key_part(name) for name in self.feed.key]
        return pl.concat_str(parts, separator="|")

    def _key_part(self, name: str) -> pl.Expr:
        import polars as pl

        column = self.feed.column(name)
        if column.kind != "time_or_date":
            return pl.col(name) if column.required else pl.col(name).fill_null("")
        instant = pl.col(name).dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ")
        return pl.coalesce(instant, pl.col(name.removesuffix("_at") + "_on").dt.to_string("%Y-%m-%d")).fill_null("")

    def refused_rows(self, broken: pl.DataFrame, text: pl.DataFrame) -> pl.DataFrame:
        """Refused rows with the text of the cells that could not be read: two of them may differ in that alone."""
        import polars as pl

        sent = text[broken["row"]].select(pl.col(name).alias(f"sent:{name}") for name in self.content)
        both = pl.concat([broken, sent], how="horizontal")
        unread = [pl.when(pl.col(name).is_null()).then(pl.col(f"sent:{name}")).fill_null("") for name in self.content]
        return both.with_columns(pl.concat_str(unread, separator="\x1f").alias("unread")).filter(
            pl.col("record_key").is_not_null()
        )


def _place_shape() -> dict[str, Any]:
    import polars as pl

    return {
        "delivery_id": pl.String(),
        "site_id": pl.String(),
        "row_no": pl.Int64(),
        "line_no": pl.Int64(),
        "record_key": pl.String(),
    }


def quarantine_shape() -> dict[str, Any]:
    import polars as pl

    return {
        "delivery_id": pl.String(),
        "site_id": pl.String(),
        "feed": pl.String(),
        "row_no": pl.Int64(),
        "line_no": pl.Int64(),
        "rule": pl.String(),
        "column_name": pl.String(),
        "message": pl.String(),
        "record_key": pl.String(),
    }


def once_a_cell(failures: list[pl.DataFrame]) -> pl.DataFrame:
    """All failures, without the empty cell that a cell which could not be read leaves behind."""
    import polars as pl

    every = pl.concat(failures).unique(["row", "rule", "column"], keep="first", maintain_order=True)
    unreadable = every.filter(pl.col("rule") != "missing_key").select("row", "column")
    missing = every.filter(pl.col("rule") == "missing_key").join(unreadable, on=["row", "column"], how="anti")
    return pl.concat([every.filter(pl.col("rule") != "missing_key"), missing])


def rows_without_key(failures: pl.DataFrame, feed: Feed) -> pl.Series:
    """Positions of the rows of which a key column itself was refused."""
    import polars as pl

    of_key = pl.col("column").is_in(feed.key) & ~pl.col("rule").is_in(_LEAVES_KEY_READABLE)
    return failures.filter(of_key)["row"].unique()


def with_file_columns(lines: pl.DataFrame, mapping: FeedMapping) -> pl.DataFrame:
    """Failures with the file's own name of the column: what the site knows it by."""
    import polars as pl

    columns = {column.name: mapping.file_column(column.name) for column in mapping.feed.columns}
    name = pl.col("column").replace(list(columns), list(columns.values()))
    if mapping.forms:
        dated = {number: form.completed_at or "completed_at" for number, form in enumerate(mapping.forms)}
        of_form = pl.col("form").replace_strict(list(dated), list(dated.values()), return_dtype=pl.String)
        name = (
            pl.when(pl.col("column").is_in(["value", "item"]))
            .then("source_column")
            .when(pl.col("column") == "completed_at")
            .then(of_form)
            .otherwise(name)
        )
    return lines.with_columns(name.alias("column_name"))


def quarantine_lines(lines: pl.DataFrame, wording: Wording, receipt: Receipt) -> pl.DataFrame:
    """One line a refused cell or row, with the message for the site; once for each row, rule and column."""
    import polars as pl

    defaults = {"column": "", "allowed": "", "damage": "", "record_key": None}
    absent = [pl.lit(text, pl.String).alias(name) for name, text in defaults.items() if name not in lines.columns]
    facts = ["rule", "column", "column_name", "allowed", "damage"]
    lines = lines.with_columns(absent)
    kinds = lines.select(facts).unique()
    worded = [
        {**kind, "message": wording.message(**{**kind, "column_name": shown(kind["column_name"])})}
        for kind in kinds.iter_rows(named=True)
    ]
    names = {name: shown(name) for name in kinds["column_name"].unique().to_list()}
    return (
        lines.join(pl.DataFrame(worded, schema=dict.fromkeys([*facts, "message"], pl.String)), on=facts, how="left")
        .with_columns(
            pl.col("column_name").replace(list(names), list(names.values())),
            pl.lit(receipt.feed).alias("feed"),
        )
        .unique(["row_no", "rule", "column_name"], keep="first", maintain_order=True)
        .sort("row_no", "column_name", "rule", maintain_order=True)
    )
