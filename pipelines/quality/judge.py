"""Each check's verdict about each site: counts from SQL, judged by Great Expectations, put into a status."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.quality.engine import begin_to_judge, verdicts
from pipelines.quality.exact import flag_of, upper_tail
from pipelines.quality.expectations import SITE, Rule, Shares, Verdicts
from pipelines.study.check import Check, Dimension, load_checks
from pipelines.study.study import Limit

if TYPE_CHECKING:
    import duckdb

    from pipelines.study.load import Protocol

LOG = logging.getLogger(__name__)
Status = Literal["BROKEN", "NO_DATA", "ACTION", "WATCH", "TOO_FEW", "NOT_APPLICABLE", "OK"]


@dataclass(frozen=True)
class Metric:
    """What a check found at a site; both NULL where the check does not concern it."""

    n_checked: int | None
    n_failed: int | None

    @property
    def makes_sense(self) -> bool:
        if self.n_checked is None or self.n_failed is None:
            return self.n_checked is self.n_failed
        return 0 <= self.n_failed <= self.n_checked

    @property
    def share(self) -> float | None:
        """The failing share, None where there is nothing to judge."""
        return self.n_failed / self.n_checked if self.n_checked and self.n_failed is not None else None


@dataclass(frozen=True)
class CheckResult:
    """One row of `quality.check_result`. `passed` is None where there was nothing to judge or no way to."""

    check_name: str
    site_id: str
    dimension: Dimension
    n_checked: int
    n_failed: int
    passed: bool | None
    severity: Literal["critical", "warning"]
    status: Status
    blinding: Literal["safe", "revealing"]
    tolerance: float
    minimum: int
    reason: str
    message: str


def judge(
    con: duckdb.DuckDBPyConnection, protocol: Protocol, checks: Sequence[Check] | None = None
) -> list[CheckResult]:
    """Every check's verdict about every site of the study, from `quality.metric` and `quality.arrival`."""
    study = protocol.study
    sites = [site.site for site in study.sites]
    checks = load_checks() if checks is None else checks
    limits = {check.name: check.limit_in(study) for check in checks}
    metrics = _metrics(con)
    arrivals = arrivals_of(con)
    failing = _failing(checks, limits, sites, metrics)
    return [
        _result(check, site, limits[check.name], metrics.get((check.name, site)), failing[check.name], arrivals)
        for check in checks
        for site in sites
    ]


def judge_ahead(con: duckdb.DuckDBPyConnection, protocol: Protocol) -> None:
    """As soon as `quality.metric` is there: let Great Expectations judge it while other tables are made."""
    checks = load_checks()
    limits = {check.name: check.limit_in(protocol.study) for check in checks}
    begin_to_judge(*_question(checks, limits, [site.site for site in protocol.study.sites], _metrics(con)))


def _metrics(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Metric]:
    rows = con.execute("SELECT check_name, site_id, n_checked, n_failed FROM quality.metric").fetchall()
    return {(check_name, site_id): Metric(n_checked, n_failed) for check_name, site_id, n_checked, n_failed in rows}


def arrivals_of(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], bool]:
    """By site and feed: whether what was due is there. A feed that is neither due nor there has no entry."""
    rows = con.execute("""
        SELECT site_id, feed, NOT coalesce(bool_or(overdue), false)
        FROM quality.arrival
        WHERE expected_every_days IS NOT NULL OR last_on IS NOT NULL
        GROUP BY site_id, feed
    """).fetchall()
    return {(site_id, feed): is_there for site_id, feed, is_there in rows}


def _question(
    checks: Sequence[Check],
    limits: Mapping[str, Limit],
    sites: Sequence[str],
    metrics: Mapping[tuple[str, str], Metric],
) -> tuple[Shares, list[Rule]]:
    """The failing shares, and the rules that they are judged by."""
    shares: dict[str, Sequence[Any]] = {SITE: sites}
    for check in checks:
        found = [metrics.get((check.name, site)) for site in sites]
        shares[check.name] = [metric.share if metric else None for metric in found]
    return shares, [Rule(check.name, limits[check.name].tolerance, check.severity) for check in checks]


def _failing(
    checks: Sequence[Check],
    limits: Mapping[str, Limit],
    sites: Sequence[str],
    metrics: Mapping[tuple[str, str], Metric],
) -> Verdicts:
    try:
        return verdicts(*_question(checks, limits, sites, metrics))
    except Exception as error:  # noqa: BLE001 (whatever the library raises, the night goes on with every check broken)
        LOG.error("Great Expectations gave up (%s); no check could be judged", type(error).__name__)
        return dict.fromkeys((check.name for check in checks), None)


def _result(
    check: Check,
    site: str,
    limit: Limit,
    metric: Metric | None,
    failing: frozenset[str] | None,
    arrivals: Mapping[tuple[str, str], bool],
) -> CheckResult:
    broken = metric is None or not metric.makes_sense or failing is None
    judged = not broken and metric is not None and metric.share is not None
    passed = site not in (failing or ()) if judged else None
    return CheckResult(
        check_name=check.name,
        site_id=site,
        dimension=check.dimension,
        n_checked=(metric and metric.n_checked) or 0,
        n_failed=(metric and metric.n_failed) or 0,
        passed=passed,
        severity=check.severity,
        status="BROKEN" if broken or metric is None else _status(check, site, limit, metric, passed, arrivals),
        blinding=check.blinding,
        tolerance=limit.tolerance,
        minimum=limit.minimum,
        reason=limit.reason,
        message=check.message,
    )


def _status(
    check: Check,
    site: str,
    limit: Limit,
    metric: Metric,
    passed: bool | None,
    arrivals: Mapping[tuple[str, str], bool],
) -> Status:
    """The first that holds, in this order. A failing share counts however few records there are; a passing
    one says nothing below the minimum. Where a site indicator counts the same records, its exact tail judges both:
    nobody reads two verdicts on the same counts."""
    there = [arrivals.get((site, feed)) for feed in check.feeds]
    concerned = metric.n_checked is not None and None not in there
    if False in there:
        return "NO_DATA"
    if not concerned and passed is not False:
        return "NOT_APPLICABLE"
    if check.has_indicator:
        return status_by_chance(metric.n_checked or 0, metric.n_failed or 0, limit)
    return _judged(metric.n_checked or 0, passed is False, limit, check.severity)


def status_of_share(n_checked: int, n_failed: int, limit: Limit, severity: Literal["critical", "warning"]) -> Status:
    """The status of counts that concern a site and are not old: as the night judges, without its engine."""
    return _judged(n_checked, n_checked > 0 and n_failed / n_checked > limit.tolerance, limit, severity)


def status_by_chance(n_checked: int, n_failed: int, limit: Limit) -> Status:
    """The same by the exact tail of a site indicator, whatever the severity."""
    flag = flag_of(upper_tail(n_failed, n_checked, limit.tolerance)) if n_checked else None
    return flag or _unflagged(n_checked, limit)


def _judged(n_checked: int, failing: bool, limit: Limit, severity: Literal["critical", "warning"]) -> Status:
    if failing:
        return "ACTION" if severity == "critical" else "WATCH"
    return _unflagged(n_checked, limit)


def _unflagged(n_checked: int, limit: Limit) -> Status:
    return "TOO_FEW" if n_checked < max(limit.minimum, 1) else "OK"
