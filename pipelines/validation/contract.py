"""Typed rows against the feed's contract: which cells break which rule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelines.study.instrument import Instrument
from pipelines.study.load import Protocol
from pipelines.validation.codes import UNSTATED
from pipelines.validation.typed import failed
from schemas.feeds import FEEDS, Feed

if TYPE_CHECKING:
    import pandera.polars as pa
    import polars as pl

WHOLE = r"^[+-]?[0-9]{1,15}(\.0*)?$"
MANY_DIGITS = r"^[+-]?[0-9]{16,}(\.0*)?$"
NOT_APPLICABLE = "NA"
MANY = 10_000  # rows from which on it pays to find out what a column repeats


def study_codes(protocol: Protocol) -> dict[str, tuple[str, ...]]:
    """What a code may be where only the study file knows."""
    codes = {"instrument": tuple(protocol.instruments)}
    arms = tuple(arm.arm for arm in protocol.study.arms)
    return codes | ({"arm": arms, "second_arm": arms} if arms else {})


@lru_cache(maxsize=64)
def _schema(
    feed: str, codes: tuple[tuple[str, tuple[str, ...]], ...], columns: tuple[str, ...] | None = None
) -> pa.DataFrameSchema:
    """The feed's schema, or what it says of some columns."""
    import pandera.backends.polars.builtin_checks  # noqa: F401 (what the checks do: a schema copies it when it is made)

    whole = FEEDS[feed].schema(dict(codes))
    return whole if columns is None else whole.select_columns(list(columns))


def judge_rows(rows: pl.DataFrame, feed: Feed, codes: Mapping[str, tuple[str, ...]]) -> list[pl.DataFrame]:
    """Failures of the feed's pandera schema (see `Typed.failures`). Never raises for what the rows hold.

    pandera asks for each check's answer several times over, and of most files every one passes: so all the checks are
    asked in one query first, and the schema is gone through only for columns of which one does not pass.
    """
    from pandera.errors import SchemaErrors

    if feed.name == "questionnaires":
        rows = rows.with_columns(completed_at=_dated())
    known = tuple(sorted(codes.items()))
    broken = broken_columns(rows, _schema(feed.name, known))
    if not broken:
        return []
    try:
        _schema(feed.name, known, broken).validate(rows.select(broken), lazy=True)
    except SchemaErrors as errors:
        return [failure for error in errors.schema_errors if (failure := _failure(error)) is not None]
    return []


def broken_columns(rows: pl.DataFrame, schema: pa.DataFrameSchema) -> tuple[str, ...]:
    """The columns of which some row does not pass a check of the schema, or lacks a value that it must have."""
    import polars as pl
    from pandera.api.polars.types import PolarsData
    from pandera.backends.polars.checks import PolarsCheckBackend

    whole = rows.lazy()
    passes: list[pl.LazyFrame] = []
    columns: list[str] = []
    for name, column in schema.columns.items():
        # A check looks at one cell alone: of a text that repeats it is enough to ask once, which pays for two checks.
        once = len(column.checks) > 1 and _repeats(rows[name])
        asked = rows[name].unique().to_frame().lazy() if once else whole
        answers = [PolarsCheckBackend(check).check_fn(PolarsData(asked, name)) for check in column.checks]
        answers += [] if column.nullable else [asked.select(pl.col(name).is_not_null())]
        for answer in answers:
            passes.append(answer.select(pl.all().fill_null(True).all().alias(str(len(columns)))))
            columns.append(name)
    (verdicts,) = pl.concat(passes, how="horizontal").collect().rows() if passes else ((),)
    broken = {name for name, passed in zip(columns, verdicts, strict=True) if not passed}
    return tuple(name for name in schema.columns if name in broken)


def _repeats(cells: pl.Series) -> bool:
    """Whether a column is long, and its texts come again and again."""
    import polars as pl

    if len(cells) < MANY or cells.dtype != pl.String or cells.null_count() == len(cells):
        return False
    return cells.head(MANY).n_unique() <= MANY // 2


def _dated() -> pl.Expr:
    """A date alone is an answer's time as well; an answer that is missing for a stated reason needs none."""
    import polars as pl

    said = pl.col("value").is_null() & (pl.col("missing_reason") != UNSTATED)
    return pl.coalesce("completed_on", pl.when(said).then(pl.date(1, 1, 1)))


def _failure(error: Any) -> pl.DataFrame | None:
    import polars as pl

    output = error.check_output
    assert output is not None, "the rows have every column of the contract"
    output = output.collect() if isinstance(output, pl.LazyFrame) else output
    passed = output.to_series() if isinstance(output, pl.DataFrame) else output
    rule = "missing_key" if error.reason_code.name == "SERIES_CONTAINS_NULLS" else error.check.name
    return failed(~passed.fill_null(True), rule, error.schema.name)


def item_table(protocol: Protocol) -> pl.DataFrame:
    """Every item of every instrument, and its totals: what they may be answered with."""
    import polars as pl

    facts = [
        (name, item, *ends, instrument.listed_values.get(item), *_allowed(instrument, item, ends))
        for name, instrument in protocol.instruments.items()
        for item, ends in (instrument.ranges | instrument.totals).items()
    ]
    shape: dict[str, Any] = {
        "instrument": pl.String,
        "item": pl.String,
        "low": pl.Int64,
        "high": pl.Int64,
        "listed": pl.List(pl.Int64),
        "may_be_na": pl.Boolean,
        "allowed": pl.String,
    }
    return pl.DataFrame(facts, schema=shape, orient="row")


def _allowed(instrument: Instrument, item: str, ends: tuple[int, int]) -> tuple[bool, str]:
    """Whether an item may be answered NA, and in words what it may hold."""
    may_be_na = item in instrument.may_be_not_applicable
    low, high = ends
    listed = instrument.listed_values.get(item)
    allowed = f"one of {', '.join(map(str, listed))}" if listed else f"from {low} to {high}"
    return may_be_na, allowed + (f", or {NOT_APPLICABLE}" if may_be_na else "")


def judge_answers(rows: pl.DataFrame, items: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Answers against the instruments: the rows with `value` in its one spelling (`2`, not `2.0`), and the
    failures with what is allowed for the item."""
    import polars as pl

    value = pl.col("value")
    whole = value.str.contains(WHOLE)
    number = pl.when(whole).then(value).cast(pl.Float64, strict=False).cast(pl.Int64)
    judged = rows.select("instrument", "item", "value", number.alias("number")).join(
        items, on=["instrument", "item"], how="left", maintain_order="left"
    )
    known = pl.col("low").is_not_null()
    is_na = (value == NOT_APPLICABLE) & pl.col("may_be_na")
    too_long = value.str.contains(MANY_DIGITS)
    number = pl.col("number")
    unlisted = pl.col("listed").is_not_null() & ~pl.col("listed").list.contains(number)
    outside = (number < pl.col("low")) | (number > pl.col("high")) | unlisted | too_long
    instruments = items["instrument"].unique().to_list()
    verdict = (
        pl.when(~known & pl.col("item").is_not_null() & pl.col("instrument").is_in(instruments))
        .then(pl.lit("unknown_item"))
        .when(~known | value.is_null() | is_na)
        .then(pl.lit(None, pl.String))
        .when(number.is_null() & ~too_long)
        .then(pl.lit("not_whole_number"))
        .when(outside)
        .then(pl.lit("out_of_range"))
        .otherwise(pl.lit(None, pl.String))
    )
    canonical = pl.when(number.is_not_null() & known).then(number.cast(pl.String)).otherwise(value)
    found = judged.select(verdict.alias("rule"), canonical.alias("value"), "allowed")
    rows = rows.with_columns(found["value"])
    if found["rule"].null_count() == found.height:
        return rows, []
    failures = (
        found.with_row_index("row")
        .filter(pl.col("rule").is_not_null())
        .select(
            pl.col("row").cast(pl.Int64),
            "rule",
            pl.when(pl.col("rule") == "unknown_item").then(pl.lit("item")).otherwise(pl.lit("value")).alias("column"),
            pl.col("allowed").fill_null(""),
        )
    )
    return rows, [failures]
