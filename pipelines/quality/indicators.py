"""Each site indicator's status at each site: a function of stored counts and the study file, and of nothing else.

The night calls it with what SQL has counted, and a report that is rendered again with what the snapshot holds, so that
a tolerance can be changed without running the data again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.quality.exact import (
    ACTION,
    WATCH,
    Kind,
    cut,
    flag_of,
    flags_from,
    funnel_scores,
    higher_than_others,
    upper_tail,
    wilson,
)
from pipelines.quality.judge import Status, arrivals_of
from pipelines.study.indicator import Indicator, load_indicators
from pipelines.study.study import Limit, Study

if TYPE_CHECKING:
    import duckdb

FUNNEL_FROM = 10  # sites; with fewer the score cannot pass √k
FAR = 2.0  # a score beyond it is listed
COMPARED_FROM = 10  # records on either side
HIGHER = 0.01
Fixed = Literal["BROKEN", "NO_DATA", "NOT_APPLICABLE"]


@dataclass(frozen=True)
class Count:
    """What was counted at a site: x bad events of n. `fixed`: the status that no tolerance can change."""

    kri: str
    site_id: str
    n: int
    x: int
    n_critical: int = 0
    fixed: Fixed | None = None

    @property
    def judged(self) -> bool:
        return self.fixed is None and self.n > 0


@dataclass(frozen=True)
class Tail:
    """The exact verdict on one count, as columns of `quality.kri`."""

    p_upper: float | None = None
    watch_from: int | None = None
    action_from: int | None = None
    power_watch: float | None = None
    power_action: float | None = None
    chance_watch: float | None = None
    chance_action: float | None = None


def counts_of(con: duckdb.DuckDBPyConnection, study: Study) -> list[Count]:
    """What SQL counted tonight for each indicator and site, from `quality.counted_unit` and `quality.arrival`."""
    rows = con.execute("""
        SELECT number, site_id, CAST(sum(n) AS BIGINT), CAST(sum(x) AS BIGINT), CAST(sum(n_critical) AS BIGINT)
        FROM quality.counted_unit
        GROUP BY number, site_id
    """).fetchall()
    counted = {(number, site): (n, x, critical) for number, site, n, x, critical in rows}
    there = arrivals_of(con)
    return [
        Count(i.kri, s.site, *counted.get((i.kri, s.site), (0, 0, 0)), _fixed(i, s.site, study, counted, there))
        for i in load_indicators()
        for s in study.sites
    ]


def _fixed(
    indicator: Indicator,
    site: str,
    study: Study,
    counted: Mapping[tuple[str, str], tuple[int, int, int]],
    there: Mapping[tuple[str, str], bool],
) -> Fixed | None:
    n, x, _ = counted.get((indicator.kri, site), (0, 0, 0))
    if n < 0 or x < 0 or (indicator.kind != "rate" and x > n):
        return "BROKEN"
    arrived = [there.get((site, feed)) for feed in indicator.feeds]
    if False in arrived:
        return "NO_DATA"
    return "NOT_APPLICABLE" if None in arrived or not indicator.concerns(study) else None


def stored_count(row: Mapping[str, Any]) -> Count:
    """The count behind a row of `quality.kri`."""
    fixed = row["status"] if row["status"] in ("BROKEN", "NO_DATA", "NOT_APPLICABLE") else None
    return Count(row["kri"], row["site_id"], row["denominator"], row["numerator"], row["n_critical"], fixed)


def judge_indicators(
    counts: Sequence[Count], study: Study, indicators: Sequence[Indicator] | None = None
) -> list[dict[str, Any]]:
    """Rows of `quality.kri`, one for each indicator and site of `counts`."""
    indicators = load_indicators() if indicators is None else indicators
    rows = []
    for position, indicator in enumerate(indicators, start=1):
        mine = [count for count in counts if count.kri == indicator.kri]
        scores = _scores(mine, indicator)
        rows += [_row(count, mine, indicator, indicator.limit_in(study), scores) | {"position": position}
                 for count in mine]  # fmt: skip
    return rows


def _row(
    count: Count, all_sites: Sequence[Count], indicator: Indicator, limit: Limit, scores: dict[str, float]
) -> dict[str, Any]:
    tail = _tail(count, indicator, limit)
    low, high = wilson(count.x, count.n) if count.judged and indicator.kind != "rate" else (None, None)
    p_others, higher = _compared(count, all_sites, indicator)
    return {
        "kri": count.kri,
        "site_id": count.site_id,
        "numerator": count.x,
        "denominator": count.n,
        "metric": count.x / count.n if count.n else None,
        "tolerance": limit.tolerance,
        "wilson_low": low,
        "wilson_high": high,
        "p_vs_others": p_others,
        "score": scores.get(count.site_id),
        "status": _status(count, tail, indicator, limit),
        "kind": indicator.kind,
        "minimum": limit.minimum,
        "reason": limit.reason,
        "n_critical": count.n_critical,
        "higher_than_others": higher,
        **vars(tail),
        **{name: getattr(indicator, name) for name in ("title", "bad_event", "counted", "why", "source")},
        "limit_name": indicator.limit,
    }


def _tail(count: Count, indicator: Indicator, limit: Limit) -> Tail:
    if not count.judged:
        return Tail()
    if indicator.kind == "identity":
        return Tail(watch_from=indicator.watch_from, action_from=indicator.action_from)
    n, tolerated, kind = count.n, limit.tolerance, indicator.kind
    watch, action = (flags_from(level, n, tolerated, kind) for level in (WATCH, ACTION))

    def reached(x: int | None, share: float) -> float:
        return 0.0 if x is None else upper_tail(x, n, share, kind)

    doubled = 2 * tolerated if kind == "rate" else min(2 * tolerated, 1.0)
    return Tail(
        p_upper=upper_tail(count.x, n, tolerated, kind),
        watch_from=watch,
        action_from=action,
        power_watch=reached(watch, doubled),
        power_action=reached(action, doubled),
        chance_watch=cut(reached(watch, tolerated) - reached(action, tolerated)),
        chance_action=reached(action, tolerated),
    )


def _status(count: Count, tail: Tail, indicator: Indicator, limit: Limit) -> Status:
    """The first that holds, in the order of the contract."""
    if count.fixed is not None:
        return count.fixed
    if count.judged:
        flagged = _identity(count, indicator, limit) if indicator.kind == "identity" else _flagged(tail)
        if flagged:
            return flagged
    return "TOO_FEW" if count.n < limit.minimum else "OK"


def _flagged(tail: Tail) -> Status | None:
    assert tail.p_upper is not None, "a judged count has a tail"
    return flag_of(tail.p_upper)


def _identity(count: Count, indicator: Indicator, limit: Limit) -> Status | None:
    many = indicator.action_from is not None and count.x >= indicator.action_from
    if many or count.n_critical or count.x / count.n > limit.tolerance:
        return "ACTION"
    return "WATCH" if count.x >= (indicator.watch_from or 1) else None


def _compared(count: Count, all_sites: Sequence[Count], indicator: Indicator) -> tuple[float | None, bool | None]:
    others = [other for other in all_sites if other.site_id != count.site_id and other.judged]
    x_others, n_others = sum(other.x for other in others), sum(other.n for other in others)
    if not count.judged or not n_others:
        return None, None
    p = higher_than_others(count.x, count.n, x_others, n_others, _model(indicator))
    return p, p < HIGHER and min(count.n, n_others) >= COMPARED_FROM


def _scores(counts: Sequence[Count], indicator: Indicator) -> dict[str, float]:
    judged = [count for count in counts if count.judged]
    if len(judged) < FUNNEL_FROM or indicator.kind == "identity":
        return {}
    scores = funnel_scores([(count.x, count.n) for count in judged], _model(indicator))
    return {count.site_id: score for count, score in zip(judged, scores, strict=True)}


def _model(indicator: Indicator) -> Kind:
    return "rate" if indicator.kind == "rate" else "proportion"
