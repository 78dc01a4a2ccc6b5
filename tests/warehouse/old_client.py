"""Recompute a published file's digests with nothing but DuckDB, of whatever version, and the standard library.

python old_client.py FILE < tables.json; prints table → digest. The text follows pipelines/warehouse/digest.py's
docstring, not its code.
"""

import csv
import hashlib
import io
import json
import math
import sys

import duckdb

MISSING = "\ue000"


def cell(value, kind):
    if value is None:
        return MISSING
    if kind == "BOOLEAN":
        return "true" if value else "false"
    if kind == "DOUBLE":
        return "nan" if math.isnan(value) else repr(value or 0.0)
    return str(value)


def main():
    con = duckdb.connect(sys.argv[1], read_only=True)
    con.execute("SET TimeZone = 'Asia/Tokyo'")
    digests = {}
    for name, entry in json.load(sys.stdin).items():
        columns = entry["columns"]
        times = "strftime({0} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
        asked = [times.format(c) if kind == "TIMESTAMPTZ" else c for c, kind in columns.items()]
        rows = con.execute(f"SELECT {', '.join(asked)} FROM {name} ORDER BY {', '.join(entry['order'])}").fetchall()
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow([f"{c} {kind}" for c, kind in columns.items()])
        writer.writerows([cell(v, k) for v, k in zip(row, columns.values(), strict=True)] for row in rows)
        content = text.getvalue().replace(f'"{MISSING}"', "")
        digests[name] = hashlib.sha256(content.encode()).hexdigest()
    sys.stdout.write(json.dumps(digests))


main()
