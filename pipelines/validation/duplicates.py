"""The same record twice in one delivery: left out where it says the same, quarantined where it does not.

Set-based over the written Parquet, and only when two keys have met.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects

if TYPE_CHECKING:
    import duckdb

MEMORY = "600MB"

# One row a record whose key stands more than once in the delivery. `fate`: conflict, or duplicate (the same
# content again), or first (of its kind, or refused anyway for what it holds).
_TWICE = """
CREATE TEMP TABLE twice AS
WITH every AS (
    SELECT record_key, row_no, line_no, {source_column} AS column_name, file_row_number AS place, {content},
           '' AS unread
    FROM read_parquet($accepted, file_row_number = TRUE)
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

_KEPT = """
COPY (
    SELECT * EXCLUDE (file_row_number) FROM read_parquet('{accepted}', file_row_number = TRUE)
    WHERE file_row_number NOT IN (SELECT place FROM twice WHERE fate <> 'first' AND place IS NOT NULL)
    ORDER BY file_row_number
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""

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

_COUNTS = """
WITH refused AS (SELECT DISTINCT row_no FROM read_parquet($quarantine)),
kept AS (SELECT DISTINCT row_no FROM read_parquet($accepted)),
again AS (SELECT DISTINCT row_no FROM twice WHERE fate = 'duplicate')
SELECT (SELECT count(*) FROM kept ANTI JOIN refused USING (row_no)),
       (SELECT count(*) FROM refused),
       (SELECT count(*) FROM again ANTI JOIN refused USING (row_no) ANTI JOIN kept USING (row_no))
"""


@dataclass(frozen=True)
class Counts:
    """Records with accepted rows and nothing refused, records with anything refused, records that only repeat."""

    accepted: int
    quarantined: int
    duplicate: int


@dataclass(frozen=True)
class Delivered:
    """The files of one delivery, rewritten in place; `refused` holds what the refused rows said."""

    accepted: Path
    quarantine: Path
    refused: Path
    content: list[str]
    has_source_column: bool
    delivery_id: str
    site_id: str
    feed: str
    conflict_message: str


def set_duplicates_apart(files: Delivered) -> Counts:
    """Take repeated records out of the accepted rows, conflicting ones into quarantine."""
    import duckdb

    spill = files.accepted.with_name(".spill")
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill)}) as con:
        con.execute("SET TimeZone = 'UTC'")
        _find(con, files)
        _rewrite(con, _KEPT, files.accepted, accepted=files.accepted)
        facts = {
            "delivery_id": files.delivery_id,
            "site_id": files.site_id,
            "feed": files.feed,
            "message": files.conflict_message,
        }
        _rewrite(con, _QUARANTINED, files.quarantine, quarantine=files.quarantine, **facts)
        paths = {"accepted": str(files.accepted), "quarantine": str(files.quarantine)}
        counted = con.execute(_COUNTS, paths).fetchone()
    effects.remove(spill)
    assert counted is not None
    return Counts(*counted)


def _find(con: duckdb.DuckDBPyConnection, files: Delivered) -> None:
    content = ", ".join(f'"{name}"' for name in files.content)
    column = "source_column" if files.has_source_column else "''"
    differ = " OR ".join(_DIFFERS.format(name) for name in [*files.content, "unread"])
    sql = _TWICE.format(content=content, source_column=column, differ=differ)
    con.execute(sql, {"accepted": str(files.accepted), "refused": str(files.refused)})


def _rewrite(con: duckdb.DuckDBPyConnection, sql: str, path: Path, **facts: Any) -> None:
    target = path.with_name(f".{path.name}.growing")
    quoted = {name: str(fact).replace("'", "''") for name, fact in {**facts, "target": target}.items()}
    effects.execute(con, sql.format(**quoted), file=target)
    effects.settle(target, effects.PRIVATE_FILE)
    effects.rename(target, path)
