"""What happens to a file of SAS that nobody of this project can write: bytes → bytes."""

from __future__ import annotations


def cut_in_its_header(content: bytes) -> bytes:
    return content[:500]


def cut_within_a_page(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3 + 7]


def cut_between_pages(content: bytes) -> bytes:
    return content[: len(content) // 2]


def other_magic(content: bytes) -> bytes:
    return b"XXXX" * 8 + content[32:]


def zeros_in_its_middle(content: bytes) -> bytes:
    third = len(content) // 3
    return content[:third] + bytes(third) + content[2 * third :]
