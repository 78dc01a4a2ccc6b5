"""What the closed report reads: the tables of an unblinded snapshot, the protocol, and everybody under a letter.

`closed.arm` [code]: label, position, programme_access. `closed.person` [usubjid]: everybody in the trial (randomised;
without allocation, enrolled) with the letter of the arm. Sections take the arm from there and from nowhere else, so
that its name is not theirs to tell. A trial without allocation is one group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.report.board.source import Source
from pipelines.report.closed.arm_codes import arm_codes
from pipelines.study.load import Protocol
from pipelines.warehouse.database import CLOSED, create_table, insert_rows
from pipelines.warehouse.published import UNBLINDED, UNBLINDED_MANIFEST
from pipelines.warehouse.quoting import identifier, literal
from pipelines.warehouse.study_tables import create_study_tables
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

MEMORY = Path(":memory:")
NOBODY_KNOWS = "?"
EVERYBODY = "ALL"
ARM = {"code": "VARCHAR", "label": "VARCHAR", "position": "BIGINT", "programme_access": "BOOLEAN"}
_ARMS = "SELECT DISTINCT arm FROM analysis.adsl WHERE arm IS NOT NULL ORDER BY arm"
_PERSON = """
    CREATE TABLE closed.person AS
    SELECT
        p.usubjid, p.siteid, p.randdt, p.ap02sdt, p.eosstt, p.eosdt, p.dcsreas,
        p.ittfl, p.mittfl, p.pprotfl, p.saffl,
        CASE WHEN s.has_allocation THEN coalesce(l.code, $unknown) ELSE $everybody END AS code,
        CASE WHEN s.has_allocation THEN a.programme_access ELSE TRUE END AS programme_access
    FROM analysis.adsl AS p
    CROSS JOIN study.setting AS s
    LEFT JOIN closed.letter AS l ON l.arm = p.arm
    LEFT JOIN study.arm AS a ON a.arm = p.arm
    WHERE CASE WHEN s.has_allocation THEN p.randdt IS NOT NULL ELSE p.enrlfl = 'Y' END
    ORDER BY p.usubjid
"""


@contextmanager
def closed_source(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> Iterator[Source]:
    """A connection in memory on the unblinded file of a snapshot, which is only read."""
    import duckdb

    folder = workspace.snapshots / snapshot_id
    tables = json.loads((folder / UNBLINDED_MANIFEST).read_bytes())["files"][UNBLINDED]["tables"]
    con = duckdb.connect(config=dict(CLOSED))
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET threads = 1")  # means and deviations to the last digit the same
        con.execute(f"ATTACH {literal(str(folder / UNBLINDED))} AS snapshot (READ_ONLY)")
        for table in tables:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(table.split('.')[0])}")
            con.execute(f"CREATE VIEW {identifier(table)} AS FROM snapshot.{identifier(table)}")
        named = {arm for (arm,) in con.execute(_ARMS).fetchall()} | {arm.arm for arm in protocol.study.arms}
        group_people(con, protocol, arm_codes(workspace, protocol.study.study, named))
        yield Source(con, {name: table["digest"] for name, table in tables.items()})
    finally:
        con.close()


def group_people(con: duckdb.DuckDBPyConnection, protocol: Protocol, codes: Mapping[str, str]) -> None:
    """Make the protocol's tables, `closed.arm` and `closed.person` beside those of the snapshot."""
    ((as_of, code_version),) = con.execute("SELECT as_of, code_version FROM meta.snapshot").fetchall()
    create_study_tables(con, protocol, as_of, code_version, file=MEMORY)
    create_table(con, "closed.letter", {"arm": "VARCHAR", "code": "VARCHAR"}, file=MEMORY)
    insert_rows(con, "closed.letter", codes.items(), file=MEMORY)
    con.execute(_PERSON, {"unknown": NOBODY_KNOWS, "everybody": EVERYBODY})
    con.execute("DROP TABLE closed.letter")
    create_table(con, "closed.arm", ARM, file=MEMORY)
    insert_rows(con, "closed.arm", _groups(con, protocol, codes), file=MEMORY)


def _groups(
    con: duckdb.DuckDBPyConnection, protocol: Protocol, codes: Mapping[str, str]
) -> Iterator[tuple[str, str, int, bool | None]]:
    if not protocol.study.has_allocation:
        yield EVERYBODY, "Everybody", 1, True
        return
    access = {codes[arm.arm]: arm.programme_access for arm in protocol.study.arms}
    found = {code for (code,) in con.execute("SELECT DISTINCT code FROM closed.person").fetchall()}
    letters = sorted((access.keys() | found) - {NOBODY_KNOWS}, key=lambda code: (len(code), code))
    for position, code in enumerate(letters, 1):
        yield code, f"Arm {code}", position, access.get(code)
    if NOBODY_KNOWS in found:
        yield NOBODY_KNOWS, "Arm not known", len(letters) + 1, None
