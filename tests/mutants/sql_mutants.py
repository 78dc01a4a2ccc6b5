"""The small mistakes that can be made in a SELECT, one at a time, by its syntax tree."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from tests.mutants.mutant import Mutant

COMPARISONS: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
}
OPPOSITES: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.Add: exp.Sub,
    exp.Sub: exp.Add,
    exp.Mul: exp.Div,
    exp.Div: exp.Mul,
    exp.Min: exp.Max,
    exp.Max: exp.Min,
    exp.Floor: exp.Ceil,
    exp.Ceil: exp.Floor,
    exp.LogicalAnd: exp.LogicalOr,
    exp.LogicalOr: exp.LogicalAnd,
    exp.And: exp.Or,
    exp.Or: exp.And,
}


def sql_mutants(file: str, sql: str) -> Iterator[Mutant]:
    """Every mutant of a file, each once."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    seen = {tree.sql("duckdb")}
    for position, _ in enumerate(tree.walk()):
        for changed, mutated in _at(tree, position):
            code = mutated.sql("duckdb")
            if code not in seen:
                seen.add(code)
                yield Mutant(file, changed, code)


def _at(tree: exp.Expression, position: int) -> Iterator[tuple[str, exp.Expression]]:
    """The mutants of one node, as copies of the whole tree."""
    original = _node(tree, position)
    for number, _ in enumerate(_changes(original)):
        whole = tree.copy()
        node = _node(whole, position)
        around = node.parent if isinstance(node, exp.Literal | exp.Ordered) else None
        after = list(_changes(node))[number]()
        if around is not None:
            yield f"{_short(original.parent)}  →  {_short(around)}", whole
        else:
            yield f"{_short(original)}  →  {_short(after)}", whole


def _node(tree: exp.Expression, position: int) -> exp.Expression:
    return next(node for n, node in enumerate(tree.walk()) if n == position)


def _short(node: exp.Expression | None) -> str:
    """The node as SQL; of a long one its ends, of a long sum or the like what stands around the operator."""
    text = " ".join(node.sql("duckdb").split()) if node is not None else "nothing"
    if isinstance(node, exp.Binary) and len(text) > 90:
        left, right = (" ".join(part.sql("duckdb", comments=False).split()) for part in (node.left, node.right))
        return f"… {left[-44:]} {type(node).__name__} {right[:44]} …"
    return text if len(text) <= 90 else f"{text[:60]} … {text[-27:]}"


class _Change:
    """What to do to a node; returns what then stands there."""

    def __init__(self, node: exp.Expression, new: exp.Expression | None) -> None:
        self.node, self.new = node, new

    def __call__(self) -> exp.Expression | None:
        if self.new is None:
            self.node.pop()
        else:
            self.node.replace(self.new)
        return self.new


def _changes(node: exp.Expression) -> Iterator[_Change]:
    yield from _operators(node)
    yield from _constants(node)
    yield from _conditions(node)
    yield from _functions(node)
    yield from _order(node)


def _operators(node: exp.Expression) -> Iterator[_Change]:
    kind = type(node)
    if kind in COMPARISONS and not (kind is exp.EQ and _joins(node)):
        yield _Change(node, COMPARISONS[kind](this=node.this.copy(), expression=node.expression.copy()))
    if kind in OPPOSITES:
        arguments = {
            name: value.copy() if isinstance(value, exp.Expression) else value for name, value in node.args.items()
        }
        yield _Change(node, OPPOSITES[kind](**arguments))
    if isinstance(node, exp.Between):
        value, low, high = node.this.copy(), node.args["low"].copy(), node.args["high"].copy()
        inside = (exp.GTE(this=value, expression=low), exp.LTE(this=value.copy(), expression=high))
        yield _Change(node, inside[0].copy())
        yield _Change(node, inside[1].copy())
        yield _Change(
            node, exp.Paren(this=exp.And(this=exp.GT(this=value.copy(), expression=low.copy()), expression=inside[1]))
        )
        yield _Change(
            node, exp.Paren(this=exp.And(this=inside[0], expression=exp.LT(this=value.copy(), expression=high.copy())))
        )


def _joins(node: exp.Expression) -> bool:
    """The equality by which two tables belong together; without it a query would only be another one."""
    both = isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)
    return both and node.find_ancestor(exp.Join, exp.Select) is not None and node.this.table != node.expression.table


def _constants(node: exp.Expression) -> Iterator[_Change]:
    if isinstance(node, exp.Literal) and not node.is_string and node.find_ancestor(exp.DataType) is None:
        number = float(node.this) if "." in node.this else int(node.this)
        for other in (number + 1, number - 1):
            yield _Change(node, exp.Literal.number(other) if other >= 0 else exp.Neg(this=exp.Literal.number(-other)))


def _conditions(node: exp.Expression) -> Iterator[_Change]:
    if isinstance(node, exp.And | exp.Or):
        yield _Change(node, node.this.copy())
        yield _Change(node, node.expression.copy())
    if isinstance(node, exp.Not):
        yield _Change(node, node.this.copy())
    if isinstance(node, exp.Where | exp.Having | exp.Qualify) and isinstance(node.parent, exp.Select):
        yield _Change(node, None)
    if isinstance(node, exp.Filter):
        yield _Change(node, node.this.copy())
    if isinstance(node, exp.If) and isinstance(node.parent, exp.Case) and len(node.parent.args["ifs"]) > 1:
        yield _Change(node, None)
    if isinstance(node, exp.Join) and node.side == "LEFT" and not node.kind:
        inner = node.copy()
        inner.set("side", None)
        yield _Change(node, inner)


def _functions(node: exp.Expression) -> Iterator[_Change]:
    if isinstance(node, exp.Coalesce):
        yield _Change(node, node.this.copy())
    if isinstance(node, exp.Greatest | exp.Least):
        other = exp.Least if isinstance(node, exp.Greatest) else exp.Greatest
        yield _Change(node, other(this=node.this.copy(), expressions=[e.copy() for e in node.expressions]))
    if isinstance(node, exp.Abs | exp.Round | exp.Distinct) and isinstance(node.this, exp.Expression):
        yield _Change(node, node.this.copy())


def _order(node: exp.Expression) -> Iterator[_Change]:
    """The other way round; the order of texts that are only joined together is not looked at."""
    if isinstance(node, exp.Ordered) and node.find_ancestor(exp.GroupConcat) is None:
        other = node.copy()
        other.set("desc", not node.args.get("desc"))
        yield _Change(node, other)
