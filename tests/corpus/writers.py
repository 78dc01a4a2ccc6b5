"""A table as the bytes of a file, in every format that can be written here."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl
import pyreadstat

from tests.corpus.table import Table
from tests.landing.dialects.site import csv_text
from tests.landing.readers.examples import sheet, workbook, zipped

Writer = Callable[[Table], bytes]


def csv(table: Table, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    return csv_text(table.header, table.rows, delimiter).encode(encoding)


def gzipped(table: Table) -> bytes:
    return gzip.compress(csv(table), mtime=0)


def in_zip(table: Table) -> bytes:
    return zipped({"export/answers.csv": csv(table)})


def json_lines(table: Table) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _objects(table)).encode()


def json_array(table: Table) -> bytes:
    return json.dumps(_objects(table), ensure_ascii=False, indent=1).encode()


def dataset_json(table: Table) -> bytes:
    return json.dumps(_dataset(table) | {"rows": table.rows}, ensure_ascii=False).encode()


def dataset_ndjson(table: Table) -> bytes:
    lines = [_dataset(table), *table.rows]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def xlsx(table: Table) -> bytes:
    return workbook(sheet(table.header, *([cell or None for cell in row] for row in table.rows)))


def parquet(table: Table) -> bytes:
    made = io.BytesIO()
    pl.from_pandas(_frame(table)).write_parquet(made)
    return made.getvalue()


def _objects(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


def _dataset(table: Table) -> dict[str, object]:
    columns = [{"itemOID": f"IT.{n}", "name": n, "label": n, "dataType": "string"} for n in table.header]
    return {"datasetJSONVersion": "1.1.0", "name": "QS", "records": len(table.rows), "columns": columns}


def _frame(table: Table) -> pd.DataFrame:
    """A column is of numbers where every cell of it is one."""
    frame = pd.DataFrame(table.rows, columns=list(table.header), dtype=object)
    for name in frame.columns:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if len(frame) and numbers.notna().all():
            frame[name] = numbers.astype(float)
    return frame


def statistical(table: Table, write: Callable[..., None], **settings: object) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        write(_frame(table), path, **settings)
        return path.read_bytes()


sav: Writer = partial(statistical, write=pyreadstat.write_sav)
zsav: Writer = partial(statistical, write=pyreadstat.write_sav, compress=True)
por: Writer = partial(statistical, write=pyreadstat.write_por)
xpt5: Writer = partial(statistical, write=pyreadstat.write_xport, file_format_version=5)
xpt8: Writer = partial(statistical, write=pyreadstat.write_xport, file_format_version=8)
dta: Writer = partial(statistical, write=pyreadstat.write_dta, version=15)
