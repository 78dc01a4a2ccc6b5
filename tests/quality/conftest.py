"""What the tests of why numbers move share."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from pipelines.warehouse.dictionary import TABLES, load_table


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the tables `before_units` and `after_units`."""
    units = load_table(TABLES / "quality" / "counted_unit.yaml")
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for name in ("before", "after"):
            con.execute(f"CREATE TABLE {name}_units ({', '.join(f'{c} {t}' for c, t in units.types.items())})")
        yield con
