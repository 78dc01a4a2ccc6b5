"""How many more people will be recruited: a Gamma prior on the monthly rate, Poisson recruitment.

With N people in T months and a prior of Gamma(planned rate times b0, b0), b0 = 1 month, the further recruits in D
months are negative binomial with r = a0 + N and p = (b0 + T) / (b0 + T + D) (Anisimov & Fedorov 2007, Statistics in
Medicine).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.quality.exact import cut
from pipelines.study.study import Study

if TYPE_CHECKING:
    import duckdb

PRIOR_MONTHS = 1.0
AHEAD = 12  # months
QUANTILES = {"q025": 0.025, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q975": 0.975}
DAYS_A_MONTH = 30.4375
RECENT_DAYS = 56
_RECENT = """
    SELECT count(*) FROM core.subject AS p CROSS JOIN study.setting AS s
    WHERE CASE WHEN s.has_allocation THEN p.randomised AND p.randomised_on BETWEEN s.as_of - 55 AND s.as_of
        ELSE p.enrolled AND p.consent_date BETWEEN s.as_of - 55 AND s.as_of END
"""
_SINCE = """
    SELECT r.n_randomised, least(s.as_of, coalesce(s.recruitment_closed_on, s.as_of)) - r.opened_on,
        s.recruitment_closed_on <= s.as_of
    FROM quality.recruitment AS r CROSS JOIN study.setting AS s WHERE r.site_id = ''
"""


@dataclass(frozen=True)
class Forecast:
    """Further people in so many months: the mean, and by quantile the smallest k with CDF ≥ q."""

    mean: float
    quantiles: dict[str, int]


def forecast(planned_rate: float, n: int, t_months: float, ahead: float) -> Forecast:
    """People recruited in `ahead` months, after `n` in `t_months`; rates are people a month."""
    r = planned_rate * PRIOR_MONTHS + n
    p = (PRIOR_MONTHS + t_months) / (PRIOR_MONTHS + t_months + ahead)
    return Forecast(cut(r * (1 - p) / p), {name: _quantile(q, r, p) for name, q in QUANTILES.items()})


def _quantile(q: float, r: float, p: float) -> int:
    """The smallest k with P(X ≤ k) ≥ q: X negative binomial, the failures before the r-th success of probability p."""
    from scipy.special import betainc

    high = 1
    while betainc(r, high + 1, p) < q:
        high *= 2
    low = -1
    while high - low > 1:
        middle = (low + high) // 2
        if betainc(r, middle + 1, p) < q:
            low = middle
        else:
            high = middle
    return high


def recruitment_forecast(con: duckdb.DuckDBPyConnection, study: Study) -> list[dict[str, Any]]:
    """Rows of `quality.recruitment_forecast`: none before anybody could be recruited, or once recruitment is closed, or
    where the study file plans no months or a site no target."""
    planned = _planned_rate(study)
    (n, days, closed) = con.execute(_SINCE).fetchone() or (0, None, False)
    if planned is None or not days or closed:
        return []
    ((recent,),) = con.execute(_RECENT).fetchall()
    bases = {"all": (n, days / DAYS_A_MONTH), "last_8_weeks": (recent, min(days, RECENT_DAYS) / DAYS_A_MONTH)}
    return [
        {"basis": basis, "months": months, "n": n_seen, "t_months": cut(t), "planned_rate": cut(planned)}
        | _columns(forecast(planned, n_seen, t, months))
        for basis, (n_seen, t) in bases.items()
        for months in range(1, AHEAD + 1)
    ]


def _columns(ahead: Forecast) -> dict[str, Any]:
    return {"mean": ahead.mean, **ahead.quantiles}


def _planned_rate(study: Study) -> float | None:
    targets = [site.target for site in study.sites]
    if study.recruitment is None or None in targets:
        return None
    return sum(target or 0 for target in targets) / study.recruitment.months
