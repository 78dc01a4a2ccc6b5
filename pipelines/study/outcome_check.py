"""Whether a study file's outcome definitions fit its visits, its instruments and each other."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.study.instrument import Instrument, Score
from pipelines.study.outcome import RULES, Measure, Outcomes, Rule
from pipelines.study.study import Study
from pipelines.study.yaml_file import Complaint, Place


def outcome_complaints(study: Study, instruments: dict[str, Instrument]) -> Iterator[Complaint]:
    """What does not fit together, by place."""
    scores = {s.paramcd: s for instrument in instruments.values() for s in instrument.scores if s.method != "profile"}
    yield from _primary(study, scores)
    yield from _parameters(study.outcomes, scores)
    yield from _names(study.outcomes)
    yield from _recovery(study.outcomes)
    yield from _sudden_gains(study.outcomes, scores)


def _unknown_parameter(paramcd: str, scores: dict[str, Score]) -> str:
    return f"no parameter `{paramcd}`; there are {', '.join(sorted(scores))}"


def _primary(study: Study, scores: dict[str, Score]) -> Iterator[Complaint]:
    primary = study.outcomes.primary
    if primary.paramcd not in scores:
        yield ("outcomes", "primary", "paramcd"), _unknown_parameter(primary.paramcd, scores)
    visit = next((visit for visit in study.visits if visit.avisit == primary.avisit), None)
    if visit is None:
        yield ("outcomes", "primary", "avisit"), f"no visit `{primary.avisit}`"
    elif study.epoch_number(visit) > 1:
        message = f"`{primary.avisit}` belongs to a later epoch; the primary outcome is compared in the first"
        yield ("outcomes", "primary", "avisit"), message


def _parameters(outcomes: Outcomes, scores: dict[str, Score]) -> Iterator[Complaint]:
    for rule in RULES:
        for i, definition in enumerate(outcomes.of_rule(rule)):
            if definition.paramcd not in scores:
                yield ("outcomes", rule, i, "paramcd"), _unknown_parameter(definition.paramcd, scores)


def _names(outcomes: Outcomes) -> Iterator[Complaint]:
    """A definition is found by its name alone, so no two may share one."""
    places: list[tuple[Place, str]] = [
        (("outcomes", rule, i), definition.name(rule))
        for rule in RULES
        for i, definition in enumerate(outcomes.of_rule(rule))
    ]
    places += [(("outcomes", "recovery", i), d.definition) for i, d in enumerate(outcomes.recovery)]
    places += [(("outcomes", "sudden_gains", i), d.definition) for i, d in enumerate(outcomes.sudden_gains)]
    seen: set[str] = set()
    for place, name in places:
        if name in seen:
            yield place, f"there are two definitions called `{name}`; give each its own `definition`"
        seen.add(name)


def _recovery(outcomes: Outcomes) -> Iterator[Complaint]:
    for i, definition in enumerate(outcomes.recovery):
        for j, alternatives in enumerate(definition.measures):
            for k, measure in enumerate(alternatives):
                yield from _measure(("outcomes", "recovery", i, "measures", j, k), measure, outcomes)


def _measure(place: Place, measure: Measure, outcomes: Outcomes) -> Iterator[Complaint]:
    yield from _named((*place, "caseness"), "caseness", measure.caseness, measure.paramcd, outcomes)
    yield from _named(
        (*place, "reliable_change"), "reliable_change", measure.reliable_change, measure.paramcd, outcomes
    )


def _named(place: Place, rule: Rule, name: str, paramcd: str, outcomes: Outcomes) -> Iterator[Complaint]:
    names = [d.name(rule) for d in outcomes.of_rule(rule) if d.paramcd == paramcd]
    if name not in names:
        there = f"there are {', '.join(names)}" if names else "there is none"
        yield place, f"no definition `{name}` under `{rule}` for {paramcd}; {there}"


def _sudden_gains(outcomes: Outcomes, scores: dict[str, Score]) -> Iterator[Complaint]:
    for i, gain in enumerate(outcomes.sudden_gains):
        place: Place = ("outcomes", "sudden_gains", i)
        if gain.paramcd not in scores:
            yield (*place, "paramcd"), _unknown_parameter(gain.paramcd, scores)
            continue
        if scores[gain.paramcd].direction == "higher_is_better":
            message = (
                f"on {gain.paramcd} high is better; the published criteria are of falls in a score that is worse high"
            )
            yield (*place, "paramcd"), message
        yield from _named((*place, "reliable_change"), "reliable_change", gain.reliable_change, gain.paramcd, outcomes)
