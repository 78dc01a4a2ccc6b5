"""One small table in every format that can be written here, and workbooks made part by part."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl
import pyreadstat
from pydantic import TypeAdapter

from pipelines.landing.readers import Batch, Table, open_table
from pipelines.study.source import Read

ADAPTER: TypeAdapter[Read] = TypeAdapter(Read)
ROWS = [("x1", "2"), ("x 2", "-1.5"), ("x3", None)]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def settings(form: str, **more: str) -> Read:
    return ADAPTER.validate_python({"format": form, **more})


def opened(path: Path, content: bytes, name: str, read: Read) -> tuple[Table, list[Batch]]:
    """The table with all its batches, every record of which is either there or refused."""
    (path / "content").write_bytes(content)
    table = open_table(path / "content", name, read)
    columns = table.header if table.header is not None else ["a", "b"]
    batches = list(table.batches(columns))
    assert table.n_records == sum(b.cells.height + b.refused.height for b in batches)
    assert all(b.places.height == b.cells.height for b in batches)
    assert all(kind == pl.String for b in batches for kind in b.cells.schema.values())
    return table, batches


def rows(batches: list[Batch]) -> list[tuple[str | None, ...]]:
    return [row for batch in batches for row in batch.cells.rows()]


def zipped(files: dict[str, bytes | str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


@cache
def examples() -> dict[str, bytes]:
    """ROWS with the columns a and b, by format."""
    objects = [{"a": a, "b": float(b) if b else None} for a, b in ROWS]
    made = {
        "delimited": "a,b\n" + "".join(f"{a},{b or ''}\n" for a, b in ROWS),
        "jsonl": "".join(json.dumps(row) + "\n" for row in objects),
        "json": json.dumps(objects, indent=1),
        "dataset-json": dataset_json([list(row.values()) for row in objects]),
    }
    frame = pl.DataFrame(objects)
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    return (
        {form: text.encode() for form, text in made.items()}
        | {"parquet": parquet.getvalue(), "xlsx": workbook(sheet(["a", "b"], *ROWS))}
        | statistical(frame.to_pandas())
    )


def statistical(frame: pd.DataFrame) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        base = Path(folder) / "f"
        pyreadstat.write_sav(frame, f"{base}.sav")
        pyreadstat.write_sav(frame, f"{base}.zsav", compress=True)
        pyreadstat.write_por(frame, f"{base}.por")
        pyreadstat.write_xport(frame, f"{base}.xpt", file_format_version=8)
        pyreadstat.write_dta(frame, f"{base}.dta", version=15)
        return {path.suffix[1:]: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def dataset_json(values: list[list[object]], **facts: object) -> str:
    columns = [{"itemOID": f"IT.{n}", "name": n, "label": n, "dataType": "string"} for n in "ab"]
    about = {"datasetJSONVersion": "1.1.0", "name": "QS", "records": len(values), "columns": columns}
    return json.dumps(about | facts | {"rows": values})


def cell(where: str, value: str | None, style: int = 0) -> str:
    """A cell's XML: a number as such, text inline."""
    if value is None:
        return f'<c r="{where}" s="{style}"/>'
    try:
        float(value)
    except ValueError:
        return f'<c r="{where}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{where}" s="{style}"><v>{value}</v></c>'


def sheet(*table: Sequence[str | None], first: int = 1, after: str = "", extra: str = "") -> str:
    """A sheet's XML; `extra` stands behind the last row, `after` behind all rows."""
    lines = []
    for number, row in enumerate(table, start=first):
        cells = "".join(cell(f"{ascii_uppercase[i]}{number}", value) for i, value in enumerate(row))
        lines.append(f'<row r="{number}">{cells}</row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}{extra}</sheetData>{after}</worksheet>'


def workbook(*sheets: str, states: Sequence[str] = (), **parts: str) -> bytes:
    """A workbook of the sheets S1, S2 and so on."""
    listed = related = ""
    numbers = range(1, len(sheets) + 1)
    for n in numbers:
        state = states[n - 1] if states else "visible"
        listed += f'<sheet name="S{n}" sheetId="{n}" state="{state}" r:id="rId{n}"/>'
        related += f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
    related += f'<Relationship Id="rId99" Type="{OFFICE}/styles" Target="styles.xml"/>'
    kinds = '<Default Extension="xml" ContentType="application/xml"/>'
    formats = "".join(f'<xf numFmtId="{n}"/>' for n in (0, 14, 22, 21, 46))
    files: dict[str, bytes | str] = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">{kinds}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{related}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="5">{formats}</cellXfs></styleSheet>',
    }
    files |= {f"xl/worksheets/sheet{n}.xml": sheets[n - 1] for n in numbers}
    return zipped(files | parts)
