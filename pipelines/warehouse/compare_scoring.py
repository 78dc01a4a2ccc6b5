"""Two rules of one instrument side by side: the same SQL over the same records, once with each rule.

The last build lends the records; everything that depends on the instruments is derived anew in memory, and nothing
is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.study.instrument import Instrument
from pipelines.study.load import Protocol
from pipelines.warehouse.blinding import may_hold
from pipelines.warehouse.database import CLOSED, build_file
from pipelines.warehouse.errors import WarehouseError, reason
from pipelines.warehouse.graph import Graph, load_graph
from pipelines.warehouse.quoting import identifier, literal
from pipelines.warehouse.render import Answer
from pipelines.warehouse.study_tables import create_study_tables, study_columns
from pipelines.workspace import Workspace

SCORES = "analysis.adqs"
RULES = ("rule_a", "rule_b")
_MEMORY = Path(":memory:")
# What is rebuilt reads, in the end, one of these.
_RULES_OF_SCORING = {
    f"study.{name}" for name in ("instrument", "item", "score", "score_part", "score_item", "score_band", "value_set")
}


@dataclass(frozen=True)
class Comparison:
    """`parameters`: for each parameter how many records and people differ, and how the values shift from the first
    rule to the second. `primary`: the same at the visit of the primary outcome, among the records that stand for it,
    by arm where arms may be seen. `people`: who differs there or elsewhere, empty where nobody may be named.
    `is_primary`: whether the primary parameter is one of those compared.
    """

    parameters: Answer
    primary: Answer
    people: Answer
    is_primary: bool


def compare_scoring(
    workspace: Workspace,
    protocol: Protocol,
    rules: tuple[Instrument, Instrument],
    *,
    paramcd: str | None = None,
    unblinded: bool = False,
) -> Comparison:
    """Score the records of the last build with both rules. Without `unblinded` only what the blinded file may hold
    is looked at, and nobody is named. Raises WarehouseError."""
    import duckdb

    _must_fit(protocol, rules, paramcd)
    graph = load_graph()
    try:
        con = duckdb.connect(":memory:", config=dict(CLOSED))
        try:
            con.execute("SET TimeZone = 'UTC'")
            _lend(con, workspace)
            for catalog, rule in zip(RULES, rules, strict=True):
                _derive(
                    con, graph, catalog, replace(protocol, instruments={**protocol.instruments, rule.instrument: rule})
                )
            _pair(con, graph, protocol, {s.paramcd for s in rules[0].scores}, paramcd, unblinded)
            return _compared(con, protocol, unblinded)
        finally:
            con.close()
    except duckdb.Error as error:
        raise WarehouseError(f"the rules could not be compared: {reason(error)}") from None


def _must_fit(protocol: Protocol, rules: tuple[Instrument, Instrument], paramcd: str | None) -> None:
    first, second = rules
    if first.instrument != second.instrument:
        raise WarehouseError(f"{first.instrument} and {second.instrument} are two instruments, not two rules of one")
    if first.instrument not in protocol.instruments:
        raise WarehouseError(f"the study does not use {first.instrument}; it uses {', '.join(protocol.instruments)}")
    both = sorted({s.paramcd for s in first.scores} & {s.paramcd for s in second.scores})
    if not both or (paramcd and paramcd not in both):
        raise WarehouseError(f"the rules share no such parameter; both have {', '.join(both) or 'none'}")


def _lend(con: Any, workspace: Workspace) -> None:
    import duckdb

    file = build_file(workspace)
    if not file.exists():
        raise WarehouseError("nothing has been built yet; run `ict-trial nightly` first")
    try:
        con.execute(f"ATTACH {literal(str(file))} AS built (READ_ONLY)")
    except duckdb.IOException:
        raise WarehouseError("a night is at work on the build; compare again when it has ended") from None


def _derive(con: Any, graph: Graph, catalog: str, protocol: Protocol) -> None:
    """In an empty catalog, `analysis.adqs` as it would be by this protocol, and what it is made of."""
    con.execute(f"ATTACH ':memory:' AS {catalog}")
    con.execute(f"USE {catalog}")
    as_of, code = con.execute("SELECT as_of, code_version FROM built.study.setting").fetchone()
    create_study_tables(con, protocol, as_of, code, file=_MEMORY)
    rebuilt = _depending(graph)
    for name in _needed(graph):
        layer = name.split(".")[0]
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(layer)}")
        if name in rebuilt:
            con.execute(f"CREATE TABLE {identifier(name)} AS {graph.queries[name].sql.rstrip().rstrip(';')}")
        else:
            con.execute(f"CREATE VIEW {identifier(name)} AS FROM built.{identifier(name)}")


def _depending(graph: Graph) -> set[str]:
    """Tables that some rule of scoring shapes."""
    found: set[str] = set()
    for name in graph.order:
        if set(graph.queries[name].reads) & (found | _RULES_OF_SCORING):
            found.add(name)
    return found


def _needed(graph: Graph) -> list[str]:
    """What `analysis.adqs` is derived from and itself, in order; of what no rule shapes, only the last step."""
    rebuilt, wanted = _depending(graph), {SCORES}
    for name in reversed(graph.order):
        if name in wanted and name in rebuilt:
            wanted |= set(graph.queries[name].reads) - set(study_columns())
    lent = sorted(wanted - set(graph.order))
    return [*lent, *(name for name in graph.order if name in wanted)]


def _pair(con: Any, graph: Graph, protocol: Protocol, codes: set[str], paramcd: str | None, unblinded: bool) -> None:
    """`paired`: one row a record, with its value by each rule. The records are the same; their values may not be."""
    con.execute("USE rule_b")
    described = graph.dictionary[SCORES]
    seen_by = protocol.study.who_sees_outcomes
    seen = ["TRUE" if paramcd is None else f"paramcd = {literal(paramcd)}"]
    if not unblinded and seen_by != "none":
        seen += [f"({described.keep_when})"] if described.keep_when else []
        if not may_hold("outcome", seen_by):
            seen.append(f"({described.baseline_when})")
    listed = ", ".join(literal(code) for code in sorted(codes))
    con.execute(
        "CREATE TEMP TABLE paired AS "  # noqa: S608
        "SELECT b.usubjid, b.paramcd, b.avisit, b.adt, a.aval AS aval_a, b.aval AS aval_b, "
        "a.anl01fl AS chosen_a, b.anl01fl AS chosen_b, "
        "round(a.aval, 9) IS DISTINCT FROM round(b.aval, 9) AS differs "
        f"FROM (SELECT * FROM {SCORES} WHERE {' AND '.join(seen)} AND paramcd IN ({listed})) AS b "
        f"JOIN rule_a.{SCORES} AS a ON a.usubjid = b.usubjid AND a.paramcd = b.paramcd AND a.aseq = b.aseq"
    )


_SHIFT = (
    "count(*) AS records, count(*) FILTER (differs) AS differing, "
    "count(DISTINCT usubjid) FILTER (differs) AS people_differing, "
    "count(aval_a) AS values_a, count(aval_b) AS values_b, "
    "round(avg(aval_a), 2) AS mean_a, round(avg(aval_b), 2) AS mean_b, "
    "round(avg(aval_b - aval_a), 2) AS mean_shift, round(max(abs(aval_b - aval_a)), 2) AS largest_shift"
)


def _compared(con: Any, protocol: Protocol, unblinded: bool) -> Comparison:
    primary = protocol.study.outcomes.primary
    asked = {"code": primary.paramcd, "visit": primary.avisit}
    endpoint = (
        "(SELECT usubjid, aval_a, aval_b, round(aval_a, 9) IS DISTINCT FROM round(aval_b, 9) AS differs FROM ("
        "SELECT usubjid, max(aval_a) FILTER (chosen_a = 'Y') AS aval_a, max(aval_b) FILTER (chosen_b = 'Y') AS aval_b "
        "FROM paired WHERE paramcd = $code AND avisit = $visit GROUP BY usubjid) "
        "WHERE coalesce(aval_a, aval_b) IS NOT NULL)"
    )
    by_arm = (
        f"SELECT coalesce(s.arm, '') AS arm, {_SHIFT} FROM {endpoint} AS e "  # noqa: S608
        "JOIN built.core.subject AS s USING (usubjid) GROUP BY arm ORDER BY arm"
    )
    people = "SELECT usubjid, paramcd, avisit, adt, aval_a, aval_b FROM paired WHERE differs ORDER BY ALL"
    held = con.execute("SELECT count(*) FROM paired WHERE paramcd = $code", {"code": primary.paramcd}).fetchone()
    return Comparison(
        parameters=_answer(con, f"SELECT paramcd, {_SHIFT} FROM paired GROUP BY paramcd ORDER BY paramcd"),  # noqa: S608
        primary=_answer(con, by_arm if unblinded else f"SELECT {_SHIFT} FROM {endpoint}", asked),  # noqa: S608
        people=_answer(con, people) if unblinded else Answer([], [], []),
        is_primary=held[0] > 0,
    )


def _answer(con: Any, sql: str, asked: dict[str, Any] | None = None) -> Answer:
    rows = con.execute(sql, asked or {}).fetchall()
    described = con.description or []
    return Answer([str(d[0]) for d in described], [str(d[1]) for d in described], rows)
