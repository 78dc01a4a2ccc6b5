"""What a cell's text stands for, as the study file says: nothing, or a code of the feed's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    import polars as pl

UNSTATED = "not stated"  # why an answer is missing whose code has no reason in the study file
_WHOLE = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class Codes:
    """`blanks` are what a system writes where there is nothing, `missing` the codes for missing with the reason each
    stands for, `values` what the feed calls a text of the file (`{n}` stands for a number on both sides).
    `free`: a text that no code replaces stays as it was sent, full-width letters too.

    `plain` promises of a text that it is ASCII, so that normalising it changes nothing.
    """

    blanks: tuple[str, ...]
    missing: Mapping[str, str]
    values: Mapping[str, str]
    free: bool

    def read(self, text: pl.Expr, *, plain: bool) -> pl.Expr:
        """The feed's own code or text; NULL for what stands for nothing."""
        import polars as pl

        sought = _sought(text, plain=plain)
        found = text if plain or self.free else pl.when(sought != "").then(sought)
        for pattern, target in self._patterns:
            found = pl.when(sought.str.contains(pattern)).then(sought.str.replace(pattern, target)).otherwise(found)
        if self._exact:
            found = sought.replace_strict(*self._exact_columns, default=found, return_dtype=pl.String)
        return pl.when(sought.is_in(self._nothing_column)).then(None).otherwise(found) if self._nothing else found

    def reason(self, text: pl.Expr, *, plain: bool) -> pl.Expr:
        """Why an answer is missing, where a code says so."""
        import polars as pl

        if not self.missing:
            return pl.lit(None, pl.String)
        sought = _sought(text, plain=plain)
        return sought.replace_strict(*self._reason_columns, default=None, return_dtype=pl.String)

    def says(self, text: pl.Expr, *, plain: bool) -> pl.Expr:
        """Whether there is an answer, or a reason for there being none."""
        sought = _sought(text, plain=plain)
        return sought.is_not_null() & (sought != "") & ~sought.is_in(self._silent_column)

    # What polars is given as columns, made once: a file has many columns of one kind.

    @cached_property
    def _nothing_column(self) -> pl.Expr:
        return _column(sorted(self._nothing)).implode()

    @cached_property
    def _silent_column(self) -> pl.Expr:
        unsaid = [code for code, why in self.missing.items() if why == UNSTATED]
        return _column(_spellings([*self.blanks, *unsaid])).implode()

    @cached_property
    def _exact_columns(self) -> tuple[pl.Expr, pl.Expr]:
        return _column(self._exact), _column(self._exact.values())

    @cached_property
    def _reason_columns(self) -> tuple[pl.Expr, pl.Expr]:
        reasons = {spelling: why for code, why in self.missing.items() for spelling in _spellings([code])}
        return _column(reasons), _column(reasons.values())

    @cached_property
    def _nothing(self) -> set[str]:
        return set(_spellings([*self.blanks, *self.missing]))

    @cached_property
    def _exact(self) -> dict[str, str]:
        """A code that is listed itself wins over another's spelling."""
        listed = {plainer(code): target for code, target in self.values.items() if "{n}" not in code}
        return {spelling: listed[code] for code in listed for spelling in _spellings([code])} | listed

    @cached_property
    def _patterns(self) -> list[tuple[str, str]]:
        """Regular expressions and what replaces them; a number may be written with leading zeros."""
        return [
            ("^" + re.escape(plainer(code)).replace(r"\{n\}", "0*([0-9]+)") + "$", target.replace("{n}", "${1}"))
            for code, target in self.values.items()
            if "{n}" in code
        ]


def _column(texts: Iterable[str]) -> pl.Expr:
    import polars as pl

    return pl.lit(pl.Series(list(texts), dtype=pl.String))


@lru_cache(maxsize=1024)
def codes_of(
    blanks: tuple[str, ...], missing: tuple[tuple[str, str], ...], values: tuple[tuple[str, str], ...], free: bool
) -> Codes:
    """Such codes, made once for all the columns and files that have them."""
    return Codes(blanks, dict(missing), dict(values), free)


def plainer(text: str) -> str:
    """In the one spelling in which texts are compared: `１` is `1`."""
    return normalize("NFKC", text).strip()


def _sought(text: pl.Expr, *, plain: bool) -> pl.Expr:
    return text if plain else text.str.normalize("NFKC").str.strip_chars()


def _spellings(codes: Iterable[str]) -> Iterable[str]:
    """A whole number may also be written with a decimal: `999.0`."""
    for code in codes:
        yield plainer(code)
        if _WHOLE.fullmatch(plainer(code)):
            yield f"{plainer(code)}.0"
