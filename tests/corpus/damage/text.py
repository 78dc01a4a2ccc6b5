"""What happens to delimited text: bytes → bytes, of the wide table in UTF-8 unless a name says other."""

from __future__ import annotations

import io
import zipfile

from tests.corpus.table import CANARY


def cut_mid_header(content: bytes) -> bytes:
    return content[: content.index(b"G4") + 1]


def cut_after_header(content: bytes) -> bytes:
    return content[: content.index(b"\n") + 1]


def cut_mid_row(content: bytes) -> bytes:
    """Between two cells of the last row."""
    return content[: content.rindex(b",here,") + len(b",here")]


def cut_mid_number(content: bytes) -> bytes:
    """Within the day of the last row, whose rest is another number."""
    return content[: content.rindex(b"2026-01-05") + 3]


def cut_mid_quote(content: bytes) -> bytes:
    """Within a quoted cell of the last row."""
    last = content.rindex(b",here,")
    return content[:last] + b',"he'


def cut_mid_character(content: bytes) -> bytes:
    """Within the last letter of more than one byte."""
    at = max(i for i, byte in enumerate(content) if byte >= 0x80)
    return content[:at]


def cut_at_row_end(content: bytes) -> bytes:
    return content[: content.rstrip().rindex(b"\n") + 1]


def nothing(_: bytes) -> bytes:
    return b""


def empty_lines(_: bytes) -> bytes:
    return b"\r\n\r\n\r\n"


def mark_alone(_: bytes) -> bytes:
    """A byte order mark and nothing else."""
    return b"\xef\xbb\xbf"


def zeros(content: bytes) -> bytes:
    """What a file system leaves of a file after a power cut."""
    return bytes(len(content))


def nul_in_a_cell(content: bytes) -> bytes:
    return content.replace(b",here,", b",he\0re,", 1)


def open_quote(content: bytes) -> bytes:
    """In the second data row, never closed."""
    return b',"here,'.join(_split(content, b",here,", 2))


def two_stray_quotes(content: bytes) -> bytes:
    """What stands between them is one cell then, line ends and all."""
    return b',"here,'.join(_split(b',"here,'.join(_split(content, b",here,", 2)), b",here,", 3))


def one_cell_more(content: bytes) -> bytes:
    """In the second data row: a comma in a cell that is not in quotes."""
    return b",he,re,".join(_split(content, b",here,", 2))


def one_cell_less(content: bytes) -> bytes:
    return b",".join(_split(content, b",here,", 2))


def total_below(content: bytes) -> bytes:
    """Somebody added up the columns."""
    return content + b"Total,,\n"


def note_above(content: bytes) -> bytes:
    """A line on the export stands before its header."""
    return f"Exported for {CANARY} on Monday\n".encode() + content


def names_gone(content: bytes) -> bytes:
    """The header line was deleted: the first row stands in its place."""
    return content[content.index(b"\n") + 1 :]


def header_run_into_the_first_row(content: bytes) -> bytes:
    """The end of the first line was lost."""
    return content.replace(b"\n", b"", 1)


def two_exports_in_one(content: bytes) -> bytes:
    """The second one begins with its own header."""
    return content + content[: content.index(b"\n") + 1]


def conflict_marks(content: bytes) -> bytes:
    """Left by a tool that merged two versions."""
    first = content.index(b"\n") + 1
    return content[:first] + f"<<<<<<< {CANARY}\n".encode() + content[first:]


def semicolons(content: bytes) -> bytes:
    return content.replace(b",", b";")


def tabs(content: bytes) -> bytes:
    return content.replace(b",", b"\t")


def quotes_around_each_line(content: bytes) -> bytes:
    """As a spreadsheet of a country of semicolons saves a file of commas."""
    return b"".join(b'"' + line + b'"\n' for line in content.splitlines())


def in_utf16(content: bytes) -> bytes:
    return content.decode().encode("utf-16")


def in_cp932(content: bytes) -> bytes:
    return content.decode().encode("cp932")


def in_utf8_from_cp932(content: bytes) -> bytes:
    return content.decode("cp932").encode()


def in_utf8_from_utf16(content: bytes) -> bytes:
    return content.decode("utf-16").encode()


def in_utf8_from_latin_1(content: bytes) -> bytes:
    """Two letters stand for one then; nothing but the names shows it, for every byte is a letter of Latin-1."""
    return content.decode("latin-1").encode()


def half_a_pair_of_bytes(content: bytes) -> bytes:
    return content[:-1]


def without_its_mark(content: bytes) -> bytes:
    """UTF-16 in the other order of bytes, without the mark that says so."""
    return content.decode("utf-16").encode("utf-16-be")


def one_letter_in_latin_1(content: bytes) -> bytes:
    return content.replace(b",here,", b",h\xe9re,", 1)


def endless_line(content: bytes) -> bytes:
    return content + CANARY.encode() * ((33 << 20) // len(CANARY))


def page_of_an_error(_: bytes) -> bytes:
    """What a download gave after the session had ended."""
    return f"<!DOCTYPE html>\n<html><title>Log in</title><body>{CANARY}</body></html>\n".encode()


def document(_: bytes) -> bytes:
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Title (" + CANARY.encode() + b") >>\nendobj\n"


def workbook_by_another_name(_: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("xl/workbook.xml"), CANARY)  # of 1980, whenever it is made
    return made.getvalue()


def _split(content: bytes, mark: bytes, which: int) -> tuple[bytes, bytes]:
    """What stands before and behind one of the marks, counted from 1."""
    parts = content.split(mark)
    return mark.join(parts[:which]), mark.join(parts[which:])
