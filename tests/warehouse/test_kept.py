"""The build kept from the last night: what is taken over is what would have been made, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.database import build_file, close_build, open_build
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.kept import (
    begin_to_keep,
    begin_to_reopen,
    keep_begun,
    mark_doubtful,
    mark_whole,
    whole_mark,
)
from pipelines.workspace import Workspace
from tests.warehouse.full_disk import full_disk
from tests.warehouse.small_trial import AS_OF, NOON, SQL, TABLES, ADelivery, deliveries, delivery, write_files

DUE = {
    "outcome/due": """
        -- Sites on the day: one row a site.
        SELECT s.site_id, s.name, t.as_of AS day FROM study.site AS s CROSS JOIN study.setting AS t
    """
}
DUE_TABLE = {
    "outcome/due": """
        table: outcome.due
        description: Sites on the day.
        key: [site_id]
        published: false
        materialise: table
        blinding: safe
        columns:
          site_id: {type: VARCHAR, label: Site, description: Site, blinding: safe}
          name: {type: VARCHAR, label: Name, description: Name, blinding: safe}
          day: {type: DATE, label: Day, description: Day, blinding: safe}
    """
}


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return write_files(tmp_path / "files", SQL | DUE, TABLES | DUE_TABLE)


@dataclass
class Nights:
    """Nights of one workspace, and what the next one begins from."""

    workspace: Workspace
    graph: Graph
    protocol: Protocol
    drops: list[ADelivery]
    as_of: Any = AS_OF
    folder: Path = field(kw_only=True)

    def night(self) -> list[str]:
        """Build and close; the tables that were made anew."""
        start_build(self.workspace, self.protocol, self.drops, self.as_of)
        anew = [name for name in self.graph.order if not derive(self.workspace, name, self.graph).taken_over]
        close_build(self.workspace)
        mark_whole(self.workspace)
        return anew

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        with open_build(self.workspace) as con:
            found = {name: con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in self.graph.order}
        close_build(self.workspace)
        return found

    def made_at_once(self) -> dict[str, list[tuple[Any, ...]]]:
        """The tables of a workspace that has no earlier night."""
        fresh = replace(self, workspace=Workspace(self.folder / "fresh"))
        effects.remove(fresh.workspace.root)
        fresh.workspace.root.mkdir()
        assert fresh.night() == self.graph.order
        return fresh.tables()

    def deliver(self, feed: str, rows: Sequence[dict[str, Any]]) -> None:
        number = 1 + max((drop.sequence for drop in self.drops), default=0)
        self.drops.append(delivery(self.folder / "drops", number, feed, rows))


@pytest.fixture
def nights(workspace: Workspace, graph: Graph, ict_sad: Protocol, tmp_path: Path) -> Iterator[Nights]:
    made = Nights(workspace, graph, ict_sad, deliveries(tmp_path / "drops"), folder=tmp_path)
    assert made.night() == graph.order
    yield made
    close_build(Workspace(tmp_path / "fresh"))


def test_a_night_without_news_makes_nothing_and_comes_to_the_same(nights: Nights) -> None:
    before = nights.tables()
    assert nights.night() == []
    assert nights.tables() == before == nights.made_at_once()


def test_only_what_reads_the_day_is_made_on_another_day(nights: Nights) -> None:
    nights.as_of += timedelta(days=1)
    assert nights.night() == ["outcome.due"]


def test_only_what_reads_a_delivery_is_made_when_it_comes(nights: Nights) -> None:
    nights.deliver("usage", [{"event_id": "new", "subject_id": "P000", "occurred_at": NOON}])
    assert nights.night() == ["engagement.session"]
    nights.deliver("participants", [{"subject_id": "P900"}])
    assert set(nights.night()) == {"core.person", "analysis.adsl", "engagement.session", "analysis.adqs"}


def test_a_table_that_comes_out_as_before_changes_nothing_after_it(nights: Nights) -> None:
    nights.deliver("allocation", [])
    assert set(nights.night()) == {"core.person", "analysis.adsl", "engagement.session"}  # not analysis.adqs


def test_another_study_file_makes_what_reads_the_change(nights: Nights) -> None:
    site = nights.protocol.study.sites[0].model_copy(update={"name": "Elsewhere"})
    study = nights.protocol.study.model_copy(update={"sites": [site, *nights.protocol.study.sites[1:]]})
    nights.protocol = replace(nights.protocol, study=study)
    assert nights.night() == ["outcome.due"]
    assert nights.tables() == nights.made_at_once()


def _altered(workspace: Workspace) -> None:
    with duckdb.connect(str(build_file(workspace))) as con:
        con.execute("UPDATE analysis.adsl SET arm = 'other' WHERE usubjid = 'oxford-P001'")


def _row_gone(workspace: Workspace) -> None:
    with duckdb.connect(str(build_file(workspace))) as con:
        con.execute("DELETE FROM engagement.session WHERE usubjid = 'oxford-P001'")


def _other_view(workspace: Workspace) -> None:
    with duckdb.connect(str(build_file(workspace))) as con:
        con.execute("CREATE OR REPLACE VIEW core.person AS SELECT 'x' AS usubjid")


def _cut(workspace: Workspace) -> None:
    content = build_file(workspace).read_bytes()
    build_file(workspace).write_bytes(content[: len(content) // 2])


def _garbled(workspace: Workspace) -> None:
    content = bytearray(build_file(workspace).read_bytes())
    for place in range(8192, len(content), 4096):
        content[place] ^= 0xFF
    build_file(workspace).write_bytes(content)


def _gone(workspace: Workspace) -> None:
    build_file(workspace).unlink()


def _by_another_program(workspace: Workspace) -> None:
    whole_mark(workspace).write_text('["another"]')


@pytest.mark.parametrize(
    "harm", [_altered, _row_gone, _other_view, _cut, _garbled, _gone, _by_another_program, mark_doubtful]
)
def test_a_build_in_doubt_is_made_anew(nights: Nights, harm: Any) -> None:
    before = nights.tables()
    harm(nights.workspace)
    assert nights.night() == nights.graph.order
    assert nights.tables() == before
    assert nights.night() == []


def test_a_build_is_kept_only_by_a_night_that_began_to_keep_it(nights: Nights) -> None:
    start_build(nights.workspace, nights.protocol, nights.drops, nights.as_of)
    keep_begun(nights.workspace)
    assert not whole_mark(nights.workspace).exists()
    begin_to_keep(nights.workspace)
    assert not whole_mark(nights.workspace).exists()
    keep_begun(nights.workspace)
    begin_to_reopen(nights.workspace)
    assert nights.night() == []


def test_a_build_that_is_changed_while_it_is_looked_at_is_made_anew(nights: Nights) -> None:
    begin_to_reopen(nights.workspace)
    _altered(nights.workspace)
    assert nights.night() == nights.graph.order


def test_random_nights_come_to_what_one_night_would(nights: Nights) -> None:
    """Additions, corrections, withdrawals, other days, another study file, nights that fail anywhere."""
    chance = random.Random(20)
    for _ in range(12):
        for change in chance.sample(CHANGES, k=2):
            change(nights, chance)
        if chance.random() < 0.4:
            _fail(nights, chance)
        nights.night()
        assert nights.tables() == nights.made_at_once()


def _add(nights: Nights, chance: random.Random) -> None:
    name = f"P{chance.randrange(90):03d}"
    nights.deliver("participants", [{"subject_id": name}])
    event = {"event_id": f"{name}-{chance.random()}", "subject_id": name, "occurred_at": NOON}
    nights.deliver("usage", [event])


def _correct(nights: Nights, chance: random.Random) -> None:
    """Another file in place of a delivery's rows."""
    number = chance.randrange(len(nights.drops))
    old = nights.drops[number]
    rows = [{"subject_id": f"P{chance.randrange(90):03d}", "arm": chance.choice(("A", "B"))} for _ in range(3)]
    new = delivery(nights.folder / "drops", 1000 + chance.randrange(10**6), old.receipt.feed, rows)
    nights.drops[number] = replace(new, sequence=old.sequence)


def _withdraw(nights: Nights, chance: random.Random) -> None:
    nights.drops.pop(chance.randrange(len(nights.drops)))


def _another_day(nights: Nights, chance: random.Random) -> None:
    nights.as_of = AS_OF + timedelta(days=chance.randrange(5))


def _another_study(nights: Nights, chance: random.Random) -> None:
    study = nights.protocol.study.model_copy(update={"title": f"Trial {chance.randrange(3)}"})
    nights.protocol = replace(nights.protocol, study=study)


CHANGES = [_add, _add, _correct, _withdraw, _another_day, _another_study]


def _fail(nights: Nights, chance: random.Random) -> None:
    """A night whose disk is full from some effect on."""
    with full_disk(chance.randrange(250)):
        nights.night()
    close_build(nights.workspace)
