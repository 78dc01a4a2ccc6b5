"""Whether a study file's epochs fit its arms and visits."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.study.epoch import Epoch
from pipelines.study.study import Study
from pipelines.study.yaml_file import Complaint, Place


def epoch_complaints(study: Study) -> Iterator[Complaint]:
    """What does not fit together, by place."""
    for i, epoch in enumerate(study.epochs):
        place: Place = ("epochs", i)
        if epoch.epoch in [other.epoch for other in study.epochs[:i]]:
            yield (*place, "epoch"), f"there are two epochs called `{epoch.epoch}`"
        if i == 0:
            if epoch.starts or epoch.arms or epoch.arm:
                yield place, "the first epoch is everybody's, from the reference date on; it has a name only"
            continue
        yield from _later(place, epoch, study)
    names = [epoch.epoch for epoch in study.epochs]
    for i, visit in enumerate(study.visits):
        if visit.epoch is not None and visit.epoch not in names:
            there = f"there are {', '.join(names)}" if names else "the study file lists no `epochs`"
            yield ("visits", i, "epoch"), f"{visit.avisit}: no epoch `{visit.epoch}`; {there}"


def _later(place: Place, epoch: Epoch, study: Study) -> Iterator[Complaint]:
    if epoch.starts is None:
        yield place, f"{epoch.epoch}: `starts` is required of every epoch but the first"
        return
    arms = [arm.arm for arm in study.arms]
    for arm in [*(epoch.arms or []), *([epoch.arm] if epoch.arm else []), *epoch.ratio]:
        if arm not in arms:
            yield place, f"{epoch.epoch}: no arm `{arm}`; there are {', '.join(arms)}"
    if epoch.starts.second_allocation and not arms:
        yield (*place, "starts"), f"{epoch.epoch}: a study without arms has no second allocation"
    if epoch.ratio and not epoch.starts.second_allocation:
        yield (*place, "ratio"), f"{epoch.epoch}: only a second allocation divides people, in a `ratio`"
    if arms and (epoch.arm is None) != bool(epoch.starts.second_allocation):
        yield place, f"{epoch.epoch}: name the `arm` people are then in, unless a second allocation says it"
    first_visits = [visit.avisit for visit in study.first_visits]
    if epoch.starts.last_form_of is not None and epoch.starts.last_form_of not in first_visits:
        message = f"{epoch.epoch}: `{epoch.starts.last_form_of}` is no visit of the first epoch"
        yield (*place, "starts", "last_form_of"), f"{message}; there are {', '.join(first_visits)}"
