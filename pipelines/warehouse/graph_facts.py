"""What the SQL files and the table dictionary say, kept beside the program: parsing them takes longer than a night with
nothing new.

Kept is which table reads which, the lineage of columns, and the dictionary, under the digest of the code that they
follow from. The SQL itself is always read from its file. What is kept lies where Python keeps compiled modules, so that
every workspace has it from its first night on; where the program's folder may not be written to, in the workspace's
store.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.dictionary import Dictionary, Table
from pipelines.warehouse.graph import SQL, Graph, Lineage, Query, load_graph


@dataclass(frozen=True)
class _Facts:
    """Of every SQL file, by the table that it makes: what it reads, of the settings too, and its columns' lineage; and
    the dictionary."""

    reads: dict[str, list[str]]
    settings: dict[str, list[str]]
    lineage: dict[str, Lineage]
    dictionary: Dictionary


BESIDE_THE_PROGRAM = Path(cache_from_source(__file__)).with_name("graph.json")


def kept_graph(store: Path | None = None) -> Graph:
    """The graph of the program's own SQL, parsed only where no earlier process has left what it found there. `store`:
    where it is kept when it cannot be beside the program.

    Raises as `load_graph`.
    """
    files = [BESIDE_THE_PROGRAM, *([store / BESIDE_THE_PROGRAM.name] if store else [])]
    for file in files:
        if (facts := _load(file)) is not None:
            return _graph(facts)
    graph = load_graph()
    text = _written(graph)
    for file in files:
        with suppress(OSError):  # what is not kept is found again
            effects.write(effects.make_directory(file.parent) / file.name, text.encode())
            break
    return graph


def _graph(facts: _Facts) -> Graph:
    queries = {}
    for name, reads in facts.reads.items():
        layer, table = name.split(".")
        path = SQL / layer / f"{table}.sql"
        queries[name] = Query(name, path, path.read_text(encoding="utf-8"), tuple(reads), tuple(facts.settings[name]))
    return Graph(queries, facts.dictionary, facts.lineage)


def _written(graph: Graph) -> str:
    content = {
        "code": _code(),
        "reads": {name: query.reads for name, query in graph.queries.items()},
        "settings": {name: query.settings for name, query in graph.queries.items()},
        "lineage": {name: graph.column_lineage(name) for name in graph.queries},
        "dictionary": [table.model_dump(mode="json", exclude_defaults=True) for table in graph.dictionary.values()],
    }
    text = json.dumps(content)
    return f"{sha256(text.encode()).hexdigest()}\n{text}"


def _load(file: Path) -> _Facts | None:
    """What was found by this very code; None where nothing was, or where it no longer is what was written."""
    try:
        digest, text = file.read_text(encoding="utf-8").split("\n", 1)
    except (OSError, ValueError):
        return None
    if sha256(text.encode()).hexdigest() != digest:
        return None
    content: dict[str, Any] = json.loads(text)
    if content["code"] != _code():
        return None
    lineage = {
        name: {column: [(table, source) for table, source in sources] for column, sources in columns.items()}
        for name, columns in content["lineage"].items()
    }
    dictionary = {table.table: table for table in map(Table.model_validate, content["dictionary"])}
    return _Facts(content["reads"], content["settings"], lineage, dictionary)


def _code() -> list[str]:
    """The program (its SQL, its dictionary and what reads them) and the library that parses."""
    return [code_version(), version("sqlglot")]


if __name__ == "__main__":
    kept_graph()
