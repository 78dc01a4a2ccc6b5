"""What the SQL files say of themselves, kept: as good as parsed, and never of other code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.warehouse import graph_facts
from pipelines.warehouse.graph import Graph, load_graph
from pipelines.warehouse.graph_facts import kept_graph


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "program" / "graph.json"
    monkeypatch.setattr(graph_facts, "BESIDE_THE_PROGRAM", file)
    return file


def _parses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse() -> Graph:
        raise AssertionError("it should have been read, not parsed")

    monkeypatch.setattr(graph_facts, "load_graph", parse)


def _same(kept: Graph, parsed: Graph) -> bool:
    return (
        kept.order == parsed.order
        and kept.dictionary == parsed.dictionary
        and all(kept.queries[n] == parsed.queries[n] for n in parsed.queries)
        and all(kept.column_lineage(n) == parsed.column_lineage(n) for n in parsed.queries)
    )


def test_another_workspace_reads_what_the_first_one_parsed(
    beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = kept_graph(tmp_path / "one" / "store")
    assert beside.exists() and not (tmp_path / "one").exists()
    _parses_nothing(monkeypatch)
    assert _same(kept_graph(tmp_path / "other" / "store"), parsed)
    assert _same(parsed, load_graph())


def test_it_lies_in_the_store_where_the_program_may_not_be_written_to(
    beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.parent.parent.joinpath("program").write_text("a file where the folder would be")
    parsed = kept_graph(tmp_path / "store")
    assert (tmp_path / "store" / "graph.json").exists()
    _parses_nothing(monkeypatch)
    assert _same(kept_graph(tmp_path / "store"), parsed)


@pytest.mark.parametrize("change", ["code", "damage", "cut"])
def test_what_was_found_by_other_code_or_is_damaged_is_found_again(
    beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    good = graph_facts._written(load_graph())
    beside.parent.mkdir()
    if change == "code":
        beside.write_text(good)
        monkeypatch.setattr(graph_facts, "code_version", lambda: "another")
    else:
        beside.write_text(good.replace("core.", "cure.", 1) if change == "damage" else good[:70])
    assert _same(kept_graph(), load_graph())
    shutil.copy(beside, tmp_path / "again")
    assert graph_facts._load(tmp_path / "again") is not None
