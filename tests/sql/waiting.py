"""The iCT-SAD trial with a waiting list: whoever waits is treated, and assessed again, afterwards."""

from __future__ import annotations

from typing import Any

from pipelines.study.epoch import Epoch
from pipelines.study.load import Protocol
from pipelines.study.study import Arm, Visit
from tests.sql.trial import with_study

AFTER = "TREATMENT AFTER WAITING"


def waiting_list(protocol: Protocol, starts: dict[str, Any], arm: str | None = "ICT") -> Protocol:
    """Two later visits in an epoch that `starts` so for the arm WAIT."""
    study = protocol.study
    late = [
        Visit(avisit="AFTER WEEK 8", avisitn=108, target_day=57, window=(43, 71), epoch=AFTER, arms=["ICT"]),
        Visit(avisit="AFTER WEEK 15", avisitn=115, target_day=106, window=(92, 133), epoch=AFTER, arms=["ICT"]),
    ]
    instruments = [
        schedule.model_copy(update={"visits": [*schedule.visits, "AFTER WEEK 8", "AFTER WEEK 15"]})
        for schedule in study.instruments
    ]
    return with_study(
        protocol,
        arms=[study.arms[0], Arm(arm="WAIT", label="Waiting list", programme_access=False)],
        epochs=[
            Epoch(epoch="AS RANDOMISED"),
            Epoch.model_validate({"epoch": AFTER, "arms": ["WAIT"], "arm": arm, "starts": starts}),
        ],
        visits=[*study.visits, *late],
        instruments=instruments,
    )
