"""What happens in Excel: each gives a workbook of the wide table, spoilt in one way."""

from __future__ import annotations

from tests.corpus.table import CANARY, Table
from tests.corpus.writers import xlsx
from tests.landing.readers.examples import cell, sheet, workbook


def _grid(table: Table) -> list[tuple[str, ...]]:
    return [table.header, *table.rows]


def formula(table: Table) -> bytes:
    row = f'<row r="7"><c r="A7"><f>{CANARY}!A1</f><v>2</v></c></row>'
    return workbook(sheet(*_grid(table), extra=row))


def merged_cells(table: Table) -> bytes:
    return workbook(sheet(*_grid(table), after='<mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'))


def merged_header(table: Table) -> bytes:
    return workbook(sheet(*_grid(table), after='<mergeCells count="1"><mergeCell ref="E1:K1"/></mergeCells>'))


def error_in_a_cell(table: Table) -> bytes:
    return workbook(sheet(*_grid(table), extra='<row r="7"><c r="B7" t="e"><v>#N/A</v></c></row>'))


def hidden_sheet(table: Table) -> bytes:
    return workbook(sheet(*_grid(table)), sheet([CANARY]), states=["visible", "hidden"])


def well_hidden_sheet(table: Table) -> bytes:
    return workbook(sheet(*_grid(table)), sheet([CANARY]), states=["visible", "veryHidden"])


def second_sheet(table: Table) -> bytes:
    return workbook(sheet(*_grid(table)), sheet([CANARY]))


def empty_sheet(_: Table) -> bytes:
    return workbook(sheet())


def day_as_a_serial_date(table: Table) -> bytes:
    """A day that was typed into a cell of numbers: its count of days, not shown as a date."""
    return xlsx(table.with_cell(1, "DAY", "46027"))


def subject_as_a_date(table: Table) -> bytes:
    """Excel took an identifier for a date."""
    row = [cell("A7", "46027", 1), cell("B7", "1"), cell("C7", "2026-01-05"), cell("D7", "here")]
    row += [cell(f"{letter}7", "1") for letter in "EFGHIJK"]
    return workbook(sheet(*_grid(table), extra=f'<row r="7">{"".join(row)}</row>'))


def cut_by_the_old_format(table: Table) -> bytes:
    return workbook(sheet(*_grid(table), extra=f'<row r="65536">{cell("A65536", "1")}</row>'))


def cut_by_the_new_format(table: Table) -> bytes:
    return workbook(sheet(*_grid(table), extra=f'<row r="1048576">{cell("A1048576", "1")}</row>'))


def cell_far_away(table: Table) -> bytes:
    return workbook(sheet(*_grid(table), extra='<row r="1048575"><c r="XFD1048575"><v>1</v></c></row>'))


def title_above(table: Table) -> bytes:
    return workbook(sheet((CANARY,), *_grid(table)))


def entities(table: Table) -> bytes:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return workbook(bomb + sheet(*_grid(table)))


def bomb(table: Table) -> bytes:
    return workbook(sheet(*_grid(table), after="<x/>" + " " * (17 << 20)))


def locked(_: Table) -> bytes:
    """With a password, or of the format before 2007: a compound file."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def no_workbook(table: Table) -> bytes:
    """A CSV by the name of a workbook."""
    return ",".join(table.header).encode() + CANARY.encode()


def cut(table: Table) -> bytes:
    return xlsx(table)[:-40]


def part_outside(table: Table) -> bytes:
    return workbook(sheet(*_grid(table)), **{"../outside.xml": CANARY})


def flipped_bit(table: Table) -> bytes:
    content = bytearray(xlsx(table))
    content[content.index(b"worksheets/sheet1.xml") + 40] ^= 1
    return bytes(content)


def without_its_sheet(table: Table) -> bytes:
    """The list of the parts names one that is not there."""
    return workbook(sheet(*_grid(table))).replace(b"worksheets/sheet1", b"worksheets/sheet9")
