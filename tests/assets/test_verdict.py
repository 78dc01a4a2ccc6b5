"""What a check shows in Dagster: a message to act on only where there is something to act on."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.assets.made_in_python import _verdict
from pipelines.quality.judge import CheckResult
from pipelines.study.check import load_checks

CHECK = load_checks()[0]


def result(site_id: str, status: str, n_failed: int | None, n_checked: int | None) -> CheckResult:
    given: dict[str, Any] = dict.fromkeys(CheckResult.__dataclass_fields__)
    given |= {"check_name": CHECK.name, "site_id": site_id, "status": status}
    return CheckResult(**given | {"n_failed": n_failed, "n_checked": n_checked})


@pytest.mark.parametrize("status", ["BROKEN", "ACTION", "WATCH"])
def test_a_site_that_fails_fails_the_check_with_its_message(status: str) -> None:
    verdict = _verdict(CHECK, [result("oxford", "OK", 0, 9), result("miyazaki", status, 3, 7)])
    assert not verdict.passed and verdict.description == CHECK.message
    assert verdict.metadata["miyazaki"].value == f"{status}: 3 of 7"
    assert (verdict.metadata["failed at all sites"].value, verdict.metadata["checked at all sites"].value) == (3, 16)


@pytest.mark.parametrize("status", ["OK", "NO_DATA", "TOO_FEW", "NOT_APPLICABLE"])
def test_else_there_is_nothing_to_act_on(status: str) -> None:
    verdict = _verdict(CHECK, [result("oxford", status, None, None)])
    assert verdict.passed and verdict.description == "Nothing to act on at any site."
    assert verdict.metadata["failed at all sites"].value == 0
