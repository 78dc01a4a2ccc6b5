"""How a file writes dates, times and numbers."""

from __future__ import annotations

import re
from datetime import date, datetime
from itertools import permutations
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from pipelines.study.strict import Strict

ISO, ERA, SECONDS, MILLISECONDS = "iso8601", "japanese_era", "unix_s", "unix_ms"
NAMED_DATES = (ISO, ERA, SECONDS, MILLISECONDS)

_DIRECTIVE = re.compile(r"%[-_0]?(\.?[369]?f|:{0,3}z|#z|.|$)")
_KNOWN = {*"YCymbBhdeaAwuUWGgVjDxFvHkIlPpMSRTXrZzcstn%+", "f", ".f", ":z", "::z", ":::z", "#z"}
_KNOWN |= {f"{dot}{digits}f" for dot in ("", ".") for digits in "369"}
_SAMPLES = (date(2026, 3, 4), date(2026, 11, 12), date(2003, 2, 1))


class Offset(Strict):
    """A date given as a count: 1 is `origin`, 2 is `every_days` later, and so on."""

    origin: date
    every_days: int = Field(default=1, ge=1)


def _is_date_format(shape: object) -> object:
    """A strptime format of a date must say year, month and day, by number or by name."""
    if isinstance(shape, list):
        if not shape:
            raise ValueError("the list of formats is empty; give at least one, for example %d/%m/%Y")
        return _told_apart([_is_date_format(one) for one in shape])
    if not isinstance(shape, str | int | float) or shape in NAMED_DATES:
        return shape
    found = _DIRECTIVE.findall(str(shape))
    strange = [f"%{directive}" for directive in found if directive not in _KNOWN]
    if strange:
        raise ValueError(f"`{shape}`: {', '.join(strange)} is no directive of a date format; for example %d/%m/%Y")
    directives = {directive[-1:] for directive in found}
    if not all(directives & kind for kind in (set("YyFDxcs"), set("mbBhFDxcs"), set("deFDxcs"))):
        raise ValueError(
            f"`{shape}` is not a format of dates; for example %d/%m/%Y, a list of formats, {', '.join(NAMED_DATES)}, "
            "or {origin: 2026-01-31, every_days: 7}"
        )
    return shape


def _told_apart(shapes: list[object]) -> list[object]:
    """Formats of which none reads another's dates as different ones."""
    for one, other in permutations([str(shape) for shape in shapes if shape not in NAMED_DATES], 2):
        if any(_mistaken(day, one, other) for day in _SAMPLES):
            raise ValueError(f"a date written as `{one}` can be read as another by `{other}`; give one of them")
    return shapes


def _mistaken(day: date, one: str, other: str) -> bool:
    try:
        return datetime.strptime(day.strftime(one), other).date() != day  # noqa: DTZ007 - a calendar date
    except ValueError:
        return False


DateShape = Annotated[str | Offset | list[str], BeforeValidator(_is_date_format)]


class Number(Strict):
    """How a number is written, and by what it is divided to be in the feed's unit. A duration (ISO 8601
    `PT1M30S`, or by the `clock` as `1:30` or `0:01:30`) is read as seconds."""

    written: Literal["decimal_point", "decimal_comma", "iso8601_duration", "clock"] = "decimal_point"
    divide_by: float = Field(default=1, gt=0)


def _by_name(shape: object) -> object:
    """`minutes: decimal_comma` is short for `minutes: {written: decimal_comma}`."""
    return {"written": shape} if isinstance(shape, str) else shape


NumberShape = Annotated[Number, BeforeValidator(_by_name)]
