"""Great Expectations as a check engine in memory: one small table of shares in, sites that fail out.

It sees failing shares by site and nothing else; nothing is written and no Data Docs are built.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

SITE = "site_id"
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
    batch_of, suite_of = _engine()
    import pandas as pd

    result = batch_of(pd.DataFrame(shares)).validate(
        suite_of(rules),
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [SITE],
            "include_unexpected_rows": False,
            "return_unexpected_index_query": False,
        },
    )
    verdicts = {r.expectation_config.meta["rule"]: _failing(r) for r in result.results}
    return {rule.column: verdicts.get(rule.column) for rule in rules}


def _failing(result: ExpectationValidationResult) -> frozenset[str] | None:
    if result.exception_info.get("raised_exception") is not False:
        return None  # the library keeps the traceback of what went wrong; it is not passed on
    return frozenset(str(row[SITE]) for row in result.result["unexpected_index_list"] or [])


def _engine() -> tuple[Any, Any]:
    """Two functions: a data frame → a batch to judge, and rules → a suite."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read once, on import
    import great_expectations as gx
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

    def suite(rules: Sequence[Rule]) -> gx.ExpectationSuite:
        return gx.ExpectationSuite(
            name="checks",
            expectations=[
                ExpectColumnValuesToBeBetween(
                    column=rule.column,
                    max_value=rule.tolerance,
                    severity=FailureSeverity(rule.severity),
                    meta={"rule": rule.column},
                )
                for rule in rules
            ],
        )

    return (lambda frame: whole.get_batch({"dataframe": frame})), suite
