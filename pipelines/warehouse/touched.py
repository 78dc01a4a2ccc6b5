"""Whom a night's news touches: where a row depends on one person's rows alone, only these people's are made anew.

A table's dictionary says by `person` whose each of its rows is, and by `by_person` that a row depends, of the tables
that say so, on that person's rows alone. `kept.touched` has the people whose rows of a table differ, or may differ,
between the two of its states that `kept.news` names. A table that was made of the earlier states of what it reads is
brought to the later ones by its own SELECT, run in a database in which those tables show only the people touched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any

from pipelines import effects
from pipelines.warehouse.dictionary import Dictionary, Table
from pipelines.warehouse.fingerprint import FINGERPRINT
from pipelines.warehouse.quoting import identifier, literal
from pipelines.warehouse.touched_log import LOG, events_apart, usubjid_of

_LOG_IS_CHOSEN_BY = {"input.usage", "core.counted_delivery", "core.contested"}
_TABLES = (
    "kept.news (name VARCHAR, since VARCHAR, until VARCHAR)",
    "kept.touched (name VARCHAR, usubjid VARCHAR)",
    "kept.row_file (delivery_id VARCHAR, row_file VARCHAR)",
    "kept.log_delivery (delivery_id VARCHAR, row_file VARCHAR, stands BOOLEAN)",
    "kept.log_account (delivery_id VARCHAR, site_id VARCHAR, subject_id VARCHAR)",
    "kept.log_choice (delivery_id VARCHAR, row_no BIGINT, standing BOOLEAN, counts BOOLEAN)",
)


@dataclass(frozen=True)
class State:
    """By which rule a table was made, and of what: each table that it reads with the state in which it read it."""

    rule: str
    parts: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        return json.dumps([self.rule, self.parts])

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()

    @staticmethod
    def of(text: str) -> State:
        rule, parts = json.loads(text)
        return State(rule, tuple((name, state) for name, state in parts))


@dataclass
class People:
    """The people whose a table's rows are. `select` gives, when asked, the SELECT that makes them."""

    con: Any
    table: Table
    reads: Sequence[str]
    dictionary: Dictionary
    select: Callable[[], str]
    file: Path
    _known: bool = False
    _remembered: bool = False

    def find(self, then: State, now: State) -> int | None:
        """For how many people what the table reads changed between two states; None where nobody knows for whom, or
        where they are so many that all had better be made anew. `remake` then makes theirs. Writes to no file."""
        if not self.table.by_person or then.rule != now.rule:
            return None
        changed = [(name, old, new) for (name, old), (_, new) in zip(then.parts, now.parts, strict=True) if old != new]
        if not set(changed) <= set(self.con.execute("SELECT name, since, until FROM kept.news").fetchall()):
            return None
        self._known = True
        touched = "SELECT DISTINCT usubjid FROM kept.touched WHERE list_contains(?, name)"
        n_touched = gather(self.con, touched, [name for name, _, _ in changed])
        (n_people,) = self.con.execute("SELECT count(*) FROM core.subject").fetchone()
        if n_touched * 2 > n_people:
            return None
        if n_touched:
            share = n_touched / n_people
            log = events_apart(self.con, _people(), share, self.file) if LOG in self.reads else None
            show(self.con, self.reads, self.dictionary, log)
        return n_touched

    def remake(self) -> None:
        """Put what comes of the SELECT for the people found into the place of the rows that the table has of them."""
        select, catalog, name = self.select(), _catalog(self.con), identifier(self.table.table)
        effects.execute(self.con, f"DELETE FROM {name} WHERE {is_touched(self.table)}", file=self.file)  # noqa: S608
        self.con.execute(f"USE {shown()}")
        effects.execute(self.con, f"INSERT INTO {catalog}.{name} {select}", file=self.file)
        self.con.execute(f"USE {catalog}")

    def remember(self) -> None:
        """Take down what the table holds of each of its people before it is made anew, to see whose rows come out
        otherwise, where nobody knows yet and the rows name their people: a number may be another's by then."""
        self._remembered = not self._known and self.table.materialise == "table" and self.table.person != ["subject_no"]
        if self._remembered:
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE former AS {_held(self.table)}")

    def note(self, since: tuple[State, str] | None, until: tuple[State, str]) -> None:
        """Write down whose rows differ, or may differ, between two states of what the table is made of, each given
        with what then tells the table itself apart from others."""
        name = self.table.table
        _forget(self.con, name, file=self.file)
        known = self._known
        if name == LOG:
            known = _note_log(self.con, since and since[0], until[0], file=self.file)
        elif known:
            self._note(f"FROM {_people()}")
        elif self._remembered and since is not None and since[0].rule == until[0].rule:
            self._note(_other("usubjid", _held(self.table), "FROM former"))
            known = True
        if known and since is not None:
            effects.execute(
                self.con, "INSERT INTO kept.news VALUES (?, ?, ?)", [name, since[1], until[1]], file=self.file
            )

    def _note(self, people: str) -> None:
        into = f"INSERT INTO kept.touched SELECT DISTINCT {literal(self.table.table)}, *"
        effects.execute(self.con, f"{into} FROM ({people})", file=self.file)


def note_row_files(con: Any, files: Mapping[str, Path | None], *, file: Path) -> None:
    """Write down from which file of rows each delivery is read tonight: another file may hold other rows.

    Its folder is called by the digest of all that the rows depend on, wherever the store lies.
    """
    for table in _TABLES:
        effects.execute(con, f"CREATE TABLE IF NOT EXISTS {table}", file=file)
    effects.execute(con, "DELETE FROM kept.row_file", file=file)
    known = [[name, f"{path.parent.name}/{path.name}"] for name, path in files.items() if path is not None]
    if known:
        names, paths = (list(column) for column in zip(*known, strict=True))
        effects.execute(con, "INSERT INTO kept.row_file SELECT unnest(?), unnest(?)", [names, paths], file=file)


def shown() -> str:
    """The database that shows only the people touched, for the tables made in this thread; never on disk."""
    return f"touched_{get_ident()}"


def _people() -> str:
    return f"{shown()}.main.person"


def _accounts() -> str:
    return f"{shown()}.main.account"


def gather(con: Any, people: str, given: Sequence[str]) -> int:
    """Write down, beside the build, whose usubjid `people` selects; returns how many they are."""
    con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {shown()}")
    con.execute(f"CREATE OR REPLACE TABLE {_people()} (usubjid VARCHAR)")
    con.execute(f"INSERT INTO {_people()} {people}", [list(given)])
    return int(con.execute(f"SELECT count(*) FROM {_people()}").fetchone()[0])  # noqa: S608


def _forget(con: Any, name: str, *, file: Path) -> None:
    """Forget whose rows of a table changed: what reads it is made anew as a whole."""
    effects.execute(con, "DELETE FROM kept.news WHERE name = ?", [name], file=file)
    effects.execute(con, "DELETE FROM kept.touched WHERE name = ?", [name], file=file)


def _held(table: Table) -> str:
    """What a table holds of each of its people, whatever the order of the rows."""
    return (
        f"SELECT {_usubjid(table)} AS usubjid, {FINGERPRINT} "  # noqa: S608
        f"FROM {identifier(table.table)} AS t GROUP BY 1"
    )


def _note_log(con: Any, then: State | None, now: State, *, file: Path) -> bool:
    """Write down of which rows the log consists, and whose events are others than those written down before.

    Returns whether that tells the states apart: nothing but the choice of rows differs. A row of the log is one of a
    delivery; which ones count, the deliveries that stand decide, and `core.contested` for what several of them tell.
    """
    here = """
        SELECT d.delivery_id, f.row_file, d.replaced_by_seq IS NULL AS stands
        FROM core.counted_delivery AS d JOIN kept.row_file AS f ON f.delivery_id = d.delivery_id
        WHERE d.feed = 'usage'
    """
    choice = "SELECT delivery_id, row_no, standing, counts FROM core.contested"
    moved = _other("delivery_id", here, "FROM kept.log_delivery")
    chosen = _other("delivery_id, row_no", choice, "FROM kept.log_choice")
    account = f"SELECT {usubjid_of('a.site_id', 'a.subject_id')} AS usubjid FROM"
    into = f"INSERT INTO kept.touched SELECT DISTINCT {literal(LOG)}, usubjid FROM"
    of_moved = f"{into} ({account} kept.log_account AS a SEMI JOIN ({moved}) AS m USING (delivery_id))"
    for statement in (
        of_moved,
        f"DELETE FROM kept.log_account WHERE delivery_id IN ({moved})",  # noqa: S608
        f"INSERT INTO kept.log_account SELECT DISTINCT delivery_id, site_id, subject_id FROM input.usage "  # noqa: S608
        f"WHERE delivery_id IN ({moved})",
        of_moved,
        f"{into} ({account} input.usage AS a SEMI JOIN ({chosen}) AS c USING (delivery_id, row_no))",
        f"CREATE OR REPLACE TABLE kept.log_delivery AS {here}",
        f"CREATE OR REPLACE TABLE kept.log_choice AS {choice}",
    ):
        effects.execute(con, statement, file=file)
    return then is not None and _apart_from_choice(then) == _apart_from_choice(now)


def _apart_from_choice(state: State) -> State:
    return State(state.rule, tuple(part for part in state.parts if part[0] not in _LOG_IS_CHOSEN_BY))


def _other(columns: str, some: str, others: str) -> str:
    """The rows that stand in one of two queries only, by some of their columns."""
    return f"SELECT DISTINCT {columns} FROM (({some} EXCEPT {others}) UNION ALL ({others} EXCEPT {some}))"  # noqa: S608


def show(con: Any, reads: Iterable[str], dictionary: Dictionary, log: str | None = None) -> None:
    """In the database `shown`, views of the same names as what is read: where a table says whose its rows are, of those
    gathered alone. `log`: the table that has their part of the log, if any has it apart."""
    catalog = _catalog(con)
    read = {name: dictionary.get(name) for name in reads}
    _find_accounts(con, [table for table in read.values() if table is not None and len(table.person) > 1])
    for name, table in read.items():
        source = log if name == LOG and log is not None else f"{catalog}.{identifier(name)}"
        rows = f"SELECT shown.* FROM {source} AS shown"  # noqa: S608
        if table is not None and table.person:
            rows += _only_touched(table, catalog)
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {shown()}.{identifier(name.split('.')[0])}")
        con.execute(f"CREATE OR REPLACE VIEW {shown()}.{identifier(name)} AS {rows}")


def _find_accounts(con: Any, tables: Iterable[Table]) -> None:
    """The people found as those tables name them: comparing two columns is faster than joining them for each event."""
    known = ["SELECT NULL AS site_id, NULL AS subject_id WHERE FALSE"]
    for table in tables:
        source = "kept.log_account" if table.table == LOG else identifier(table.table)
        known.append(f"SELECT {', '.join(table.person)} FROM {source}")  # noqa: S608
    con.execute(
        f"CREATE OR REPLACE TABLE {_accounts()} AS SELECT DISTINCT site_id, subject_id "  # noqa: S608
        f"FROM ({' UNION ALL '.join(known)}) WHERE {usubjid_of('site_id', 'subject_id')} IN (FROM {_people()})"
    )


def _only_touched(table: Table, catalog: str) -> str:
    if len(table.person) > 1:
        site, subject = (f"shown.{column}" for column in table.person)
        return f" SEMI JOIN {_accounts()} AS a ON a.site_id = {site} AND a.subject_id IS NOT DISTINCT FROM {subject}"
    if table.person == ["usubjid"]:
        return f" WHERE shown.usubjid IN (FROM {_people()})"
    numbers = f"SELECT subject_no FROM {catalog}.core.subject WHERE usubjid IN (FROM {_people()})"  # noqa: S608
    return f" WHERE shown.subject_no IN ({numbers})"


def is_touched(table: Table) -> str:
    """The condition that a row is of somebody gathered; by numbers, that it is of nobody else, who all kept theirs."""
    if table.person == ["subject_no"]:
        return f"subject_no NOT IN (SELECT subject_no FROM core.subject WHERE usubjid NOT IN (FROM {_people()}))"  # noqa: S608
    return f"{_usubjid(table)} IN (FROM {_people()})"


def _usubjid(table: Table) -> str:
    return table.person[0] if len(table.person) == 1 else usubjid_of(*table.person)


def _catalog(con: Any) -> str:
    return identifier(str(con.execute("SELECT current_database()").fetchone()[0]))
