"""Which field of a project stands under each heading of an export of labels.

Labels repeat (`Complete?` after every form), and an export may leave fields out, but never changes their order.
A heading is resolved where only one field fits between its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.study.redcap_dictionary import Dictionary, plain_label

_NUMBERED = re.compile(r" \(\d+\)$")  # what the reader adds to a name that stands again


def names_by_labels(header: Sequence[str], dictionary: Dictionary) -> dict[str, str]:
    """Field → heading, for the headings that stand for one field alone; none where the headings are fields."""
    known = dictionary.by_name
    if any(name in known and name != known[name].label for name in header):
        return {}
    expected = [(column.name, column.label) for column in dictionary.columns]
    earliest = _in_order(header, expected)
    latest = [name for name in reversed(_in_order(header[::-1], expected[::-1]))]
    return {
        one: heading
        for heading, one, other in zip(header, earliest, latest, strict=True)
        if one is not None and one == other
    }


def _in_order(header: Sequence[str], expected: Sequence[tuple[str, str]]) -> list[str | None]:
    """For each heading the first field with that label behind the one before it."""
    found: list[str | None] = []
    start = 0
    for heading in header:
        labels = {plain_label(heading), plain_label(_NUMBERED.sub("", heading))}
        at = next((i for i in range(start, len(expected)) if expected[i][1] in labels), None)
        found.append(None if at is None else expected[at][0])
        start = start if at is None else at + 1
    return found
