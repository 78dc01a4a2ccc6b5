"""How a run that did not succeed ended, in words for people."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from pipelines.night import Outcome


def what_went_wrong(events: Iterable[dg.DagsterEvent]) -> tuple[Outcome, list[str]]:
    """Held back when a blocking check failed, else failed; with a sentence for each cause."""
    happened = list(events)
    judged = [e for e in happened if e.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION]
    checks = [e.asset_check_evaluation_data for e in judged]
    failed_checks = [check for check in checks if not check.passed and check.blocking]
    if failed_checks:
        return "held_back", [
            f"Not published: the check `{c.check_name}` of {c.asset_key.to_user_string()} failed. "
            f"{c.description or ''}".strip()
            for c in failed_checks
        ]
    failures = [e for e in happened if e.event_type is dg.DagsterEventType.STEP_FAILURE]
    return "failed", [f"Not published: {e.step_key}: {_cause(e)}" for e in failures] or ["Not published."]


def _cause(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.cls_name or "failed" if data.error else "failed"
