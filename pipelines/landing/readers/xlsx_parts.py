"""The XML parts of a workbook, read a piece at a time, and the texts that its cells share."""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat
from zipfile import ZipFile

from pipelines.landing.readers.packed import MOST_BYTES
from pipelines.landing.readers.table import UnreadableError

Attributes = dict[str, str]
PIECE = 1 << 20
OR_CSV = "or have the export written as CSV by the system that the data come from"
_SHARED = "xl/sharedstrings.xml"  # readers see no capital letters here


def walk(
    archive: ZipFile, part: str, element: Callable[[str, Attributes], None], text: Callable[[str], None] | None = None
) -> None:
    """Call `element` with the name (`namespace local`) and attributes of every element in a part, and `text` with
    what stands between them. Raises UnreadableError, expat.ExpatError."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = _refuse_entities
    if text:
        parser.buffer_text = True
        parser.CharacterDataHandler = text
    with archive.open(part) as file:
        while data := file.read(PIECE):
            parser.Parse(data, False)
    parser.Parse(b"", True)


def _refuse_entities(*_: object) -> None:
    raise UnreadableError(f"the workbook declares entities of its own, as no spreadsheet does; save it again, {OR_CSV}")


def check_texts(archive: ZipFile, part: str, n_cells: int) -> None:
    """Refuse a sheet whose `n_cells` cells with shared texts would make more of them than a file may hold.

    A text stands once in the file, however many cells show it; the library that takes the values copies it into each.
    Raises UnreadableError.
    """
    lengths = _lengths(archive) if n_cells else []
    if max(lengths, default=0) * n_cells <= MOST_BYTES or _total(archive, part, lengths) <= MOST_BYTES:
        return
    raise UnreadableError(
        f"the texts in the sheet come to more than {MOST_BYTES // 1_000_000} MB; send the data in parts, {OR_CSV}"
    )


def _lengths(archive: ZipFile) -> list[int]:
    found: list[int] = []

    def element(name: str, _: Attributes) -> None:
        if _local(name) == "si":
            found.append(0)

    def text(characters: str) -> None:
        if found:
            found[-1] += len(characters)

    for name in archive.namelist():
        if name.lower() == _SHARED:
            walk(archive, name, element, text)
    return found


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _total(archive: ZipFile, part: str, lengths: list[int]) -> int:
    """Characters in all cells of a sheet that show a shared text."""
    total, shared, awaited = 0, False, False

    def element(name: str, attributes: Attributes) -> None:
        nonlocal shared, awaited
        local = _local(name)
        if local == "c":
            shared = attributes.get("t") == "s"
        awaited = shared and local == "v"

    def text(characters: str) -> None:
        nonlocal total, awaited
        if awaited:
            total += lengths[int(characters)]
            awaited = False

    walk(archive, part, element, text)
    return total
