"""What tells one edition of the report from another: whom it is for, and what its cover and its margins say."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.report.board.appendices import GLOSSARY, VALIDATION


@dataclass(frozen=True)
class Edition:
    """`banner` stands on the cover and on every page; `marks`: the blinding marks of columns that it may describe."""

    name: str
    banner: str
    purpose: str
    skip: str
    reading: str
    marks: tuple[str, ...]
    validation: tuple[str, ...]
    glossary: tuple[tuple[str, str], ...]


OPEN = Edition(
    name="open report",
    banner="OPEN: contains no treatment-arm information",
    purpose="Data-quality report for the board, the funder and the sponsor.",
    skip="To what needs attention",
    reading="Each section answers one question, and the title of each figure says what it shows. Only exceptions are "
    "coloured; a red cell leads to what is behind it.",
    marks=("safe",),
    validation=VALIDATION,
    glossary=GLOSSARY,
)
