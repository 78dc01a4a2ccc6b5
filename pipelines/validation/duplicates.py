"""The same record twice in one delivery: left out where it says the same, quarantined where it does not.

Only the rows of which the key stands there more than once are looked at, and the file of accepted rows is written
again only where some of them must go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.validation.row_file import RowFile

if TYPE_CHECKING:
    import duckdb
    import polars as pl

SUSPECTS = ".suspects.parquet"
MEMORY, KEPT_MEMORY = "600MB", "100MB"

# One row a record whose key stands more than once in the delivery. `fate`: conflict, or duplicate (the same
# content again), or first (of its kind, or refused anyway for what it holds).
_TWICE = """
CREATE TEMP TABLE twice AS
WITH every AS (
    SELECT record_key, row_no, line_no, {source_column} AS column_name, place, {content}, '' AS unread
    FROM read_parquet($suspects)
    UNION ALL
    SELECT record_key, row_no, line_no, {source_column} AS column_name, NULL AS place, {content}, unread
    FROM read_parquet($refused)
),
repeated AS (
    SELECT record_key, ({differ}) AS differ
    FROM every WHERE record_key IS NOT NULL
    GROUP BY record_key HAVING count(*) > 1
)
SELECT every.record_key, row_no, line_no, column_name, place,
       CASE WHEN differ THEN 'conflict'
            WHEN place IS NOT NULL AND row_number() OVER (PARTITION BY every.record_key ORDER BY row_no, place) > 1
            THEN 'duplicate'
            ELSE 'first' END AS fate
FROM every JOIN repeated USING (record_key)
"""

# A column says different things where its values differ or where only some of them are missing.
_DIFFERS = 'min("{0}") IS DISTINCT FROM max("{0}") OR count("{0}") BETWEEN 1 AND count(*) - 1'

_REMOVED = "SELECT place FROM twice WHERE fate <> 'first' AND place IS NOT NULL ORDER BY place"

_QUARANTINED = """
COPY (
    SELECT * FROM read_parquet('{quarantine}')
    UNION ALL BY NAME
    SELECT DISTINCT '{delivery_id}' AS delivery_id, '{site_id}' AS site_id, '{feed}' AS feed, row_no, line_no,
           'conflicting_duplicate' AS rule, column_name, '{message}' AS message, record_key
    FROM twice WHERE fate = 'conflict'
    ORDER BY row_no, column_name, rule, record_key
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""

# Of the records that lost accepted rows and had nothing refused before: how many there are, how many now have
# something refused, and how many of the others still have an accepted row.
_CHANGED = """
WITH removed AS (
    SELECT row_no, bool_or(fate = 'conflict') AS conflict
    FROM twice WHERE fate <> 'first' AND place IS NOT NULL
    GROUP BY row_no
),
changed AS (SELECT * FROM removed ANTI JOIN read_parquet($quarantine) AS refused USING (row_no)),
kept AS (SELECT DISTINCT row_no FROM read_parquet($accepted) SEMI JOIN changed USING (row_no))
SELECT count(*),
       count(*) FILTER (WHERE conflict),
       count(*) FILTER (WHERE NOT conflict AND row_no IN (SELECT row_no FROM kept))
FROM changed
"""


@dataclass(frozen=True)
class Counts:
    """Records with accepted rows and nothing refused, records with anything refused, records that only repeat."""

    accepted: int
    quarantined: int
    duplicate: int


@dataclass(frozen=True)
class Delivered:
    """The files of one delivery, rewritten in place; `refused` holds what the refused rows said. `shape` and
    `distinct` are how accepted rows lie, `content` where two of one key may differ."""

    accepted: Path
    quarantine: Path
    refused: Path
    shape: Mapping[str, Any]
    distinct: Sequence[str]
    content: list[str]
    has_source_column: bool
    delivery_id: str
    site_id: str
    feed: str
    conflict_message: str


def suspects(accepted: Sequence[pl.Series], refused: Sequence[pl.Series]) -> pl.Series | None:
    """The places of accepted rows (from 0) of which the key may stand more than once, from the hashes of all keys in
    the order of the rows; None where no two keys have met."""
    import numpy as np
    import polars as pl

    every = [*accepted, *refused]
    if not every:
        return None
    in_order = np.concatenate([hashes.to_numpy() for hashes in every])
    in_order.sort()  # takes half of what counting them would
    if (in_order[1:] != in_order[:-1]).all():
        return None
    hashes = pl.concat(every)
    repeated = hashes.filter(hashes.is_duplicated()).unique()
    return pl.concat(accepted).is_in(repeated.implode()).arg_true() if accepted else hashes.clear()


def set_duplicates_apart(files: Delivered, places: pl.Series, counts: Counts) -> Counts:
    """Take repeated records out of the accepted rows, conflicting ones into quarantine; `places` are the suspects."""

    suspected = files.accepted.with_name(SUSPECTS)
    _copy(files, suspected, places)
    with _found_twice(files, suspected) as con:
        removed = [place for (place,) in con.execute(_REMOVED).fetchall()]
        if removed:
            _copy(files, files.accepted, removed, without=True)
        counts = _counted(con, files, counts)
        _quarantine_conflicts(con, files)
    effects.remove(suspected)
    return counts


@contextmanager
def _found_twice(files: Delivered, suspected: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the table `twice`: the one that the process keeps, or, of more than that has room for, one of
    its own, which may spill."""
    kept = _kept_database()
    try:
        if _has_room(kept, files, suspected):
            yield kept
            return
    finally:
        kept.execute("DROP TABLE IF EXISTS twice")
    spill = files.accepted.with_name(".spill")
    with _database(MEMORY, spill) as con:
        _find(con, files, suspected)
        yield con
    effects.remove(spill)


def _has_room(con: duckdb.DuckDBPyConnection, files: Delivered, suspected: Path) -> bool:
    """Make the table `twice` where the database's memory is enough for it."""
    import duckdb

    try:
        _find(con, files, suspected)
    except duckdb.OutOfMemoryException:
        return False
    return True


@lru_cache(maxsize=1)
def _kept_database() -> duckdb.DuckDBPyConnection:
    """Opening a database takes longer than most files' few rows."""
    return _database(KEPT_MEMORY, None)


def _database(memory: str, spill: Path | None) -> duckdb.DuckDBPyConnection:
    import duckdb

    con = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(spill or "")})
    con.execute("SET TimeZone = 'UTC'")
    return con


def _copy(files: Delivered, target: Path, places: pl.Series | list[int], *, without: bool = False) -> None:
    """The accepted rows at `places` (ascending), or all without them, as the file `target`, each with its place."""
    import polars as pl

    parquet: Any = import_module("pyarrow.parquet")
    chosen = pl.Series("place", places, dtype=pl.Int64)
    shape = dict(files.shape) | ({} if without else {"place": pl.Int64()})
    copy = RowFile(target, shape, files.distinct, kept=without)
    try:
        with parquet.ParquetFile(files.accepted) as source:
            start = 0
            for group in range(source.num_row_groups):
                rows = pl.DataFrame(pl.from_arrow(source.read_row_group(group)))
                rows = rows.with_columns(pl.int_range(start, start + rows.height, dtype=pl.Int64).alias("place"))
                first, beyond = chosen.search_sorted(pl.Series([start, start + rows.height]))
                start += rows.height
                mine = chosen[first:beyond]  # of all places only these are worth a look
                copy.add(rows.filter(pl.col("place").is_in(mine.implode()) ^ without))
        copy.close()
    finally:
        copy.discard()


def _find(con: duckdb.DuckDBPyConnection, files: Delivered, suspected: Path) -> None:
    content = ", ".join(f'"{name}"' for name in files.content)
    column = "source_column" if files.has_source_column else "''"
    differ = " OR ".join(_DIFFERS.format(name) for name in [*files.content, "unread"])
    sql = _TWICE.format(content=content, source_column=column, differ=differ)
    con.execute(sql, {"suspects": str(suspected), "refused": str(files.refused)})


def _counted(con: duckdb.DuckDBPyConnection, files: Delivered, before: Counts) -> Counts:
    found = con.execute(_CHANGED, {"accepted": str(files.accepted), "quarantine": str(files.quarantine)}).fetchone()
    assert found is not None
    changed, conflicting, kept = found
    return Counts(
        before.accepted - changed + kept,
        before.quarantined + conflicting,
        before.duplicate + changed - conflicting - kept,
    )


def _quarantine_conflicts(con: duckdb.DuckDBPyConnection, files: Delivered) -> None:
    found = con.execute("SELECT count(*) FROM twice WHERE fate = 'conflict'").fetchone()
    if found == (0,):
        return
    target = files.quarantine.with_name(f".{files.quarantine.name}.growing")
    facts = {
        "delivery_id": files.delivery_id,
        "site_id": files.site_id,
        "feed": files.feed,
        "message": files.conflict_message,
        "quarantine": files.quarantine,
        "target": target,
    }
    quoted = {name: str(fact).replace("'", "''") for name, fact in facts.items()}
    effects.execute(con, _QUARANTINED.format(**quoted), file=target)
    effects.settle(target, effects.PRIVATE_FILE)
    effects.rename(target, files.quarantine)
