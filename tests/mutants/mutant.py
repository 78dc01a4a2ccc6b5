"""One small mistake in one file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`file` with one thing changed: `changed` says what, `code` is the whole file as it then is."""

    file: str
    changed: str
    code: str
