"""`quality.audit_trail`: the changes of `quality.change`, chained by SHA-256 so that tampering shows.

The hash of a row is SHA-256 over the hash of the row before (64 zeros before the first), a line feed, and the
row from `seq` to `recorded_at` as text, all in UTF-8. A row's text is that of the table digests: each value in
double quotes, a quote inside doubled, a missing value as nothing, joined by commas, times in UTC with
microseconds and Z. So anybody can follow the chain with any SHA-256:

>>> import hashlib
>>> row = '"1","participants","oxford","001","sex","corrected","F","M","d1","d2","2026-01-03T12:00:00.000000Z"'
>>> hashlib.sha256(("0" * 64 + "\\n" + row).encode()).hexdigest()[:16]
'c1e1211f8b9777b5'
"""

from __future__ import annotations

from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.warehouse.database import create_table
from pipelines.warehouse.dictionary import TABLES, load_table
from pipelines.warehouse.digest import row_text
from pipelines.warehouse.quoting import identifiers

AUDIT_TRAIL = "quality.audit_trail"
FIRST = "0" * 64  # stands for the hash before the first row
ROWS_AT_ONCE = 20_000
CHAINED = {
    "seq": "BIGINT",
    "feed": "VARCHAR",
    "site_id": "VARCHAR",
    "record_key": "VARCHAR",
    "column_name": "VARCHAR",
    "change": "VARCHAR",
    "old_value": "VARCHAR",
    "new_value": "VARCHAR",
    "old_delivery_id": "VARCHAR",
    "new_delivery_id": "VARCHAR",
    "recorded_at": "TIMESTAMPTZ",
}


def write_audit_trail(con: Any, file: Path) -> int:
    """Make `quality.audit_trail` of the database `file` out of its `quality.change`; returns the number of rows."""
    table = load_table(TABLES / "quality" / "audit_trail.yaml")
    create_table(con, table.table, table.types, file=file)
    selected = identifiers(table.columns)
    changes = con.cursor().execute(f"SELECT {row_text(CHAINED)} FROM quality.change ORDER BY seq")  # noqa: S608
    count, former = 0, FIRST
    while batch := changes.fetchmany(ROWS_AT_ONCE):
        hashes = list(accumulate((text for (text,) in batch), link, initial=former))
        effects.execute(
            con,
            f"INSERT INTO {AUDIT_TRAIL} SELECT {selected} FROM quality.change JOIN ("  # noqa: S608
            "SELECT unnest($numbers) AS seq, unnest($before) AS prev_hash, unnest($hashes) AS hash"
            ") AS links USING (seq) ORDER BY seq",
            {
                "numbers": list(range(count + 1, count + 1 + len(batch))),
                "before": hashes[:-1],
                "hashes": hashes[1:],
            },
            file=file,
        )
        count, former = count + len(batch), hashes[-1]
    return count


def first_broken_link(con: Any) -> int | None:
    """The first row of `quality.audit_trail` that does not follow from its text and the row before; None: all do."""
    rows = con.execute(f"SELECT seq, prev_hash, hash, {row_text(CHAINED)} FROM {AUDIT_TRAIL} ORDER BY seq")  # noqa: S608
    number, former = 0, FIRST
    while batch := rows.fetchmany(ROWS_AT_ONCE):
        for seq, before, found, text in batch:
            number += 1
            if (seq, before, found) != (number, former, link(former, text)):
                return number
            former = found
    return None


def link(former: str, text: str) -> str:
    """The hash of a row with that text after the row with the hash `former`."""
    return sha256(f"{former}\n{text}".encode()).hexdigest()
