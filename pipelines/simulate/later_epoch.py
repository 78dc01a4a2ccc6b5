"""Whom the protocol leads to a later epoch, and when: people who waited, mostly, and are treated then."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from pipelines.study.epoch import Epoch
from pipelines.study.study import Study

AGAIN_AFTER = (7, 15)  # days from the last target day of the wait to the second randomisation


class LaterEpoch:
    """The first later epoch of each person's arm; a second allocation goes on in blocks of its own."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.block: list[str] = []

    def awaits(self, person: dict[str, Any]) -> bool:
        """Whether the protocol of the person's arm goes on after the first epoch."""
        return self._of(person) is not None

    def begun(self, person: dict[str, Any], until: date, rng: np.random.Generator) -> dict[str, Any]:
        """later_epoch, later_start and later_arm of who began one before `until`; else nothing."""
        found = self._of(person)
        if found is None:
            return {}
        number, epoch = found
        start = person["reference"] + timedelta(days=_wait(self.study, epoch, person.get("arm"), _apart(epoch, rng)))
        if start >= until:
            return {}
        return {"later_epoch": number, "later_start": start, "later_arm": epoch.arm or self._drawn(epoch, rng)}

    def _of(self, person: dict[str, Any]) -> tuple[int, Epoch] | None:
        for number, epoch in enumerate(self.study.epochs[1:], 2):
            if epoch.arms is None or person.get("arm") in epoch.arms:
                return number, epoch
        return None

    def _drawn(self, epoch: Epoch, rng: np.random.Generator) -> str | None:
        shares = epoch.ratio or {arm.arm: 1 for arm in self.study.arms if arm.arm not in (epoch.arms or [])}
        if not shares:
            return None
        self.block = self.block or [
            str(arm) for arm in rng.permutation([a for a, n in shares.items() for _ in range(n)])
        ]
        return self.block.pop()


def longest_wait(study: Study) -> int:
    """Days from the reference date to the latest start of a later epoch; 0 where there is none."""
    return max(
        (_wait(study, epoch, arm, AGAIN_AFTER[1]) for epoch in study.epochs[1:] for arm in _arms(study, epoch)),
        default=0,
    )


def _arms(study: Study, epoch: Epoch) -> list[str | None]:
    return [*(epoch.arms or [arm.arm for arm in study.arms])] or [None]


def _wait(study: Study, epoch: Epoch, arm: str | None, apart: int) -> int:
    starts = epoch.starts
    assert starts is not None, "the study file was checked: a later epoch says when it starts"
    if starts.weeks is not None:
        return 7 * starts.weeks
    visits = [visit for visit in study.first_visits if visit.arms is None or arm in visit.arms]
    if starts.last_form_of is not None:
        return next(visit.target_day for visit in study.first_visits if visit.avisit == starts.last_form_of) - 1
    return max(visit.target_day for visit in visits) - 1 + apart


def _apart(epoch: Epoch, rng: np.random.Generator) -> int:
    again = epoch.starts is not None and epoch.starts.second_allocation
    return int(rng.integers(*AGAIN_AFTER)) if again else 0
