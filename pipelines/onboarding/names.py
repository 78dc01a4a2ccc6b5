"""Which of a file's columns and codes probably are what a feed asks for, by their usual names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from pipelines.study.strict import Strict
from pipelines.study.yaml_file import read_yaml

USUAL = Path(__file__).parents[2] / "schemas" / "feeds" / "usual_names.yaml"


class UsualNames(Strict):
    columns: dict[str, list[str]] = Field(default_factory=dict)
    codes: dict[str, dict[str, list[str]]] = Field(default_factory=dict)


@lru_cache(maxsize=1)
def usual_names() -> UsualNames:
    return read_yaml(USUAL).into(UsualNames)


def plain(name: str) -> str:
    """A name without case, spaces, punctuation and differences of width."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).lower())


def find_columns(wanted: Iterable[str], columns: Iterable[str]) -> dict[str, str]:
    """A feed's columns → the file's, each used once: the same name first, then a usual one, then one that ends or
    begins with it."""
    free = {plain(column): column for column in reversed(list(columns))}
    found: dict[str, str] = {}
    for fits in (_same, _usual, _part):
        for name in wanted:
            if name not in found and (hit := fits(name, free)) is not None:
                found[name] = free.pop(hit)
    return found


def _same(name: str, free: Mapping[str, str]) -> str | None:
    return plain(name) if plain(name) in free else None


def _usual(name: str, free: Mapping[str, str]) -> str | None:
    known = map(plain, usual_names().columns.get(name, []))
    return next((other for other in known if other in free), None)


def _part(name: str, free: Mapping[str, str]) -> str | None:
    known = [plain(name), *map(plain, usual_names().columns.get(name, []))]
    long = [other for other in known if len(other) >= 5]
    return next(
        (column for column in free for other in long if column.startswith(other) or column.endswith(other)), None
    )


def find_codes(
    name: str, allowed: Iterable[str], codes: Iterable[str], labels: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """The file's codes → what the feed allows, by themselves or by their `labels`; and the codes nobody could place."""
    words = {plain(code): code for code in allowed}
    for code, usual in usual_names().codes.get(name, {}).items():
        words |= {plain(word): code for word in usual}
    placed = {code: hit for code in codes if (hit := words.get(plain(labels.get(code, code)))) is not None}
    return placed, [code for code in codes if code not in placed]
