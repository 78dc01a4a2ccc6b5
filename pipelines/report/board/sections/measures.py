"""What a reader calls an instrument: the short name that its title ends with, `LSAS-SR` for `lsas_sr`."""

from __future__ import annotations

import re

from pipelines.report.board.source import Source

TITLES = "SELECT instrument, min(title) AS title FROM quality.instrument GROUP BY instrument"


class Measures(dict[str, str]):
    """By instrument; one without such a title is called as the study file does."""

    def __missing__(self, instrument: str) -> str:
        return instrument


def measures(source: Source) -> Measures:
    rows = source.rows(TITLES) if source.has("quality.instrument") else []
    short = {row["instrument"]: re.search(r"\(([^()]+)\)$", row["title"] or "") for row in rows}
    return Measures({instrument: found[1] for instrument, found in short.items() if found})
