"""The asset of a table."""

import dagster as dg


def key_of(table: str) -> dg.AssetKey:
    return dg.AssetKey(table.split("."))
