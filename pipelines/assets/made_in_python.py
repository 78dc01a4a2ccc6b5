"""Tables that no SELECT makes: made in Python out of derived ones, in the step that derives those."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from pipelines.assets.night_resource import NightResource
from pipelines.assets.table_key import key_of
from pipelines.quality.audit_chain import AUDIT_TRAIL, write_audit_trail
from pipelines.quality.check_table import CHECK_RESULT, load_check_results, write_check_results
from pipelines.quality.judge import CheckResult, judge
from pipelines.quality.report_tables import REPORT_TABLES, write_report_table
from pipelines.study.check import Check, load_checks
from pipelines.warehouse.database import build_file, open_build
from pipelines.warehouse.kept import Made as Kept
from pipelines.warehouse.kept import forget, take_over


@dataclass(frozen=True)
class Made:
    """What came of such a table: its rows, and the verdicts that it holds."""

    n_rows: int
    verdicts: list[dg.AssetCheckResult] = field(default_factory=list)


@dataclass(frozen=True)
class MadeInPython:
    """How a table is made, out of the tables that it `reads`; `verdicts` are the checks whose verdicts it holds."""

    reads: tuple[str, ...]
    kinds: set[str]
    make: Callable[[NightResource], Made]
    verdicts: Callable[[dg.AssetKey], list[dg.AssetCheckSpec]] | None = None


def _take_over(night: NightResource, con: Any, name: str, make: Callable[[], object], rule: str | None = None) -> Kept:
    """The table as it stands where nothing that it is made of has changed. Without a `rule` of its own, all of the
    study file and the day count."""
    rule = rule or f"{night.protocol().digest} {night.day}"
    return take_over(con, name, MADE_IN_PYTHON[name].reads, rule, make, file=build_file(night.workspace))


def _audit_trail(night: NightResource) -> Made:
    file = build_file(night.workspace)
    with open_build(night.workspace) as con:
        kept = _take_over(night, con, AUDIT_TRAIL, lambda: write_audit_trail(con, file), "chained")
    return Made(kept.n_rows)


def _check_result(night: NightResource) -> Made:
    checks, study = load_checks(), night.protocol().study
    rule = repr(([site.site for site in study.sites], [check.limit_in(study) for check in checks]))
    with open_build(night.workspace) as con:
        kept = _take_over(
            night, con, CHECK_RESULT, lambda: write_check_results(con, judge(con, night.protocol(), checks)), rule
        )
        results = load_check_results(con)
        if any(result.status == "BROKEN" for result in results):
            forget(con, CHECK_RESULT, file=build_file(night.workspace))  # to be judged again, whatever has changed
    return Made(kept.n_rows, [_verdict(c, [r for r in results if r.check_name == c.name]) for c in checks])


def _report_table(name: str) -> MadeInPython:
    """A table of the board's report that SQL cannot make."""

    def make(night: NightResource) -> Made:
        with open_build(night.workspace) as con:
            kept = _take_over(night, con, name, lambda: write_report_table(con, night.protocol(), name))
        return Made(kept.n_rows)

    return MadeInPython(REPORT_TABLES[name].reads, {"python"}, make)


def _verdict(check: Check, results: list[CheckResult]) -> dg.AssetCheckResult:
    """What a check says of each site, and over all of them, which Dagster plots over the nights."""
    passed = not any(result.status in ("BROKEN", "ACTION", "WATCH") for result in results)
    sites = {result.site_id: f"{result.status}: {result.n_failed} of {result.n_checked}" for result in results}
    return dg.AssetCheckResult(
        asset_key=key_of(CHECK_RESULT),
        check_name=check.name,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description="Nothing to act on at any site." if passed else check.message,
        metadata={
            **sites,
            "failed at all sites": sum(result.n_failed or 0 for result in results),
            "checked at all sites": sum(result.n_checked or 0 for result in results),
        },
    )


def _verdict_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(check.name, asset=key, description=check.message) for check in load_checks()]


METRIC = "quality.metric"
MADE_IN_PYTHON = {
    **{name: _report_table(name) for name in REPORT_TABLES},
    AUDIT_TRAIL: MadeInPython(("quality.change",), {"duckdb"}, _audit_trail),
    CHECK_RESULT: MadeInPython((METRIC, "quality.arrival"), {"greatexpectations"}, _check_result, _verdict_specs),
}
