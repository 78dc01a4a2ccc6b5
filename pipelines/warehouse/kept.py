"""The last night's build, kept so that a table is taken over where nothing that it was made of has changed.

`kept.made`, in the build itself, has one row a table: what it was made of, and what it holds. A table is made of its
SQL and of what the tables hold that the SQL reads; of `study.setting`, whose day changes every night, only the
columns that it may read count. So a table that was made anew and came out as before changes nothing after it. Where
each row depends on one person's rows alone, only those of people touched are made anew (`touched`).

Nothing is taken on trust: a build counts only when the same program and libraries left it, closed it whole, and
every table still holds what was written down. Any doubt makes a fresh one. What an interrupted night left is never
gone on with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import build_file, close_build, create_table, insert_rows, open_build
from pipelines.warehouse.fingerprint import fingerprint
from pipelines.warehouse.gathered import gathered_name, is_gathered
from pipelines.warehouse.graph import Query
from pipelines.warehouse.quoting import identifier
from pipelines.warehouse.touched import People, State
from pipelines.workspace import Workspace

LAYER = "kept"
_MADE = "kept.made"
_COLUMNS = {"name": "VARCHAR", "made_of": "VARCHAR", "n_rows": "BIGINT", "content": "VARCHAR", "identity": "VARCHAR"}
_SETTING = "study.setting"
_GIVEN = ("study", "input")
_IS_DERIVED = "split_part(name, '.', 1) NOT IN ('study', 'input')"
_LIBRARIES = ("duckdb", "great-expectations")


@dataclass(frozen=True)
class Made:
    """What came of a table: its rows, whether it was taken over, and whether it holds anything else than before.

    `n_touched`: how many people's rows were made anew; None where all were, or none.
    """

    n_rows: int
    taken_over: bool
    changed: bool
    n_touched: int | None = None


def whole_mark(workspace: Workspace) -> Path:
    """The file that says that the build was closed whole, how large it was then, and by which program."""
    return workspace.build / "whole"


def mark_whole(workspace: Workspace) -> None:
    """Let the next night take over what has not changed. The build must be closed."""
    if build_file(workspace).exists():
        effects.write(whole_mark(workspace), _mark(workspace).encode())


def mark_doubtful(workspace: Workspace) -> None:
    """Let the next night take over nothing."""
    effects.remove(whole_mark(workspace))


def reopen(workspace: Workspace) -> bool:
    """Whether the last build can be gone on with. From now on it is not whole until it is closed again."""
    import duckdb

    mark = whole_mark(workspace)
    if not mark.exists() or not build_file(workspace).exists() or mark.read_bytes() != _mark(workspace).encode():
        return False
    mark_doubtful(workspace)
    try:
        with open_build(workspace) as con:
            noted = con.execute(f"SELECT name, content FROM {_MADE} WHERE {_IS_DERIVED}").fetchall()  # noqa: S608
            views = _views(con)
            return all(_content(con, name, views) == content for name, content in noted)
    except duckdb.Error:
        close_build(workspace)
        return False


def note_given(con: Any, *, file: Path) -> None:
    """Write down what the protocol and the deliveries hold tonight; they were put there anew."""
    views = _views(con)
    given = [(name, _content(con, name, views)) for name in _names(con, _GIVEN)]
    gathered = {name: _content(con, name, views) for name in _names(con, [LAYER]) if is_gathered(name)}
    given = [(n, content + gathered.get(gathered_name(n), "")) for n, content in given if n != _SETTING]
    (setting,) = con.execute(f"SELECT * FROM {_SETTING}").fetchall()  # noqa: S608
    columns = [str(described[0]) for described in con.description]
    given += [(f"{_SETTING}.{name}", repr(value)) for name, value in zip(columns, setting, strict=True)]
    if _MADE not in _names(con, [LAYER]):
        create_table(con, _MADE, _COLUMNS, file=file)
    effects.execute(con, f"DELETE FROM {_MADE} WHERE NOT {_IS_DERIVED} OR made_of IS NULL", file=file)  # noqa: S608
    given += gathered.items()  # which the next night goes on with where they still hold this
    insert_rows(con, _MADE, [(name, None, None, content, content) for name, content in given], file=file)


def take_over(
    con: Any,
    name: str,
    reads: Iterable[str],
    rule: str,
    make: Callable[[], object],
    *,
    file: Path,
    anew: bool = False,
    people: People | None = None,
    is_view: bool = False,
) -> Made:
    """The table as it stands, where it was made by the same `rule` of the same things; else, or where it must be made
    `anew`, what `make` makes of it (a table, or, where it says so, a view), or, for the `people` touched alone, what
    they say.

    What is made is made in a transaction with the note of it: there are both or neither.
    """
    now, before = _state(con, reads, rule), _noted(con, name)
    if not anew and now is not None and before is not None and before.state == now:
        return Made(before.n_rows, taken_over=True, changed=False)
    n_touched = None
    if people is not None and not anew and now is not None and before is not None:
        n_touched = people.find(before.state, now)
    con.begin()
    try:
        if people is not None and before is not None and n_touched is None:
            people.remember()
        if n_touched is None:
            make()
        elif people is not None and n_touched:
            people.remake()
        views = _views(con) if is_view else {}
        same = (before.n_rows, before.content) if before is not None and n_touched == 0 else None
        n_rows, content = same or _held(con, name, views)
        forget(con, name, file=file)
        if now is not None:
            identity = now.digest if is_view else content
            insert_rows(con, _MADE, [(name, now.text, n_rows, content, identity)], file=file)
            if people is not None:
                people.note((before.state, before.identity) if before else None, (now, identity))
        con.commit()
    except BaseException:
        con.rollback()
        raise
    changed = before is None or before.content != content
    return Made(n_rows, taken_over=n_touched == 0, changed=changed, n_touched=n_touched)


def forget(con: Any, name: str, *, file: Path) -> None:
    """Have the table made anew the next time."""
    effects.execute(con, f"DELETE FROM {_MADE} WHERE name = $name", {"name": name}, file=file)  # noqa: S608


def known_rows(con: Any) -> dict[str, str]:
    """By table (views are none) a digest of the rows that it was made to hold, whatever their order."""
    return dict(con.execute(f"SELECT name, content FROM {_MADE} WHERE {_IS_DERIVED} AND identity = content").fetchall())  # noqa: S608


@dataclass(frozen=True)
class _Noted:
    """What was written down of a table when it was made."""

    state: State
    n_rows: int
    content: str
    identity: str


def _noted(con: Any, name: str) -> _Noted | None:
    found = con.execute(
        f"SELECT made_of, n_rows, content, identity FROM {_MADE} WHERE name = $name",  # noqa: S608
        {"name": name},
    ).fetchone()
    return _Noted(State.of(found[0]), int(found[1]), found[2], found[3]) if found else None


def _state(con: Any, reads: Iterable[str], rule: str) -> State | None:
    """What a table would be made of; None where what it reads is not written down."""
    known = dict(con.execute(f"SELECT name, identity FROM {_MADE}").fetchall())  # noqa: S608
    parts = tuple((read, known.get(read)) for read in reads)
    if any(found is None for _, found in parts):
        return None
    return State(_digest(rule), tuple((read, str(found)) for read, found in parts))


def parts_read(query: Query) -> list[str]:
    """What a SQL file reads; of the setting, each column by itself."""
    others = [read for read in query.reads if read != _SETTING]
    return [*others, *(f"{_SETTING}.{column}" for column in query.settings)]


def _names(con: Any, layers: Iterable[str]) -> list[str]:
    rows = con.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables "
        "WHERE table_catalog = current_database() AND list_contains($layers, table_schema) ORDER BY ALL",
        {"layers": list(layers)},
    ).fetchall()
    return [name for (name,) in rows]


def _content(con: Any, name: str, views: Mapping[str, str]) -> str:
    """A digest of what a table holds, whatever the order of its rows; of a view, of its SQL."""
    return _digest(views[name]) if name in views else _held(con, name, views)[1]


def _held(con: Any, name: str, views: Mapping[str, str]) -> tuple[int, str]:
    """How many rows a table or view holds, and `_content`."""
    if name in views:
        ((n_rows,),) = con.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()  # noqa: S608
        return int(n_rows), _digest(views[name])
    numbers = fingerprint(con, identifier(name))
    return int(numbers[0]), _digest([str(number) for number in numbers])


def _views(con: Any) -> dict[str, str]:
    """The SQL of every view; DuckDB takes as long to tell that of one.

    DuckDB 1.5 quotes, brackets and joins otherwise until the file is opened again, so that these marks do not count.
    """
    found = con.execute(
        "SELECT schema_name || '.' || view_name, sql FROM duckdb_views() "
        "WHERE database_name = current_database() AND NOT internal"
    ).fetchall()
    return {name: re.sub(r'CROSS JOIN|["(),\s]', "", sql) for name, sql in found}


def _mark(workspace: Workspace) -> str:
    """The size of the build, and the code and the libraries that what it holds depends on."""
    size = build_file(workspace).stat().st_size
    return json.dumps([size, code_version(), *(version(library) for library in _LIBRARIES)])


def _digest(facts: Any) -> str:
    return sha256(json.dumps(facts).encode()).hexdigest()
