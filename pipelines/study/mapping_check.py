"""Mistakes in how a site's columns are mapped that would leave a feed empty, or a column of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipelines.study.code_check import code_complaints
from pipelines.study.dialect import PERSONAL
from pipelines.study.instrument import Instrument
from pipelines.study.source import Form, Source
from pipelines.study.study import Study
from pipelines.study.yaml_file import Complaint, Place
from schemas.feeds import FEEDS, Column, Feed

DATED = ("date", "time", "time_or_date", "instant")
YEARS = ("birth_year",)  # may be declared to hold a date, of which the year alone is kept
NUMBERS = ("integer", "decimal")
OF_FEED = ("columns", "joined", "constants", "values", "dates", "numbers", "missing_in")
OF_USAGE = ("moodle", "xapi")  # systems whose exports are logs
IN_JSON = ("json", "jsonl")
FROM_FORMS = ("instrument", "item", "value")


@dataclass(frozen=True)
class Mapped:
    """A source in its place in the study file, with the feed that it fills."""

    place: Place
    feed: Feed
    source: Source

    @property
    def names(self) -> list[str]:
        """Every column that the feed may have, those that files in the house format need not have too."""
        return [column.name for column in self.feed.columns]


def mapping_complaints(study: Study, instruments: Mapping[str, Instrument]) -> Iterator[Complaint]:
    """What is wrong with the mappings of every site's sources, each with its place."""
    codes = _study_codes(study)
    for s, site in enumerate(study.sites):
        for feed, sources in site.feeds.items():
            for i, source in enumerate(sources):
                mapped = Mapped(("sites", s, "feeds", feed, i), FEEDS[feed], source)
                misplaced = list(_misplaced_dialect(mapped))
                yield from misplaced or _of_source(mapped, codes, instruments)


def _of_source(
    mapped: Mapped, codes: Mapping[str, tuple[str, ...]], instruments: Mapping[str, Instrument]
) -> Iterator[Complaint]:
    yield from _unknown_columns(mapped)
    yield from _unknown_codes(mapped, codes)
    yield from _undated(mapped)
    yield from _uncounted(mapped)
    yield from _unfilled(mapped)
    yield from _undated_forms(mapped)
    yield from _late_columns(mapped)
    yield from _lists_nothing(mapped)
    yield from _personal(mapped)
    yield from _items(mapped, instruments)
    yield from (((*mapped.place, *below), said) for below, said in code_complaints(mapped.source, instruments))


def _misplaced_dialect(mapped: Mapped) -> Iterator[Complaint]:
    """A system's export in a feed or a format in which it never comes."""
    system, form = mapped.source.system, mapped.source.read.format
    if system in OF_USAGE and mapped.feed.name != "usage":
        yield (
            (*mapped.place, "dialect"),
            f"an export of {system} is a log of usage, not {mapped.feed.name}; put this source under `usage`",
        )
    elif system is not None and (system == "xapi") != (form in IN_JSON):
        formats = ", ".join(IN_JSON) if system == "xapi" else "delimited or another table with a header"
        yield (*mapped.place, "read"), f"an export of {system} does not come as {form}; it comes as {formats}"


def _study_codes(study: Study) -> dict[str, tuple[str, ...]]:
    """What a column may hold where the study file says so; a study without arms leaves `arm` open."""
    codes = {
        "arm": tuple(arm.arm for arm in study.arms),
        "instrument": tuple(schedule.instrument for schedule in study.instruments),
        "visit": (*(visit.avisit for visit in study.visits), study.weekly.label),
    }
    return {name: allowed for name, allowed in codes.items() if allowed}


def _unknown_columns(mapped: Mapped) -> Iterator[Complaint]:
    named = [(key, name) for key in OF_FEED for name in getattr(mapped.source, key)]
    named += [("from_path", name) for name in mapped.source.path_columns]
    for key, name in named:
        if name not in mapped.names:
            allowed = ", ".join(mapped.names)
            yield (
                (*mapped.place, key, name),
                f"`{key}`: {mapped.feed.name} has no column `{name}`; its columns are {allowed}",
            )


def _unknown_codes(mapped: Mapped, codes: Mapping[str, tuple[str, ...]]) -> Iterator[Complaint]:
    for column in mapped.feed.columns:
        allowed = codes.get(column.name, column.codes)
        if allowed is None:
            continue
        for place, target in _targets(mapped.source, column.name):
            if not _is_allowed(column, target, allowed):
                yield (
                    (*mapped.place, *place),
                    f"`{target}` is not what `{column.name}` may be; allowed are {', '.join(allowed)}",
                )


def _targets(source: Source, name: str) -> Iterator[tuple[Place, str]]:
    """What a feed's column is filled with by the study file itself."""
    for code, target in source.values.get(name, {}).items():
        yield ("values", name, code), target
    if name in source.constants:
        yield ("constants", name), source.constants[name]


def _is_allowed(column: Column, target: str, allowed: tuple[str, ...]) -> bool:
    if "{n}" in target:
        return True  # which code it is shows with each number
    if column.name == "visit":
        return target.strip().upper() in {name.strip().upper() for name in allowed}
    return target in allowed


def _undated(mapped: Mapped) -> Iterator[Complaint]:
    dated = [column.name for column in mapped.feed.columns if column.kind in DATED or column.name in YEARS]
    for name in mapped.source.dates:
        if name in mapped.names and name not in dated:
            allowed = f"its dates and times are {', '.join(dated)}" if dated else "it has none"
            yield (*mapped.place, "dates", name), f"`{name}` of {mapped.feed.name} holds no date; {allowed}"


def _uncounted(mapped: Mapped) -> Iterator[Complaint]:
    counted = [column.name for column in mapped.feed.columns if column.kind in NUMBERS or column.name == "value"]
    for name, shape in mapped.source.numbers.items():
        place = (*mapped.place, "numbers", name)
        if name in mapped.names and name not in counted:
            allowed = f"its numbers are {', '.join(counted)}" if counted else "it has none"
            yield place, f"`{name}` of {mapped.feed.name} holds no number; {allowed}"
        elif name == "value" and (shape.written != "decimal_comma" or shape.divide_by != 1):
            yield place, "an answer is a whole number, which may be written with a `decimal_comma` and nothing else"


def _personal(mapped: Mapped) -> Iterator[Complaint]:
    """Columns that name people, which no mapping may read."""
    system, source = mapped.source.system or "", mapped.source
    named: dict[Place, str] = {("columns", key): column for key, column in source.columns.items()}
    named |= {("joined", key): part for key, parts in source.joined.items() for part in parts}
    for place, column in named.items():
        if any(fnmatchcase(column, pattern) for pattern in PERSONAL.get(system, ())):
            yield (
                (*mapped.place, *place),
                f"`{column}` of {system} names people or tells where they are, and such columns are never stored; "
                "name another column, or leave it out",
            )


def _unfilled(mapped: Mapped) -> Iterator[Complaint]:
    """Columns without which no row of the feed says anything, and that nothing fills."""
    source, feed = mapped.source, mapped.feed
    filled = {*source.columns, *source.joined, *source.constants, *source.path_columns}
    needed = [column.name for column in feed.columns if column.required]
    if feed.name == "questionnaires":
        needed.append("value")
    if source.forms:
        filled |= {*FROM_FORMS}
    if any(form.completed_at for form in source.forms):
        filled.add("completed_at")  # `_undated_forms` asks whether by every form
    for name in needed:
        if name not in filled:
            forms = ", or `forms`" if feed.name == "questionnaires" and name in FROM_FORMS else ""
            yield (
                (*mapped.place, "columns"),
                f"nothing fills `{name}`, which every row of {feed.name} needs; "
                f"say under `columns` which column of the file holds it (or give it under `constants`{forms})",
            )


def _undated_forms(mapped: Mapped) -> Iterator[Complaint]:
    """Forms without the date that other forms of the source have."""
    forms, source = mapped.source.forms, mapped.source
    elsewhere = {*source.columns, *source.joined, *source.constants, *source.path_columns}
    if "completed_at" in elsewhere or not any(form.completed_at for form in forms):
        return
    for f, form in enumerate(forms):
        if form.completed_at is None:
            yield (
                (*mapped.place, "forms", f),
                f"nothing says when {form.instrument} was filled in; give the form `completed_at: <column of the "
                "file>`, or `completed_at` under `columns`",
            )


def _lists_nothing(mapped: Mapped) -> Iterator[Complaint]:
    for key in ("only", "site_column"):
        for name, texts in getattr(mapped.source, key).items():
            if not texts:
                yield (
                    (*mapped.place, key, name),
                    f"`{key}`: the list for `{name}` is empty, so no row would be read; list what the column "
                    "holds in the rows to read, or leave it out",
                )


def _items(mapped: Mapped, instruments: Mapping[str, Instrument]) -> Iterator[Complaint]:
    for f, form in enumerate(mapped.source.forms):
        if form.instrument in instruments:
            place = (*mapped.place, "forms", f, "items")
            yield from (((*place, item), said) for item, said in _strange(form, instruments[form.instrument]))


def _strange(form: Form, instrument: Instrument) -> Iterator[tuple[str, str]]:
    """Items of a form that its instrument does not have."""
    for item in form.items:
        shape = re.escape(item).replace(r"\{n\}", "[0-9]+")
        if not any(re.fullmatch(shape, name) for name in instrument.ranges | instrument.totals):
            yield item, f"`{item}` is no item of {form.instrument}; its items are {_runs(instrument)}"


def _runs(instrument: Instrument) -> str:
    """Every item, a run of numbers as it is written in the instrument's file: `fear_1-24, avoidance_1-24`."""
    return ", ".join(group.as_written for group in instrument.items)


def _late_columns(mapped: Mapped) -> Iterator[Complaint]:
    """Columns that a file may lack at first, which either nothing is read from or without which nothing can be read."""
    source = mapped.source
    items = {column for form in source.forms for column in form.items.values()}
    dated = {form.completed_at for form in source.forms}
    always = {source.columns.get(column.name) for column in mapped.feed.columns if column.required}
    always |= {source.columns.get("value"), *source.only, *source.site_column}
    always |= {column for parts in source.joined.values() for column in parts}
    for name in source.since:
        if name in always:
            yield (*mapped.place, "since", name), f"without `{name}` no row can be read; every file must have it"
        elif name not in {*items, *dated, *source.columns.values()}:
            yield (
                (*mapped.place, "since", name),
                f"the mapping does not read `{name}`; name a column as under `columns` or `forms`, with its `{{n}}`",
            )
