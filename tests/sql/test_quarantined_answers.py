"""No score is made of a quarantined value: from the bytes of a file to analysis.adqs, over made-up forms."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.sql.published_rules import RULES, score
from tests.sql.trial import Trial, day
from tests.validation.deliver import deliver

HEADER = "subject_id,instrument,visit,completed_at,item,value\n"
PEOPLE = [f"{n:03}" for n in range(1, 61)]
SCALES = {
    "phq9": ("PHQ9", range(4)),
    "gad7": ("GAD7", range(4)),
    "spin": ("SPIN", range(5)),
    "wsas": ("WSAS", range(9)),
}
# What no item may hold: beside the range, far outside it, half an answer, a word; here 999 is no missing code.
IMPOSSIBLE = ("-1", "9", "10", "999", "-99", "1.5", "often", "1;2")


def filled_in(chance: random.Random) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Person, instrument and cells: mostly possible answers, up to five impossible ones, now and then a blank."""
    for person in PEOPLE:
        for instrument, (code, possible) in SCALES.items():
            (scale,) = RULES[instrument][code].scales
            cells = {item: str(chance.choice(possible)) for item in scale.items}
            for item in chance.sample(scale.items, chance.randint(0, min(5, len(scale.items)))):
                cells[item] = chance.choice([*IMPOSSIBLE, *IMPOSSIBLE, ""])
            yield person, instrument, cells


@pytest.mark.parametrize("seed", [1, 2])
def test_a_quarantined_answer_counts_as_missing_and_in_no_score(tmp_path: Path, ict_sad: Protocol, seed: int) -> None:
    forms = list(filled_in(random.Random(seed)))
    lines = [
        f"{person},{name},BASELINE,{day(1)},{item},{cell}\n"
        for person, name, cells in forms
        for item, cell in cells.items()
    ]
    read = deliver(tmp_path, ict_sad, (HEADER + "".join(lines)).encode(), "oxford", "questionnaires", "forms.csv")
    n_impossible = sum(cell in IMPOSSIBLE for _, _, cells in forms for cell in cells.values())
    assert read.quarantine.n_unique("row_no") == n_impossible > 300

    trial = Trial(ict_sad)
    for person in PEOPLE:
        trial.person(person)
    delivery = trial.delivery("oxford", "questionnaires")
    rows = [row | {"delivery_id": delivery, "site_id": "oxford"} for row in read.accepted.to_dicts()]
    trial.rows["questionnaires"] = rows
    found: dict[tuple[str, str], tuple[Any, ...]] = {
        (person, code): (value, missing)
        for person, code, value, missing in trial.tables("analysis.adqs").rows(
            "SELECT subjid, paramcd, aval, nmiss FROM analysis.adqs"
        )
    }
    for person, instrument, cells in forms:
        code, _ = SCALES[instrument]
        possible = {item: None if cell in (*IMPOSSIBLE, "") else cell for item, cell in cells.items()}
        expected = score(possible, RULES[instrument][code])
        value = None if expected.value is None else pytest.approx(float(expected.value))
        if any(possible.values()):
            assert found.pop((person, code)) == (value, expected.n_missing), (person, cells)
    assert found == {}
