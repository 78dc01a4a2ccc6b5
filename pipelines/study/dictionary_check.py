"""A REDCap project's own dictionary against what the study file expects of its export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from pipelines.study.dialect import Redcap
from pipelines.study.instrument import Instrument
from pipelines.study.redcap_dictionary import LED_BY, Dictionary, RedcapField, read_dictionary
from pipelines.study.source import Form, Source
from pipelines.study.study import Study
from pipelines.study.yaml_file import Complaint, InvalidFileError, Place, Problem, YamlFile
from schemas.feeds import FEEDS, Column, Feed

COMMA = "comma_decimal"


def read_dictionaries(file: YamlFile, study: Study) -> tuple[dict[str, Dictionary], list[Problem]]:
    """The data dictionaries that a study file names, out of `dictionaries/` beside it, and why one cannot be read."""
    folder = file.path.parent / "dictionaries"
    found: dict[str, Dictionary] = {}
    problems: list[Problem] = []
    for place, source, name in _projects(study):
        try:
            found[name] = found.get(name) or read_dictionary(folder / name)
        except InvalidFileError as error:
            where = f"{source.source}: the dictionary `{name}` is looked for in {folder}"
            problems += [file.problem((*place, "dialect", "dictionary"), where), *error.problems]
    return found, problems


def _projects(study: Study) -> Iterator[tuple[Place, Source, str]]:
    """Every source that names a dictionary, with its place in the study file."""
    for s, site in enumerate(study.sites):
        for feed, sources in site.feeds.items():
            for i, source in enumerate(sources):
                if isinstance(source.dialect, Redcap) and source.dialect.dictionary:
                    yield ("sites", s, "feeds", feed, i), source, source.dialect.dictionary


def dictionary_complaints(
    study: Study, instruments: Mapping[str, Instrument], dictionaries: Mapping[str, Dictionary]
) -> Iterator[Complaint]:
    """Where a mapping and the dictionary it names do not fit together, with the place in the study file."""
    for place, source, name in _projects(study):
        project = Project(source, FEEDS[str(place[3])], dictionaries[name])
        yield from (((*place, *below), said) for below, said in project.complaints(instruments))


class Project:
    """One source and the dictionary of the project that it comes from."""

    def __init__(self, source: Source, feed: Feed, dictionary: Dictionary) -> None:
        self._source, self._feed, self._dictionary = source, feed, dictionary

    def complaints(self, instruments: Mapping[str, Instrument]) -> Iterator[Complaint]:
        yield from self._unknown()
        for name, field_name in self._source.columns.items():
            field = self._dictionary.fields.get(field_name)
            column = next((column for column in self._feed.columns if column.name == name), None)
            if field and column:
                yield from self._column(column, field)
        for f, form in enumerate(self._source.forms):
            if form.instrument in instruments:
                instrument = instruments[form.instrument]
                for key, said in (*self._unknown_items(form, instrument), *self.range_differences(form, instrument)):
                    yield ("forms", f, "items", key), said

    def range_differences(self, form: Form, instrument: Instrument) -> Iterator[tuple[str, str]]:
        """Items of which the project lets another range be entered than the instrument has: key of `items`, and
        what differs."""
        missing = {*self._source.missing, *self._source.missing_in.get("value", ()), *form.missing}
        for key, item, column in form.columns_of(instrument.ranges):
            field = self._dictionary.fields.get(column)
            span = field.range if field else None
            if field is None or span is None:
                continue
            low, high = instrument.ranges[item]
            codes = self._answers(field, missing) if field.choices else [f"{number:g}" for number in span]
            may_be = {str(n) for n in instrument.listed_values.get(item, range(low, high + 1))}
            may_be |= {"NA"} if item in instrument.may_be_not_applicable else set()
            outside = [code for code in codes if code not in may_be]
            lacking = sorted(may_be - {"NA"} - {*codes}, key=int) if field.choices else []
            if outside or lacking:
                entered = f"may be {', '.join(codes)}" if field.choices else f"goes from {span[0]:g} to {span[1]:g}"
                yield (
                    key,
                    f"`{column}` {entered} ({self._where(field)}), but item {item} of {form.instrument} goes from "
                    f"{low} to {high}; say under `values` or `missing` what the codes mean, or correct the instrument",
                )

    def _answers(self, field: RedcapField, missing: set[str]) -> list[str]:
        """What the choices of a field become."""
        values = self._source.values.get("value", {})
        return [values.get(code, code) for code in field.choices if code not in missing]

    def _unknown(self) -> Iterator[Complaint]:
        """Columns that no export of the project has."""
        named: dict[str, Place] = {name: ("columns", key) for key, name in self._source.columns.items()}
        named |= {name: ("only", name) for name in self._source.only}
        named |= {name: ("site_column", name) for name in self._source.site_column}
        named |= {part: ("joined", key) for key, parts in self._source.joined.items() for part in parts}
        named |= {form.completed_at: ("forms", f) for f, form in enumerate(self._source.forms) if form.completed_at}
        for name, place in named.items():
            if name not in self._fields:
                yield place, f"the project of {self._dictionary.name} has no field `{name}`"

    def _unknown_items(self, form: Form, instrument: Instrument) -> Iterator[tuple[str, str]]:
        lacking: dict[str, list[str]] = {}
        for key, _, column in form.columns_of(instrument.ranges):
            if column not in self._fields:
                lacking.setdefault(key, []).append(column)
        for key, columns in lacking.items():
            yield key, f"the project of {self._dictionary.name} has no field {', '.join(columns)}"

    @cached_property
    def _fields(self) -> set[str]:
        return {*self._dictionary.by_name, *self._dictionary.fields, *LED_BY}

    def _column(self, column: Column, field: RedcapField) -> Iterator[Complaint]:
        source = self._source
        if column.codes and field.choices:
            values = source.values.get(column.name, {})
            missing = {*source.missing, *source.missing_in.get(column.name, ())}
            strange = [c for c in field.choices if c not in missing and values.get(c, c) not in column.codes]
            if strange:
                yield (
                    ("values", column.name),
                    f"`{field.name}` may also be {', '.join(strange)} ({self._where(field)}); say under "
                    f"`values: {{{column.name}: …}}` which of {', '.join(column.codes)} that is",
                )
        if column.kind in ("integer", "decimal") and COMMA in field.validation and column.name not in source.numbers:
            yield (
                ("columns", column.name),
                f"`{field.name}` is written with a decimal comma ({self._where(field)}); say "
                f"`numbers: {{{column.name}: decimal_comma}}`",
            )
        if column.kind == "text" and field.identifies:
            yield (
                ("columns", column.name),
                f"`{field.name}` identifies people ({self._where(field)}), and such fields are never stored",
            )

    def _where(self, field: RedcapField) -> str:
        return f"{self._dictionary.name}, line {field.line}"
