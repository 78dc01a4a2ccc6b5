"""Nights by chance come to what making every table at once comes to: on the project's own SQL."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.study.load import Protocol
from pipelines.warehouse import touched_log
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.database import close_build, open_build
from pipelines.warehouse.graph import load_graph
from pipelines.warehouse.touched import gather, is_touched, show, shown
from pipelines.warehouse.touched_log import EVENTS, LOG, MOST_EVENTS
from tests.sql.trial import needed
from tests.warehouse.random_nights import FEW, RARE, Nights


@pytest.fixture
def nights(ict_sad: Protocol, tmp_path: Path) -> Iterator[Nights]:
    graph = load_graph()
    made = Nights(tmp_path, ict_sad, graph, random.Random(1), graph.order)
    made.begin()
    yield made
    close_build(made.workspace)


def test_random_nights_come_to_what_one_night_would(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every table that SQL makes, whether the log of those touched is held in memory or is too long for it. The few
    made in Python are made anew whenever one that they read is."""
    by_person: Counter[str] = Counter()
    nights.night()
    for number, often in enumerate([*RARE, Nights.somebody_uses_it]):
        monkeypatch.setattr(touched_log, "MOST_EVENTS", (0, MOST_EVENTS)[number % 2])
        happened = [*nights.chance.sample(FEW, k=3), often]
        for change in happened:
            change(nights)
        by_person.update(made.table for made in nights.night() if made.n_touched)
        found, expected = nights.contents(), nights.made_at_once()
        wrong = [name for name, held in found.items() if held != expected[name]]
        assert not wrong, f"after {[change.__name__ for change in happened]}"
    assert set(by_person) == {name for name in nights.graph.order if nights.graph.dictionary[name].by_person}
    filled = {name for name, (n_rows, *_) in nights.contents().items() if n_rows}
    assert filled >= {"analysis.adqs", "analysis.adae", "analysis.adtte", "quality.change", "quality.data_query"}


def test_the_log_of_those_touched_is_theirs_and_nobody_elses(nights: Nights) -> None:
    wanted = needed(nights.graph, {"engagement.activity"})
    nights.tables = [name for name in nights.graph.order if name in wanted]
    nights.night()
    nights.somebody_uses_it()
    start_build(nights.workspace, nights.protocol, nights.drops, nights.as_of)
    for table in nights.tables:
        derive(nights.workspace, table, nights.graph)
    whose = "usubjid IN (SELECT usubjid FROM kept.touched WHERE name = ?)"
    with open_build(nights.workspace) as con:
        held = con.execute(f"SELECT * FROM {EVENTS} ORDER BY ALL").fetchall()
        theirs = con.execute(f"SELECT * FROM {LOG} WHERE {whose} ORDER BY ALL", [LOG]).fetchall()
        (n_events,) = con.execute(f"SELECT count(*) FROM {LOG}").fetchone()
    assert held == theirs and 0 < len(theirs) < n_events


def test_a_tables_rows_depend_on_their_persons_rows_alone(nights: Nights) -> None:
    """What `by_person` says of a table: whoever is left out of what it reads, the rows of the others stay the same."""
    graph = nights.graph
    alone = {name for name in graph.order if graph.dictionary[name].by_person}
    wanted = needed(graph, alone)
    nights.tables = [name for name in graph.order if name in wanted]
    nights.night()
    with open_build(nights.workspace) as con:
        everybody = [name for (name,) in con.execute("SELECT usubjid FROM core.subject ORDER BY ALL").fetchall()]
        gather(con, "SELECT unnest(?)", sorted(nights.chance.sample(everybody, 6)))
        participants = graph.dictionary["core.participants"].model_copy(update={"person": ["usubjid"]})
        dictionary = graph.dictionary | {"core.participants": participants}
        for name in [*sorted(alone), "core.subject"]:  # which gives everybody a number among all
            query, table = graph.queries[name], graph.dictionary[name]
            show(con, query.reads, dictionary)
            con.execute(f"USE {shown()}")
            made = con.execute(f"SELECT * FROM ({query.sql}) ORDER BY ALL").fetchall()
            con.execute("USE build")
            theirs = con.execute(f"SELECT * FROM {name} WHERE {is_touched(table)} ORDER BY ALL").fetchall()
            assert (made == theirs != []) == (name in alone), name
