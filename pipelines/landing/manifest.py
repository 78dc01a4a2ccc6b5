"""A drop's manifest, `<file>.manifest.json`: what the site says it sent."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

SUFFIX = ".manifest.json"
_PLACED_YEARS = range(1900, 3000)
_MOST_FAULTS = 3
_ENTRY = "an object with `name`, `bytes` and `sha256`"
_EXPECTED = {
    "files": f"a list with at least one entry, each {_ENTRY}",
    "name": "the name of a file beside the manifest, as text without a folder",
    "bytes": "a whole number of at least 0",
    "sha256": "64 hexadecimal digits, as text",
    "rows": "a whole number of at least 0, or no such key",
    "period_end": "a date such as 2026-03-01 or a time in ISO 8601, as text",
    "scope": '"full" or "incremental"',
    "site": "the site's id, as text",
}


class ManifestError(Exception):
    """What is wrong in a manifest: which keys and what is expected there, never what stands there."""


class ManifestFile(BaseModel):
    """One file of the drop. `rows` counts data records, without header lines."""

    model_config = ConfigDict(strict=True, frozen=True)

    name: str = Field(pattern=r"^[^/\\]+$")
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")
    rows: int | None = Field(default=None, ge=0)


def _date_or_time(text: object) -> date | datetime | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError("expected a date or a time in ISO 8601")
    moment = date.fromisoformat(text) if len(text) == len("2026-03-01") else datetime.fromisoformat(text)
    if moment.year not in _PLACED_YEARS:
        raise ValueError("expected a year of this time")
    return moment


class Manifest(BaseModel):
    """`period_end`: a date (the end of that day at the site) or a time, the drop's place in its sequence."""

    model_config = ConfigDict(strict=True, frozen=True)

    files: list[ManifestFile] = Field(min_length=1)
    period_end: Annotated[date | datetime | None, BeforeValidator(_date_or_time)] = None
    scope: Literal["full", "incremental"] | None = None
    site: str | None = None

    def place(self, zone: ZoneInfo) -> datetime | None:
        """`period_end` as an instant; without an offset it is the site's own time."""
        end = self.period_end
        if end is None:
            return None
        if not isinstance(end, datetime):
            end = datetime.combine(end + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
        elif end.tzinfo is None:
            end = end.replace(tzinfo=zone)
        return end


def parse(content: bytes) -> Manifest:
    """The manifest. Raises ManifestError."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        faults = [(fault["type"], fault["loc"]) for fault in error.errors(include_input=False, include_url=False)]
    said = list(dict.fromkeys(_fault(kind, place) for kind, place in faults))
    more = f"; and {len(said) - _MOST_FAULTS} more" if len(said) > _MOST_FAULTS else ""
    raise ManifestError("; ".join(said[:_MOST_FAULTS]) + more)


def _fault(kind: str, place: tuple[int | str, ...]) -> str:
    """One fault in words; `place` is where pydantic found it: (), (key,), ("files", n) or ("files", n, key)."""
    if not place:
        return f"its manifest is not one: expected JSON with `files`, each {_ENTRY}"
    key = next(part for part in reversed(place) if part in _EXPECTED)
    of_entry = f" of entry {int(place[1]) + 1} of `files`" if len(place) > 1 and place[0] == "files" else ""
    if len(place) == 2 and of_entry:
        return f"in its manifest, entry {int(place[1]) + 1} of `files` is not as expected: {_ENTRY}"
    verb = "is missing" if kind == "missing" else "is not as expected"
    return f"in its manifest, `{key}`{of_entry} {verb}: expected {_EXPECTED[key]}"
