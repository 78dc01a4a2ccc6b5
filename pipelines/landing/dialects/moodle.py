"""Moodle: the download of the log report. It has no number of an event and no id of a person but in its
description, which Moodle writes in English in every language: `The user with id '5' viewed …`.

Columns made of it: moodle_event (a number of the event), moodle_subject (the participant whose programme it is),
moodle_actor, moodle_user (who did it), moodle_affected_user, moodle_course_module.
Source: moodle/moodle, report/log/classes/table_log.php and the get_description() of its events.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from pipelines.landing.dialects.dialect import (
    COUNTS,
    Dialect,
    Export,
    Made,
    Opened,
    Reshaped,
    marked,
    only_what_counts,
)
from pipelines.landing.readers import UnreadableError
from pipelines.study.dialect import PERSONAL, Moodle

if TYPE_CHECKING:
    import polars as pl

    from pipelines.study.source import Source

MADE = ("moodle_event", "moodle_subject", "moodle_actor", "moodle_user", "moodle_affected_user", "moodle_course_module")
PLUMBING = (
    *("Course", "Time", "Event context", "Component", "Event name", "Description", "Origin"),
    *PERSONAL["moodle"],
    *MADE,
)
_USER = r"^The user with id '([0-9]+)'"
_AFFECTED = r"^The user with id '[0-9]+'.*\buser with id '([0-9]+)'"
_ALONE = r"\buser with id '([0-9]+)'"  # where nobody is said to have done it
_COURSE_MODULE = r"\bcourse module id '([0-9]+)'"
_NOBODY = "0"  # Moodle's own doing


def _open(export: Export) -> Opened:
    settings = export.source.dialect
    assert isinstance(settings, Moodle)
    table = export.open(export.source)
    said = settings.description
    if said not in (table.header or []):
        raise UnreadableError(
            f"the log has no column {said}, which tells who did what; download the log report whole, or have the "
            "study file name the column under `dialect.description`"
        )
    told = Told(said, tuple(settings.staff))
    made = {
        "moodle_subject": Made((said,), told.subject),
        "moodle_actor": Made((said,), told.actor),
        "moodle_user": Made((said,), told.user),
        "moodle_affected_user": Made((said,), told.affected),
        "moodle_course_module": Made((said,), told.course_module),
        "moodle_event": Made(_telling(export.source, said), Occurrences().numbers),
    }
    made = {name: column for name, column in made.items() if name not in (table.header or [])}
    subject = export.source.columns.get("subject_id")
    if subject != "moodle_subject":
        return Opened(Reshaped(table, made=made), export.source)
    made[COUNTS] = Made((said,), lambda cells: marked(told.subject(cells).is_not_null()))
    return Opened(Reshaped(table, made=made), only_what_counts(export.source))


def _telling(source: Source, description: str) -> tuple[str, ...]:
    """The columns that tell events apart, none of which names a person."""
    named = [source.columns.get(name) for name in ("occurred_at", "event", "module")]
    return tuple(dict.fromkeys([*(name for name in named if name and name not in MADE), description]))


class Told:
    """What a description tells of people. Columns of text, NULL where it does not."""

    def __init__(self, description: str, staff: tuple[str, ...]) -> None:
        self._description, self._staff = description, staff

    def user(self, cells: pl.DataFrame) -> pl.Series:
        return self._found(cells, _USER)

    def affected(self, cells: pl.DataFrame) -> pl.Series:
        import polars as pl

        said = pl.col(self._description)
        found = pl.when(said.str.contains(_USER)).then(said.str.extract(_AFFECTED)).otherwise(said.str.extract(_ALONE))
        return cells.select(found.alias("affected")).to_series()

    def course_module(self, cells: pl.DataFrame) -> pl.Series:
        return self._found(cells, _COURSE_MODULE)

    def actor(self, cells: pl.DataFrame) -> pl.Series:
        import polars as pl

        user = pl.lit(self.user(cells))
        nobody = user.is_null() | (user == _NOBODY)
        actor = pl.when(nobody).then(pl.lit("system")).when(user.is_in(self._staff)).then(pl.lit("therapist"))
        return pl.select(actor.otherwise(pl.lit("participant"))).to_series()

    def subject(self, cells: pl.DataFrame) -> pl.Series:
        """Who did it, or to whom staff or the system did it; nobody where staff kept to themselves."""
        import polars as pl

        affected = pl.lit(self.affected(cells))
        theirs = pl.when(~affected.is_in([*self._staff, _NOBODY])).then(affected)
        did = pl.lit(self.actor(cells)) == "participant"
        return pl.select(pl.when(did).then(pl.lit(self.user(cells))).otherwise(theirs)).to_series()

    def _found(self, cells: pl.DataFrame, pattern: str) -> pl.Series:
        return cells[self._description].str.extract(pattern)


class Occurrences:
    """A number for each record of one file that does not change when the same record is sent again: a digest of
    what it says, and the how-manieth record that says so."""

    def __init__(self) -> None:
        import polars as pl

        self._before = pl.DataFrame(schema={"digest": pl.String, "n": pl.UInt32})

    def numbers(self, cells: pl.DataFrame) -> pl.Series:
        import polars as pl

        said = pl.DataFrame({"digest": [_digest(row) for row in cells.iter_rows()]}, schema={"digest": pl.String})
        here = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("digest").alias("here")
        counted = said.with_columns(here).join(self._before, on="digest", how="left", maintain_order="left")
        counted = counted.with_columns(pl.col("here") + pl.col("n").fill_null(0))
        self._before = pl.concat([self._before, counted.select("digest", pl.col("here").alias("n"))])
        self._before = self._before.group_by("digest").agg(pl.col("n").max())
        return counted.select(pl.format("{}-{}", "digest", "here")).to_series()


def _digest(row: tuple[str | None, ...]) -> str:
    return blake2b(json.dumps(row).encode(), digest_size=10).hexdigest()


MOODLE = Dialect(PLUMBING, open=_open)
