"""The last night's build, kept so that a table is taken over where nothing that it was made of has changed.

`kept.made`, in the build itself, has one row a table: what it was made of, and what it holds. A table is made of its
SQL and of what the tables hold that the SQL reads; of `study.setting`, whose day changes every night, only the
columns that it may read count. So a table that was made anew and came out as before changes nothing after it. Where
each row depends on one person's rows alone, only those of people touched are made anew (`touched`).

Nothing is taken on trust: a build counts only when the same program and libraries left it, closed it whole, and it
still has every byte that it had then. Any doubt makes a fresh one. What an interrupted night left is never gone on
with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import (
    build_file,
    close_build,
    create_table,
    in_mind,
    insert_rows,
    open_build,
    transaction,
)
from pipelines.warehouse.digest_beside import begin_digest, digest_of
from pipelines.warehouse.fingerprint import as_text, fingerprint, fingerprint_and_columns, rows_digests
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
    """The file that says that the build was closed whole, with which bytes, and by which program."""
    return workspace.build / "whole"


def mark_whole(workspace: Workspace) -> None:
    """Let the next night take over what has not changed. The build must be closed."""
    if build_file(workspace).exists():
        effects.write(whole_mark(workspace), _mark(workspace).encode())


_keeping: set[Path] = set()


def begin_to_keep(workspace: Workspace) -> None:
    """Close the build for the next night to go on with, and begin with what takes time; `keep_begun` ends it."""
    close_build(workspace)
    begin_digest(build_file(workspace))
    _keeping.add(build_file(workspace))


def keep_begun(workspace: Workspace) -> None:
    """Keep the build that `begin_to_keep` closed; of any other nobody has said that it may be gone on with."""
    if build_file(workspace) in _keeping:
        _keeping.remove(build_file(workspace))
        keep_build(workspace)


def keep_build(workspace: Workspace) -> None:
    """Close the build for the next night to go on with; what it cannot take over it makes anew."""
    close_build(workspace)
    with suppress(OSError):
        mark_whole(workspace)


def mark_doubtful(workspace: Workspace) -> None:
    """Let the next night take over nothing."""
    effects.remove(whole_mark(workspace))


def begin_to_reopen(workspace: Workspace) -> None:
    """Begin with what takes `reopen` its time. Nobody else may write to the build from now on."""
    if whole_mark(workspace).exists():
        begin_digest(build_file(workspace))


def reopen(workspace: Workspace) -> bool:
    """Whether the last build can be gone on with. From now on it is not whole until it is closed again."""
    import duckdb

    mark, file = whole_mark(workspace), build_file(workspace)
    if not mark.exists() or not file.exists() or mark.read_bytes() != _mark(workspace).encode():
        return False
    mark_doubtful(workspace)
    try:
        with open_build(workspace) as con:
            return bool(_noted(con, file))
    except duckdb.Error:
        close_build(workspace)
        return False


def note_given(con: Any, *, file: Path) -> None:
    """Write down what the protocol and the deliveries hold tonight; they were put there anew."""
    views = _views(con)
    names = [name for name in _names(con, _GIVEN) if name != _SETTING]
    gathered = [name for name in _names(con, [LAYER]) if is_gathered(name)]
    contents = _contents(con, [*names, *gathered], views)
    given = [(name, contents[name] + contents.get(gathered_name(name), "")) for name in names]
    (setting,) = con.execute(f"SELECT * FROM {_SETTING}").fetchall()  # noqa: S608
    columns = [str(described[0]) for described in con.description]
    given += [(f"{_SETTING}.{name}", repr(value)) for name, value in zip(columns, setting, strict=True)]
    if _MADE not in _names(con, [LAYER]):
        create_table(con, _MADE, _COLUMNS, file=file)
    effects.execute(con, f"DELETE FROM {_MADE} WHERE NOT {_IS_DERIVED} OR made_of IS NULL", file=file)  # noqa: S608
    given += [
        (name, contents[name]) for name in gathered
    ]  # which the next night goes on with where they still hold this
    insert_rows(con, _MADE, [(name, None, None, content, content) for name, content in given], file=file)
    in_mind(file).pop(_MADE, None)


def take_over(
    con: Any,
    name: str,
    reads: Sequence[str],
    rule: str,
    make: Callable[[], object],
    *,
    file: Path,
    anew: bool = False,
    people: People | None = None,
    is_view: bool = False,
    mend: Callable[[str], bool] = lambda columns: False,
) -> Made:
    """The table as it stands, where it was made by the same `rule` of the same things; else, or where it must be made
    `anew`, what `make` makes of it (a table, or, where it says so, a view), or, for the `people` touched alone, what
    they say. `mend` is told the columns of a table that `make` made, and says whether it made it otherwise.

    What is made is made in a transaction with the note of it: there are both or neither.
    """
    noted = _noted(con, file)
    now, before = _state(noted, reads, rule), noted.get(name)
    if not anew and now is not None and before is not None and before.made_of == now.text:
        return Made(before.n_rows, taken_over=True, changed=False)
    n_touched = None
    if people is not None and not anew and now is not None and before is not None:
        n_touched = people.find(before.state, now)
    with transaction(con):
        if people is not None and before is not None and n_touched is None:
            people.remember()
        if n_touched is None:
            make()
        elif people is not None and n_touched:
            people.remake()
        if before is not None and n_touched == 0:
            n_rows, content = before.n_rows, before.content
        else:
            n_rows, content = _held(con, name, _views(con) if is_view else {}, mend if n_touched is None else None)
        after = None if now is None else _Noted(now.text, n_rows, content, now.digest if is_view else content)
        _write_down(con, name, before, after, file=file)
        if people is not None and now is not None and after is not None:
            people.note((before.state, before.identity) if before else None, (now, after.identity))
    _remember(noted, name, after)
    changed = before is None or before.content != content
    return Made(n_rows, taken_over=n_touched == 0, changed=changed, n_touched=n_touched)


def forget(con: Any, name: str, *, file: Path) -> None:
    """Have the table made anew the next time."""
    noted = _noted(con, file)
    _write_down(con, name, noted.get(name), None, file=file)
    _remember(noted, name, None)


def _write_down(con: Any, name: str, before: _Noted | None, after: _Noted | None, *, file: Path) -> None:
    if before is not None:
        effects.execute(con, f"DELETE FROM {_MADE} WHERE name = $name", {"name": name}, file=file)  # noqa: S608
    if after is not None:
        values = [name, after.made_of, after.n_rows, after.content, after.identity]
        effects.execute(con, f"INSERT INTO {_MADE} VALUES (?, ?, ?, ?, ?)", values, file=file)  # noqa: S608


def known_rows(con: Any) -> dict[str, str]:
    """By table (views are none) the `rows_digest` of what it was made to hold."""
    return dict(con.execute(f"SELECT name, content FROM {_MADE} WHERE {_IS_DERIVED} AND identity = content").fetchall())  # noqa: S608


@dataclass(frozen=True)
class _Noted:
    """What was written down of a table when it was made, or, but for what it was made of, of one that was given."""

    made_of: str
    n_rows: int
    content: str
    identity: str

    @property
    def state(self) -> State:
        return State.of(self.made_of)


def _noted(con: Any, file: Path) -> dict[str, _Noted]:
    """What is written down of each table, read once for as long as the build is open."""
    known: dict[str, dict[str, _Noted]] = in_mind(file)
    if _MADE not in known:
        rows = con.execute(f"SELECT {', '.join(_COLUMNS)} FROM {_MADE}").fetchall()  # noqa: S608
        known.setdefault(_MADE, {name: _Noted(*facts) for name, *facts in rows})
    return known[_MADE]


def _remember(noted: dict[str, _Noted], name: str, after: _Noted | None) -> None:
    if after is None:
        noted.pop(name, None)
    else:
        noted[name] = after


def _state(noted: Mapping[str, _Noted], reads: Sequence[str], rule: str) -> State | None:
    """What a table would be made of; None where what it reads is not written down."""
    parts = [(read, noted[read].identity) for read in reads if read in noted]
    return State(_digest(rule), tuple(parts)) if len(parts) == len(reads) else None


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


def _contents(con: Any, names: Sequence[str], views: Mapping[str, str]) -> dict[str, str]:
    """By name a digest of what each table holds, whatever the order of its rows; of a view, of its SQL."""
    of_views = {name: _digest(views[name]) for name in names if name in views}
    return of_views | rows_digests(con, {name: identifier(name) for name in names if name not in views})


def _held(con: Any, name: str, views: Mapping[str, str], mend: Callable[[str], bool] | None = None) -> tuple[int, str]:
    """How many rows a table or view holds, and a digest as of `_contents`; of a table, after it was mended."""
    if name in views:
        ((n_rows,),) = con.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()  # noqa: S608
        return int(n_rows), _digest(views[name])
    numbers, columns = fingerprint_and_columns(con, identifier(name))
    if mend is not None and mend(columns):
        numbers = fingerprint(con, identifier(name))
    return int(numbers[0]), as_text(numbers)


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
    """The bytes of the build (all of them: nothing waits in a log beside it), and the code and the libraries that what
    it holds depends on."""
    file = build_file(workspace)
    waiting = file.with_name(f"{file.name}.wal").exists()
    return json.dumps([waiting, digest_of(file), code_version(), *(version(library) for library in _LIBRARIES)])


def _digest(facts: Any) -> str:
    return sha256(json.dumps(facts).encode()).hexdigest()
