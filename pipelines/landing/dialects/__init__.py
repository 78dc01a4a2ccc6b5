"""What is known about the exports of one system, beyond their file format."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipelines.landing.dialects.redcap import BLANKS, PLUMBING


@dataclass(frozen=True)
class Dialect:
    """`plumbing` are the columns a system adds for itself, which nobody needs to be told about;
    `blanks` are the texts it writes where there is nothing."""

    plumbing: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()

    def is_plumbing(self, column: str) -> bool:
        return any(fnmatchcase(column, pattern) for pattern in self.plumbing)


DIALECTS: dict[str | None, Dialect] = {None: Dialect(), "redcap": Dialect(PLUMBING, BLANKS)}
