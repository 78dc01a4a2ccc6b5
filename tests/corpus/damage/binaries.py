"""What happens to files of SPSS, SAS, Stata and Parquet: bytes → bytes."""

from __future__ import annotations

from tests.corpus.table import CANARY


def nothing(_: bytes) -> bytes:
    return b""


def cut_in_its_header(content: bytes) -> bytes:
    return content[:100]


def cut_in_its_dictionary(content: bytes) -> bytes:
    return content[: len(content) // 3]


def cut_mid_row(content: bytes) -> bytes:
    """Within the last row."""
    return content[: content.rindex(CANARY.encode()[:4]) + 2]


def cut_by_half_its_rows(content: bytes) -> bytes:
    first, last = content.index(CANARY.encode()), content.rindex(CANARY.encode())
    return content[: (first + last) // 2]


def other_magic(content: bytes) -> bytes:
    """The mark by which such files are known is another one."""
    return b"XXXX" + content[4:]


def text_by_another_name(_: bytes) -> bytes:
    return f"ID,VISIT,DAY\n{CANARY},1,2026-01-05\n".encode()


def zeros(content: bytes) -> bytes:
    return bytes(len(content))


def zeros_in_its_middle(content: bytes) -> bytes:
    third = len(content) // 3
    return content[:third] + bytes(third) + content[2 * third :]


def ends_of_line_changed(content: bytes) -> bytes:
    """Sent as text by a program that meant well."""
    return content.replace(b"\n", b"\r\n") + b"\r\n"


def through_utf8(content: bytes) -> bytes:
    """Opened as text and saved again."""
    return content.decode("utf-8", "replace").encode()


def sav_of_more_rows(content: bytes) -> bytes:
    """An SPSS file whose header says seven rows."""
    return content[:80] + (7).to_bytes(4, "little") + content[84:]


def cut_by_a_record(content: bytes) -> bytes:
    """SAS transport: whole records of 80 bytes, so that only the number of rows tells."""
    return content[:-160]
