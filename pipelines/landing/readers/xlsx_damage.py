"""What a spreadsheet does to data, looked for in the workbook's own XML before a value is taken from it.

The XML is read a piece at a time, and refused where it declares entities. What the library that takes the values
would unpack is unpacked here first, within limits.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import ZipFile

from pipelines.landing.readers.packed import HARMLESS, HIGHEST_RATIO, MOST_BYTES, checked_members, opened
from pipelines.landing.readers.table import UnreadableError, listed, refusing, shown
from pipelines.landing.readers.xlsx_parts import OR_CSV, Attributes, check_texts, walk

LAST_ROWS = {65_536: ".xls", 1_048_576: ".xlsx"}  # where the formats' sheets end
SPARSE_CELLS, SPARSE_SHARE = 5_000_000, 20  # the library holds the whole rectangle from the first cell to the last
_COLUMN = re.compile(r"[A-Z]{1,3}")
_EXCEL_OWN = "http://schemas.microsoft.com/office/excel/2006/main f"  # a range in a setting, not in a cell
_UNREADABLE = (
    "this is not an Excel workbook (.xlsx), or it is damaged or locked with a password; save it again without one, "
    + OR_CSV
)


@dataclass(frozen=True)
class Sheet:
    name: str
    state: str
    part: str


def undamaged_sheet(source: Path | IO[bytes], wanted: str | None) -> str:
    """The name of the sheet to read. Raises UnreadableError with what Excel did and how to export instead."""
    file = opened(source)
    try:
        with refusing(_UNREADABLE), ZipFile(file) as archive:
            _check_size(archive)
            sheet = _chosen(_sheets(archive), wanted)
            cells = _Cells()
            walk(archive, sheet.part, cells.element)
            cells.check()
            check_texts(archive, sheet.part, cells.n_shared)
            return sheet.name
    finally:
        if isinstance(source, Path):
            file.close()


def _check_size(archive: ZipFile) -> None:
    members = checked_members(archive)
    packed = sum(info.compress_size for info in members)
    if sum(info.file_size for info in members) > max(HARMLESS, HIGHEST_RATIO * packed):
        raise UnreadableError(
            f"the workbook unpacks to more than {HIGHEST_RATIO} times its size or {MOST_BYTES // 1_000_000} MB; "
            f"delete empty formatted rows and columns, {OR_CSV}"
        )
    if archive.testzip() is not None:
        raise UnreadableError("the workbook is damaged; send it again")


def _sheets(archive: ZipFile) -> list[Sheet]:
    found: list[tuple[str, str, str]] = []
    targets: dict[str, str] = {}

    def book(name: str, attributes: Attributes) -> None:
        if name.endswith(" sheet"):
            of = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
            found.append((of["name"], of.get("state", "visible"), of["id"]))

    def relation(name: str, attributes: Attributes) -> None:
        if name.endswith(" Relationship"):
            targets[attributes["Id"]] = posixpath.join("/xl", attributes["Target"]).lstrip("/")

    walk(archive, "xl/workbook.xml", book)
    walk(archive, "xl/_rels/workbook.xml.rels", relation)
    return [Sheet(name, state, targets[relation_id]) for name, state, relation_id in found]


def _chosen(sheets: list[Sheet], wanted: str | None) -> Sheet:
    hidden = [sheet.name for sheet in sheets if sheet.state != "visible"]
    if hidden:
        raise UnreadableError(
            f"the workbook has hidden sheets ({listed(hidden)}): nobody sees what they hold; show them and delete "
            f"those that are not to be sent, {OR_CSV}"
        )
    if wanted is not None:
        fitting = [sheet for sheet in sheets if sheet.name == wanted]
        if len(fitting) == 1:
            return fitting[0]
        raise UnreadableError(
            f"the workbook has no sheet {shown(wanted)}, which the study file names; it has "
            f"{listed(sheet.name for sheet in sheets)}"
        )
    if len(sheets) != 1:
        raise UnreadableError(
            f"the workbook has {len(sheets)} sheets ({listed(sheet.name for sheet in sheets)}); send the one with the "
            "data alone, or have the study file name it with `sheet`"
        )
    return sheets[0]


class _Cells:
    """What the cells of a sheet show of damage as they go by: `element` is called for each, so it must be quick."""

    def __init__(self) -> None:
        self.n = self.n_shared = self.last_row = 0
        self.columns: set[str] = set()
        self._cell = ""
        self._takes: dict[str, Callable[[Attributes], None]] = {}
        self._by_local_name = {
            "c": self._begin,
            "v": self._value,
            "is": self._value,
            "f": self._formula,
            "mergeCell": self._merged,
        }

    def element(self, name: str, attributes: Attributes) -> None:
        take = self._takes.get(name)
        if take is None:
            local = "" if name == _EXCEL_OWN else name.rpartition(" ")[2]
            take = self._takes[name] = self._by_local_name.get(local, _nothing)
        take(attributes)

    def _begin(self, attributes: Attributes) -> None:
        self._cell = attributes.get("r", "")
        kind = attributes.get("t")
        if kind == "s":
            self.n_shared += 1
        elif kind == "e":
            raise UnreadableError(
                f"the cell {self._at()} holds an error of Excel's (such as #N/A or #REF!) in place of a value; "
                f"correct it, {OR_CSV}"
            )

    def _value(self, _: Attributes) -> None:
        column = self._cell.rstrip("0123456789")
        if column not in self.columns:
            self._new_column(column)
        row = int(self._cell[len(column) :])
        if row > self.last_row:
            self.last_row = row
        self.n += 1

    def _new_column(self, letters: str) -> None:
        if not _COLUMN.fullmatch(letters):
            raise UnreadableError(f"a cell of the workbook has no place; save it again with Excel, {OR_CSV}")
        self.columns.add(letters)

    def _formula(self, _: Attributes) -> None:
        raise UnreadableError(
            f"the cell {self._at()} holds a formula: what it shows depends on other cells and on Excel; copy the "
            f"sheet and paste it as values, {OR_CSV}"
        )

    def _merged(self, attributes: Attributes) -> None:
        raise UnreadableError(
            f"the cells {shown(attributes.get('ref', ''))} are merged, so that all but one of them have lost their "
            f"value; unmerge them and fill each, {OR_CSV}"
        )

    def _at(self) -> str:
        return shown(self._cell) or "(unnamed)"

    def check(self) -> None:
        if self.last_row in LAST_ROWS:
            raise UnreadableError(
                f"the sheet has exactly {self.last_row:,} rows, which is where a sheet of {LAST_ROWS[self.last_row]} "
                f"ends: Excel has cut off what came after; send the data in parts, {OR_CSV}"
            )
        width = max((_number(letters) for letters in self.columns), default=0)
        if width * self.last_row > SPARSE_CELLS + SPARSE_SHARE * self.n:
            raise UnreadableError(
                "the sheet holds a cell far away from all others; delete what stands to the right of the table and "
                f"below it, {OR_CSV}"
            )


def _nothing(_: Attributes) -> None:
    """What an element that is no cell shows."""


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
