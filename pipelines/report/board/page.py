"""The page: every section in turn, then the appendices, then the glyphs that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

from pipelines.report.board import words
from pipelines.report.board.appendices import KEPT
from pipelines.report.board.edition import OPEN, Edition
from pipelines.report.board.fonts import font_faces
from pipelines.report.board.parts import Figure, Section
from pipelines.report.board.sections import SECTIONS
from pipelines.report.board.source import Row, Source
from pipelines.report.board.status import STATUSES
from pipelines.report.board.trial import Trial
from pipelines.report.template import template

LONGEST_NAME = 44  # in half-width letters
FONTS_HERE = "<!--fonts-->"  # no value can bring it about: what comes from data has no "<" once it is escaped


def open_page(source: Source, trial: Trial) -> str:
    """The open report as one HTML text, with its fonts in it."""
    with words.counts_alone(trial.one_person):
        return page_of(source, trial, [build(source, trial) for build in SECTIONS], OPEN)


def page_of(source: Source, trial: Trial, sections: Sequence[Section], edition: Edition) -> str:
    """An edition of the report as one HTML text; the first section is its cover."""
    sections = [*sections]
    figures = [figure for section in sections for figure in section.figures]
    sections[0] = replace(sections[0], facts=[*sections[0].facts, ("Made from", _digest(source, figures))])
    page = template("board/page").render(
        trial=trial,
        edition=edition,
        sections=sections,
        drawn=[figure for figure in figures if figure.drawing or figure.appendix],
        dictionary=_dictionary(source, figures, edition),
        digests=source.digests,
        statuses=STATUSES,
        validation=edition.validation,
        glossary=edition.glossary,
        definition=_definition,
        kind_of=_kind_of,
        fits=_fits_a_line,
        day=words.day,
        number=words.number,
    )
    return page.replace(FONTS_HERE, font_faces(page), 1)


def _dictionary(source: Source, figures: Iterable[Figure], edition: Edition) -> list[dict[str, Any]]:
    """What the tables behind the figures mean, in the words of the snapshot itself."""
    names = sorted({name for figure in figures for name in figure.reads})
    tables = {row["table_name"]: row for row in source.rows("SELECT * FROM meta.table_dictionary")}
    columns: dict[str, list[Row]] = {name: [] for name in names}
    for row in source.rows(
        "SELECT * FROM meta.column_dictionary WHERE list_contains($marks, blinding) ORDER BY table_name, position",
        marks=list(edition.marks),
    ):
        if row["table_name"] in columns:
            columns[row["table_name"]].append(row)
    return [
        {
            "name": name,
            "description": tables[name]["description"] if name in tables else KEPT.get(name, ""),
            "columns": columns[name],
        }
        for name in names
    ]


def _digest(source: Source, figures: Iterable[Figure]) -> str:
    """One digest over those of all tables that the figures show; of those kept beside the snapshot there is none."""
    names = sorted({name for figure in figures for name in figure.reads} & source.digests.keys())
    lines = "".join(f"{name} {source.digests[name]}\n" for name in names)
    return f"SHA-256 {sha256(lines.encode()).hexdigest()} over the digests of the {len(names)} tables shown here"


def _definition(table: str) -> str:
    return f"def-{table.replace('.', '-').replace('_', '-')}"


def _fits_a_line(value: Any) -> bool:
    """Whether the name of a row is short enough never to be broken."""
    return isinstance(value, str) and words.width(value) <= LONGEST_NAME


def _kind_of(value: Any) -> str:
    return "date" if isinstance(value, date) else type(value).__name__
