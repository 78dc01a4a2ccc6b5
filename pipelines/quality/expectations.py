"""Great Expectations as a check engine in memory: small tables of shares in, sites that fail out.

It sees failing shares by site and nothing else; nothing is written and no Data Docs are built.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

SITE, RULE, SHARE = "site_id", "rule", "share"
RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [SITE, RULE],
    "include_unexpected_rows": False,
    "return_unexpected_index_query": False,
}
Shares = Mapping[str, Sequence[Any]]  # by column; one value a site
Verdicts = Mapping[str, frozenset[str] | None]


@dataclass(frozen=True)
class Rule:
    """`column` of the shares must not exceed `tolerance`."""

    column: str
    tolerance: float
    severity: Literal["critical", "warning"]


def failing_sites(shares: Shares, rules: Sequence[Rule]) -> Verdicts:
    """For each rule's column the sites that break it, or None where the rule could not be judged.

    `shares` holds `site_id`, and for each rule a column with the share of failing records
    (None where there is nothing to judge, which Great Expectations passes over in silence).
    """
    judge = _engine()
    verdicts: dict[str, frozenset[str] | None] = {rule.column: None for rule in rules}
    for alike in _alike(shares, rules):
        verdicts.update(judge(shares, alike))
    return verdicts


def _alike(shares: Shares, rules: Sequence[Rule]) -> list[list[Rule]]:
    """Rules that one expectation judges, which takes as long as for one of them: with the same limit, on columns that
    hold the same types of values, so that none of them can be broken while another is not."""
    groups: dict[Hashable, list[Rule]] = {}
    for rule in rules:
        if rule.column in shares:
            types = frozenset(map(type, shares[rule.column]))
            groups.setdefault((rule.tolerance, rule.severity, types), []).append(rule)
    return [*groups.values()]


def _under_one_another(shares: Shares, rules: Sequence[Rule]) -> dict[str, list[Any]]:
    """The rules' columns as one."""
    sites = shares[SITE]
    return {
        SITE: [*sites] * len(rules),
        RULE: [rule.column for rule in rules for _ in sites],
        SHARE: [share for rule in rules for share in shares[rule.column]],
    }


def _failing(result: ExpectationValidationResult, rules: Sequence[Rule]) -> Verdicts:
    if result.exception_info.get("raised_exception") is not False:
        return {}  # the library keeps the traceback of what went wrong; it is not passed on
    failing = result.result["unexpected_index_list"] or []
    return {rule.column: frozenset(str(row[SITE]) for row in failing if row[RULE] == rule.column) for rule in rules}


def _engine() -> Callable[[Shares, Sequence[Rule]], Verdicts]:
    """A function that judges rules which are alike; what could not be judged is not among its verdicts."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read once, on import
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.expectations.core.expect_column_values_to_be_between import (
        ExpectColumnValuesToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    without_docs = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=without_docs)
    asset = context.data_sources.add_pandas("quality").add_dataframe_asset("shares")
    whole = asset.add_batch_definition_whole_dataframe("whole")

    def judge(shares: Shares, rules: Sequence[Rule]) -> Verdicts:
        limit = ExpectColumnValuesToBeBetween(
            column=SHARE, max_value=rules[0].tolerance, severity=FailureSeverity(rules[0].severity)
        )
        batch = whole.get_batch({"dataframe": pd.DataFrame(_under_one_another(shares, rules))})
        return _failing(batch.validate(limit, result_format=RESULT_FORMAT), rules)

    return judge
