"""What SQL files may not use.

Everywhere, because the result would depend on chance or on the clock: `random()`, `uuid()`, `now()`,
`current_date` and the like (the day is `study.setting.as_of`), samples, pickers and lists without ORDER BY
(`first`, `last`, `any_value`, `mode`, `string_agg`, `list`), numbering windows without ORDER BY, LIMIT and
DISTINCT ON without ORDER BY, and joins by position.

In `sql/engagement/` also what does not run on Spark: `ASOF` joins, `COLUMNS(…)`, `* EXCLUDE`, `* REPLACE`,
list aggregates, lambdas, PIVOT, and whatever sqlglot cannot translate.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

_CHANCE_FUNCTIONS = {
    "random",
    "rand",
    "uuid",
    "gen_random_uuid",
    "setseed",
    "now",
    "today",
    "current_date",
    "current_time",
    "current_timestamp",
    "get_current_timestamp",
    "transaction_timestamp",
    "localtimestamp",
    "localtime",
}
_PICKERS = (exp.First, exp.Last, exp.AnyValue, exp.Mode, exp.ArrayAgg, exp.GroupConcat)
_NULLS = (exp.IgnoreNulls, exp.RespectNulls)
_NUMBERING = (
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.Lag,
    exp.Lead,
    exp.FirstValue,
    exp.LastValue,
    exp.Ntile,
    exp.NthValue,
)
_NEVER_ON_SPARK = {exp.Columns: "COLUMNS(…)", exp.Pivot: "PIVOT", exp.Lambda: "a lambda"}


def chance(tree: exp.Query) -> Iterator[str]:
    """What would make the result depend on chance, on the clock, or on the number of threads."""
    for call in tree.find_all(exp.Func):
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if name in _CHANCE_FUNCTIONS:
            yield f"uses {name}, which differs from run to run"
    for picker in tree.find_all(*_PICKERS):
        if not picker.find(exp.Order) and not picker.find_ancestor(exp.Window):
            yield f"uses {picker.sql_name().lower()} without ORDER BY inside; which row it takes is chance"
    yield from _unordered(tree)


def _unordered(tree: exp.Query) -> Iterator[str]:
    if tree.find(exp.TableSample):
        yield "draws a sample, which differs from run to run"
    for window in tree.find_all(exp.Window):
        inside = window.this
        numbering = isinstance(inside.this if isinstance(inside, _NULLS) else inside, _NUMBERING)
        named = window.args.get("alias")  # OVER w: the ORDER BY stands in the WINDOW clause
        if numbering and not window.args.get("order") and not named:
            yield f"has a window without ORDER BY: {window.sql('duckdb')[:60]}"
    for query in tree.find_all(exp.Query):
        distinct = query.args.get("distinct")
        picks = query.args.get("limit") or (isinstance(distinct, exp.Distinct) and distinct.args.get("on"))
        if picks and not query.args.get("order"):
            yield "picks rows by LIMIT or DISTINCT ON without ORDER BY"
    if any(join.method == "POSITIONAL" for join in tree.find_all(exp.Join)):
        yield "joins by position"


def unportable(tree: exp.Query) -> Iterator[str]:
    """What would not run, or would run differently, on Spark."""
    if any(join.method == "ASOF" for join in tree.find_all(exp.Join)):
        yield "uses an ASOF join, which Spark does not have"
    for star in tree.find_all(exp.Star):
        if star.args.get("except_") or star.args.get("replace"):
            yield "uses * EXCLUDE or * REPLACE, which Spark does not have"
    for kind, words in _NEVER_ON_SPARK.items():
        if tree.find(kind):
            yield f"uses {words}, which Spark does not have"
    if tree.find(exp.ArrayAgg):
        yield "uses a list aggregate, whose order Spark does not keep"
    try:
        sqlglot.transpile(tree.sql("duckdb"), read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        yield f"cannot be translated for Spark: {str(error).splitlines()[0]}"


def inexact_sums(tree: exp.Query, schema: MappingSchema) -> list[str]:
    """Sums and means over DOUBLE: their last digits depend on the number of threads."""
    typed = annotate_types(
        qualify(tree.copy(), schema=schema, dialect="duckdb", identify=False, validate_qualify_columns=False),
        schema=schema,
        dialect="duckdb",
    )
    inexact = {exp.DType.DOUBLE, exp.DType.FLOAT}
    return [
        f"adds up DOUBLE in {call.sql('duckdb')[:60]}; cast to DECIMAL or an integer first"
        for call in typed.find_all(exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.Variance)
        if call.this.type is not None and call.this.type.this in inexact and not call.find(exp.Order)
    ]
