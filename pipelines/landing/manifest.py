"""A drop's manifest, `<file>.manifest.json`: what the site says it sent."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

SUFFIX = ".manifest.json"


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
    return date.fromisoformat(text) if len(text) == len("2026-03-01") else datetime.fromisoformat(text)


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


def parse(content: bytes) -> Manifest | None:
    """The manifest, or None where the bytes are not one."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError:
        return None
