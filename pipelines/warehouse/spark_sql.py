"""A SQL file of `sql/engagement/` in Spark's words.

sqlglot translates; on top of that, what the two engines would compute differently from the same words, or what
sqlglot passes on as it stands, is said in words that mean the same on both.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

_RENAMED = {"epoch_us": "unix_micros"}


def spark_sql(sql: str) -> str:
    """The query for Spark. It reads each table as the view that `view_name` names."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    for change in (_floating_division, _renamed, _view, _without_hints):
        tree = tree.transform(change)
    return tree.sql("spark", comments=False)


def view_name(table: str) -> str:
    """`core.usage` → `core__usage`: Spark's temporary views lie outside schemas."""
    return table.replace(".", "__")


def _floating_division(node: exp.Expression) -> exp.Expression:
    """DuckDB's `/` is IEEE division whatever it divides; Spark's would give a DECIMAL of fewer digits."""
    if isinstance(node, exp.Div):
        node.set("this", exp.cast(node.this, exp.DType.DOUBLE))
    return node


def _renamed(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Anonymous) and node.name.lower() in _RENAMED:
        return exp.Anonymous(this=_RENAMED[node.name.lower()], expressions=node.expressions)
    return node


def _view(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Table) and node.db:
        alias = exp.TableAlias(this=exp.to_identifier(node.alias_or_name))
        return exp.to_table(view_name(f"{node.db}.{node.name}"), alias=alias)
    return node


def _without_hints(node: exp.Expression) -> exp.Expression:
    """`AS MATERIALIZED` helps DuckDB's planner; Spark has no such word, and the rows are the same without."""
    if isinstance(node, exp.CTE):
        node.set("materialized", None)
    return node
