"""How numbers, days and lists are said.

Of a trial of one person no share is a rate: while its report is written (`counts_alone`) counts stand by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from typing import Any
from unicodedata import east_asian_width

_COUNTS_ALONE: ContextVar[bool] = ContextVar("counts_alone", default=False)


@contextmanager
def counts_alone(wanted: bool) -> Iterator[None]:
    """Say no share while it lasts, where that is wanted."""
    token = _COUNTS_ALONE.set(wanted)
    try:
        yield
    finally:
        _COUNTS_ALONE.reset(token)


def says_shares() -> bool:
    """Whether shares are said at all."""
    return not _COUNTS_ALONE.get()


def count(n: int, one: str, many: str = "") -> str:
    """`1 form`, `3 forms`, `no forms`."""
    return f"{n or 'no'} {one if n == 1 else many or one + 's'}"


def of(n: float | None, total: float | None) -> str:
    """`3/40`; a dash where there is nothing to count."""
    return "–" if n is None or not total else f"{number(n)}/{number(total)}"


def percent(n: float | None, total: float | None, decimals: int = 0) -> str:
    """`8%`; a dash where there is nothing to divide by."""
    return "–" if n is None or not total or not says_shares() else f"{100 * n / total:.{decimals}f}%"


def share(n: float | None, total: float | None) -> str:
    """`82% (9/11)`."""
    if not says_shares():
        return of(n, total)
    return "–" if n is None or not total else f"{percent(n, total)} ({of(n, total)})"


def counted(n: int, total: int) -> str:
    """`9/11 (82%)`: the counts first."""
    if not says_shares():
        return of(n, total)
    return f"{of(n, total)} ({percent(n, total)})" if total else "–"


def day(value: date | None) -> str:
    """`30 Nov 2026`, the month in English whatever the machine's language."""
    return "–" if value is None else f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def number(value: float | None, decimals: int = 2) -> str:
    """At most so many decimals, and none that say nothing."""
    if value is None:
        return "–"
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def width(text: str) -> int:
    """How many half-width letters a text is wide: a Japanese or Chinese letter is as wide as two."""
    return sum(2 if east_asian_width(letter) in "FW" else 1 for letter in text)


def shortened(text: str, widest: int) -> str:
    """The text, or as much of its beginning as is `widest` half-width letters wide."""
    if width(text) <= widest:
        return text
    kept = text
    while width(kept) > widest - 2:
        kept = kept[:-1]
    return kept + "..."


def listed(items: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(items[:-1])} {last} {items[-1]}" if len(items) > 1 else "".join(items)


def capital(text: str) -> str:
    """The first letter large, the rest as it is."""
    return text[:1].upper() + text[1:]


def possessive(name: str) -> str:
    """`Oxford's`."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def chance(probability: float) -> str:
    """`p = 0.012`, `p < 0.001`."""
    return "p < 0.001" if probability < 0.001 else f"p = {probability:.3f}"


def limit(row: Mapping[str, Any]) -> str:
    """What an indicator tolerates, by its kind."""
    if row["kind"] == "identity":
        return "none" if row["watch_from"] in (None, 1) else f"fewer than {row['watch_from']}"
    return tolerance(row["tolerance"]) if row["kind"] == "proportion" else number(row["tolerance"])


def tolerance(share: float) -> str:
    """`10%`."""
    if says_shares():
        return f"{100 * share:g}%"
    return "–" if share else "none"


def unbroken(text: str) -> str:
    """The text with blanks at which no line is broken."""
    return text.replace(" ", "\u00a0")
