"""The result depends on which deliveries there are and on their own sequence, not on the order they arrive in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines.study.load import SCHEMAS, Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.contents import is_dictionary, unblinded_contents
from pipelines.warehouse.database import close_build, open_build
from pipelines.warehouse.dictionary import load_dictionary
from pipelines.warehouse.digest import Canon, inputs_digest, table_digest
from pipelines.workspace import Workspace
from tests.faults.night import build_unjudged, take_in

FIRST = datetime(2026, 3, 30, 2, tzinfo=UTC)
HEADERS = {
    "participants": "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason",
    "allocation": "subject_id,arm,randomised_on,stratum",
    "questionnaires": "subject_id,instrument,visit,completed_at,item,value",
    "usage": "event_id,subject_id,occurred_at,actor,event,module,duration_s",
}


@dataclass(frozen=True)
class Drop:
    """A house file with its manifest."""

    feed: str
    name: str
    period_end: str
    scope: str
    rows: tuple[str, ...]


def person(subject: str, sex: str, status: str = "randomised") -> str:
    return f"{subject},,,2026-01-01,1990,{sex},{status},2026-01-05,"


def answer(item: int, value: str) -> str:
    return f"001,phq9,BASELINE,2026-01-04,{item},{value}"


def event(number: int, minute: int) -> str:
    return f"e{number},001,2026-01-06T10:{minute:02}:00Z,participant,page_view,,"


DROPS = (
    Drop("participants", "p1.csv", "2026-01-10", "full", (person("001", "F"), person("002", "M"))),
    Drop("participants", "p2.csv", "2026-01-20", "full", (person("001", "F"),)),
    Drop("participants", "p3.csv", "2026-01-30", "full", (person("001", "X"), person("002", "M"))),
    Drop("allocation", "a.csv", "2026-01-10", "incremental", ("001,ICT,2026-01-05,", "002,TAU,2026-01-05,")),
    Drop("questionnaires", "q1.csv", "2026-01-10", "incremental", tuple(answer(n, "2") for n in range(1, 10))),
    Drop("questionnaires", "q2.csv", "2026-01-20", "incremental", (answer(1, "3"), answer(2, "77"))),
    Drop("questionnaires", "q3.csv", "2026-01-30", "incremental", (answer(1, "2"), answer(3, ""))),
    # The same bytes again: taken back, and a repeat.
    Drop("questionnaires", "q4.csv", "2026-02-10", "incremental", (answer(1, "3"), answer(2, "77"))),
    Drop("questionnaires", "q5.csv", "2026-02-11", "incremental", (answer(1, "3"), answer(2, "77"))),
    Drop("usage", "u1.csv", "2026-01-10", "incremental", (event(1, 0), event(2, 5))),
    Drop("usage", "u2.csv", "2026-01-20", "incremental", (event(2, 6), event(3, 50))),
)


def put(workspace: Workspace, drop: Drop) -> None:
    folder = workspace.landing / "oxford" / drop.feed
    text = "\n".join([HEADERS[drop.feed], *drop.rows]) + "\n"
    (folder / drop.name).write_text(text)
    entry = {
        "name": drop.name,
        "bytes": len(text),
        "sha256": sha256(text.encode()).hexdigest(),
        "rows": len(drop.rows),
    }
    manifest = {"files": [entry], "period_end": drop.period_end, "scope": drop.scope}
    (folder / f"{drop.name}.manifest.json").write_text(json.dumps(manifest))


def outcome(root: Path, nights: Sequence[Sequence[Drop]]) -> dict[str, str]:
    """Table → digest after the drops of each night have been taken in, one night after the other."""
    workspace = Workspace(root)
    protocol: Protocol = make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    for number, drops in enumerate(nights):
        for drop in drops:
            put(workspace, drop)
        deliveries = take_in(workspace, protocol, FIRST + timedelta(days=number))
    build_unjudged(workspace, protocol, deliveries)
    parts = [
        p for p in unblinded_contents(load_dictionary()) if p.name != "meta.snapshot" and not is_dictionary(p.name)
    ]
    try:
        with open_build(workspace) as con:
            digests = {part.name: table_digest(con, Canon.of(part.table)) for part in parts}
            return digests | {"inputs": inputs_digest(con)}
    finally:
        close_build(workspace)


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All drops in one night."""
    return outcome(tmp_path_factory.mktemp("once") / "trial", [DROPS])


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(order=st.permutations(DROPS), cuts=st.lists(st.integers(1, len(DROPS) - 1), min_size=1, max_size=3, unique=True))
def test_in_whatever_order_and_over_however_many_nights_files_arrive(
    at_once: dict[str, str], tmp_path_factory: pytest.TempPathFactory, order: list[Drop], cuts: list[int]
) -> None:
    ends = [0, *sorted(cuts), len(order)]
    nights = [order[start:end] for start, end in pairwise(ends)]
    assert outcome(tmp_path_factory.mktemp("shuffled") / "trial", nights) == at_once


def test_other_content_comes_to_something_else(at_once: dict[str, str], tmp_path: Path) -> None:
    """The comparison would notice: without the drop that takes a correction back, the tables differ."""
    fewer = outcome(tmp_path / "trial", [[drop for drop in DROPS if drop.name not in ("q4.csv", "q5.csv")]])
    differing = {name for name, digest in fewer.items() if digest != at_once[name]}
    assert {"inputs", "quality.audit_trail", "quality.delivery", "analysis.adqs"} <= differing
