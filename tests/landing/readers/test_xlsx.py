"""Excel workbooks: cells as text, and everything that Excel spoils refused with the place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.landing.readers import UnreadableError
from tests.landing.readers.examples import MAIN, cell, opened, rows, settings, sheet, workbook, zipped

XLSX = settings("xlsx")
GOOD = [["a", "b"], ["x", "1"]]


def refusal(tmp_path: Path, content: bytes, read: object = XLSX) -> str:
    with pytest.raises(UnreadableError) as caught:
        opened(tmp_path, content, "f.xlsx", read)  # type: ignore[arg-type]
    return str(caught.value)


def test_cells_become_text(tmp_path: Path) -> None:
    values = {
        "A3": cell("A3", "2"),
        "B3": cell("B3", "45123", 1),
        "C3": cell("C3", "45123.5", 2),
        "D3": cell("D3", "0.25", 3),
        "E3": cell("E3", "1.25", 4),
        "F3": '<c r="F3" t="b"><v>0</v></c>',
        "G3": cell("G3", "0.1"),
        "H3": cell("H3", "123456789012345"),
    }
    header = sheet(list("abcdefgh"), first=2, extra=f'<row r="3">{"".join(values.values())}</row>')
    table, [batch] = opened(tmp_path, workbook(header), "f.xlsx", XLSX)
    assert table.header == list("abcdefgh")
    expected = ("2", "2023-07-16", "2023-07-16T12:00:00", "06:00:00", "30:00:00", "false", "0.1", "123456789012345")
    assert batch.cells.row(0) == expected
    assert batch.places.rows() == [(1, 3)]  # the line is the row in the sheet


def test_rows_that_hold_nothing_are_no_records(tmp_path: Path) -> None:
    table, batches = opened(
        tmp_path, workbook(sheet(["a", "b"], [None, None], ["1", None], [None, None])), "f.xlsx", XLSX
    )
    assert rows(batches) == [("1", None)] and table.n_records == 1
    assert batches[0].places.rows() == [(1, 3)]
    table, batches = opened(tmp_path, workbook(sheet(["a", "b"])), "f.xlsx", XLSX)
    assert (rows(batches), table.header) == ([], ["a", "b"])


def test_one_sheet_or_a_named_one(tmp_path: Path) -> None:
    content = workbook(sheet(["no"]), sheet(*GOOD))
    _, batches = opened(tmp_path, content, "f.xlsx", settings("xlsx", sheet="S2"))
    assert rows(batches) == [("x", "1")]
    assert "has 2 sheets (S1, S2); send the one with the data" in refusal(tmp_path, content)
    assert "no sheet answers" in refusal(tmp_path, content, settings("xlsx", sheet="answers"))


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_hidden_sheets_are_refused(tmp_path: Path, state: str) -> None:
    content = workbook(sheet(*GOOD), sheet(["x"]), states=["visible", state])
    for read in (XLSX, settings("xlsx", sheet="S1")):
        assert "hidden sheets (S2)" in refusal(tmp_path, content, read)


def test_formulas_errors_and_merged_cells_are_refused_with_their_place(tmp_path: Path) -> None:
    for formula in ("<f>B2+1</f>", '<f t="shared" si="0"/>'):
        extra = f'<row r="3"><c r="C3">{formula}<v>2</v></c></row>'
        assert "the cell C3 holds a formula" in refusal(tmp_path, workbook(sheet(*GOOD, extra=extra)))
    extra = '<row r="3"><c r="B3" t="e"><v>#N/A</v></c></row>'
    assert "the cell B3 holds an error" in refusal(tmp_path, workbook(sheet(*GOOD, extra=extra)))
    merged = '<mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells>'
    assert "the cells A1:B1 are merged" in refusal(tmp_path, workbook(sheet(*GOOD, after=merged)))


def test_a_range_in_a_setting_is_no_formula(tmp_path: Path) -> None:
    own = "http://schemas.microsoft.com/office/excel/2006/main"
    settings_part = f'<extLst><ext><x:f xmlns:x="{own}">S1!A1</x:f></ext></extLst>'
    assert rows(opened(tmp_path, workbook(sheet(*GOOD, after=settings_part)), "f.xlsx", XLSX)[1]) == [("x", "1")]


@pytest.mark.parametrize(("last", "ending"), [(65_536, ".xls"), (1_048_576, ".xlsx")])
def test_a_sheet_that_ends_where_excel_cuts_is_refused(tmp_path: Path, last: int, ending: str) -> None:
    cut = sheet(*GOOD, extra=f'<row r="{last}">{cell(f"A{last}", "1")}</row>')
    assert f"exactly {last:,} rows, which is where a sheet of {ending} ends" in refusal(tmp_path, workbook(cut))
    if last == 65_536:
        whole = sheet(*GOOD, extra=f'<row r="{last - 1}">{cell(f"A{last - 1}", "1")}</row>')
        assert rows(opened(tmp_path, workbook(whole), "f.xlsx", XLSX)[1]) == [("x", "1"), ("1", None)]


def test_a_cell_far_away_does_not_fill_the_memory(tmp_path: Path) -> None:
    far = sheet(*GOOD, extra='<row r="1048575"><c r="XFD1048575"><v>1</v></c></row>')
    assert "far away" in refusal(tmp_path, workbook(far))


def test_workbooks_that_attack_are_refused(tmp_path: Path) -> None:
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    assert "entities" in refusal(tmp_path, workbook(entities + sheet(*GOOD)))
    padding = sheet(*GOOD, after="<x/>" + " " * (17 << 20))
    assert "more than 100 times" in refusal(tmp_path, workbook(padding))
    assert "points outside" in refusal(tmp_path, workbook(sheet(*GOOD), **{"../x": "x"}))
    twice = workbook(sheet(*GOOD), **{"xl/_rels/workbook.xml.rels": "<Relationships/>"})
    assert "not an Excel workbook" in refusal(tmp_path, twice)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0" + b"\0" * 600, zipped({"a": "b"})])
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "not an Excel workbook" in refusal(tmp_path, content)


def test_an_empty_sheet_and_doubled_names_are_refused(tmp_path: Path) -> None:
    assert "sheet is empty" in refusal(tmp_path, workbook(sheet()))
    assert "more than once (columns 1 and 2)" in refusal(tmp_path, workbook(sheet(["a", "a"], ["1", "2"])))


def sharing(text: str, n_cells: int) -> bytes:
    """A workbook of which so many cells show one text."""
    related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(2, n_cells + 2))
    return workbook(
        sheet(["a"], extra=cells),
        **{
            "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>{text}</t></si><si><t>{text * 9}</t></si></sst>',
            "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
            f'relationships"><Relationship Id="rId1" Type="{related}/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
            f'<Relationship Id="rId2" Type="{related}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        },
    )


def test_shared_texts_are_read(tmp_path: Path) -> None:
    assert rows(opened(tmp_path, sharing("髙 a", 1), "f.xlsx", XLSX)[1]) == [("髙 a",)]


def test_one_long_text_in_many_cells_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.landing.readers.xlsx_parts.MOST_BYTES", 10_000)
    assert "more than 0 MB" in refusal(tmp_path, sharing("x" * 100, 101))
    # By the longest text it might be too much; by the texts that the cells show it is not.
    assert len(rows(opened(tmp_path, sharing("x" * 100, 100), "f.xlsx", XLSX)[1])) == 100
