"""What is wrong with an instrument file: rules that would give wrong numbers, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pipelines.study.instrument import Instrument, Score
from pipelines.study.yaml_file import Complaint, Place


def complaints(instrument: Instrument) -> Iterator[Complaint]:
    codes = [score.paramcd for score in instrument.scores]
    for i, score in enumerate(instrument.scores):
        place = ("scores", i)
        if score.paramcd in codes[:i]:
            yield (*place, "paramcd"), f"{score.paramcd} is defined twice"
        strange = list(_items(instrument, score, place))
        yield from strange
        if not strange:
            yield from _profile(instrument, score, place) if score.is_profile else _points(instrument, score, place)
    yield from _names(instrument)
    yield from _risk_items(instrument)


def _risk_items(instrument: Instrument) -> Iterator[Complaint]:
    for i, risk in enumerate(instrument.risk_items):
        if risk.item not in instrument.ranges:
            yield ("risk_items", i, "item"), f"{instrument.instrument} has no item `{risk.item}`"
            continue
        lowest, highest = instrument.ranges[risk.item]
        if not lowest < risk.flag <= risk.urgent <= highest:
            message = (
                f"item {risk.item}: flag {risk.flag} and urgent {risk.urgent} must lie in this order above {lowest}"
            )
            yield ("risk_items", i), f"{message}, and not above {highest}"


def _items(instrument: Instrument, score: Score, place: Place) -> Iterator[Complaint]:
    unknown = sorted(set(score.items) - set(instrument.ranges))
    if unknown:
        yield place, f"{score.paramcd} uses items that do not exist: {', '.join(unknown)}"
    twice = sorted({item for item in score.items if score.items.count(item) > 1})
    if twice:
        yield place, f"{score.paramcd} counts items twice: {', '.join(twice)}"


def _points(instrument: Instrument, score: Score, place: Place) -> Iterator[Complaint]:
    lowest, highest = _ends(instrument, score)
    if score.range is None or not _same(score.range, (lowest, highest)):
        stated = "no range" if score.range is None else f"[{score.range[0]:g}, {score.range[1]:g}]"
        gives = f"[{float(lowest):g}, {float(highest):g}]"
        yield (*place, "range"), f"{score.paramcd} states {stated}; its items give {gives}"
    for j, part in enumerate(score.parts):
        if part.missing_allowed * 2 > len(part.items):
            message = f"{score.paramcd} would be prorated with more than half of its items missing"
            yield (*place, "parts", j), message
    if score.bands and score.bands.spans[0][1] > lowest:
        yield (*place, "bands"), f"{score.paramcd}: its first level must begin at {float(lowest):g}, the lowest score"


def _ends(instrument: Instrument, score: Score) -> tuple[Fraction, Fraction]:
    n = len(score.items) if score.method == "mean" else 1
    lowest = sum(instrument.ranges[item][0] for item in score.items)
    highest = sum(instrument.ranges[item][1] for item in score.items)
    return Fraction(lowest, n), Fraction(highest, n)


def _same(stated: tuple[float, float], follows: tuple[Fraction, Fraction]) -> bool:
    return all(abs(Fraction(a) - b) < Fraction(1, 10**9) for a, b in zip(stated, follows, strict=True))


def _profile(instrument: Instrument, score: Score, place: Place) -> Iterator[Complaint]:
    """A profile is read digit by digit, so that nothing in it may be missing, turned around or two digits long."""
    wrong = [item for item in score.items if not all(0 <= end <= 9 for end in instrument.ranges[item])]
    if wrong:
        yield place, f"{score.paramcd}: a profile is made of items from 0 to 9; not {', '.join(wrong)}"
    if instrument.reversed_items & set(score.items):
        yield place, f"{score.paramcd}: a profile shows the answers as given; no item of it may be reversed"
    if any(part.missing_allowed for part in score.parts):
        yield (*place, "parts"), f"{score.paramcd}: nothing stands for a missing answer of a profile; allow 0 missing"
    if score.range or score.bands or score.rounding != "none":
        yield place, f"{score.paramcd}: a {score.method} has no range, bands or rounding; leave them out"


def _names(instrument: Instrument) -> Iterator[Complaint]:
    """Labels and CDISC codes of what does not exist, and a file that is not verified without saying why."""
    for item in sorted(set(instrument.labels) - set(instrument.ranges)):
        yield ("labels", item), f"`{item}` is no item of {instrument.instrument}"
    if instrument.cdisc:
        for item in instrument.cdisc.items:
            if "{n}" not in item and item not in instrument.ranges:
                yield ("cdisc", "items", item), f"`{item}` is no item of {instrument.instrument}"
        for code in sorted(set(instrument.cdisc.scores) - {score.paramcd for score in instrument.scores}):
            yield ("cdisc", "scores", code), f"`{code}` is no parameter of {instrument.instrument}"
    if bool(instrument.items) != bool(instrument.scores):
        yield ("scores",), "items and scores go together: list both, or neither of an instrument nobody has read"
    if not instrument.verified and not instrument.unsure:
        yield ("verified",), "say under `unsure` what nobody has read in its source yet"
