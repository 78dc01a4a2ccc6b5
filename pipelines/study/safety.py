"""How soon people must hear of danger, as the study file says."""

from __future__ import annotations

from pydantic import Field

from pipelines.study.strict import Strict


class Safety(Strict):
    """An alert is acknowledged within so many hours of the delivery that first showed it; a site reports a serious
    adverse event within so many days of its onset. `reason` says why these numbers."""

    acknowledge_within_hours: int = Field(default=24, ge=1)
    report_serious_within_days: int = Field(default=1, ge=0)
    reason: str = "a day, where the study file says nothing"
