"""Codes of a mapping that contradict each other, or that an instrument knows as answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from unicodedata import normalize

from pipelines.study.instrument import Instrument
from pipelines.study.source import Source
from pipelines.study.yaml_file import Complaint


def code_complaints(source: Source, instruments: Mapping[str, Instrument]) -> Iterator[Complaint]:
    """What is wrong with `values` and the codes for missing, each with its place below the source."""
    yield from _alike(source)
    yield from _numbers(source)
    yield from _missing_and_mapped(source)
    yield from _missing_answers(source, instruments)
    yield from _unknown_items(source, instruments)


def _plain(code: str) -> str:
    return normalize("NFKC", code).strip()


def _alike(source: Source) -> Iterator[Complaint]:
    """Codes that differ in the width of their letters alone: in a file they are the same."""
    for name, values in source.values.items():
        first: dict[str, str] = {}
        for code, target in values.items():
            other = first.setdefault(_plain(code), code)
            if values[other] != target:
                yield (
                    ("values", name, code),
                    f"`{code}` and `{other}` are one code, for full-width and plain letters and digits are read alike, "
                    f"but they are mapped to `{target}` and `{values[other]}`; keep one of them",
                )


def _numbers(source: Source) -> Iterator[Complaint]:
    for name, values in source.values.items():
        for code, target in values.items():
            if "{n}" in target and "{n}" not in code:
                yield ("values", name, code), f"`{code}: {target}`: `{{n}}` must stand on the left side too"
            if code.count("{n}") > 1:
                yield ("values", name, code), f"`{code}`: `{{n}}` may stand there once"


def _missing_and_mapped(source: Source) -> Iterator[Complaint]:
    for name, values in source.values.items():
        everywhere = [] if name == "subject_id" else source.missing
        missing = {_plain(code) for code in (*everywhere, *source.missing_in.get(name, ()))}
        for code, target in values.items():
            if _plain(code) in missing:
                yield (
                    ("values", name, code),
                    f"`{code}` stands for missing and for `{target}`; take it out of `missing` or out of `values`",
                )


def _missing_answers(source: Source, instruments: Mapping[str, Instrument]) -> Iterator[Complaint]:
    """Codes for missing that are answers of an item they would be looked for in."""
    everywhere = {
        **dict.fromkeys(source.missing, "missing"),
        **dict.fromkeys(source.missing_in.get("value", ()), "missing_in"),
    }
    codes = source.values.get("value", {})
    for f, form in enumerate(source.forms):
        if form.instrument not in instruments:
            continue
        instrument = instruments[form.instrument]
        for code, key in {**everywhere, **dict.fromkeys(form.missing, "forms")}.items():
            items = [item for _, item, _ in form.columns_of(instrument.ranges) if _answers(code, item, instrument)]
            if items and _plain(code) not in {_plain(mapped) for mapped in codes}:
                place = ("forms", f, "missing") if key == "forms" else (key,)
                low, high = instrument.ranges[items[0]]
                yield (
                    place,
                    f"`{code}` is declared missing, but it is an answer of {form.instrument} ({items[0]}: {low} to "
                    f"{high}{', NA' if items[0] in instrument.may_be_not_applicable else ''}); no such answer would "
                    "ever be counted",
                )


def _answers(code: str, item: str, instrument: Instrument) -> bool:
    low, high = instrument.ranges[item]
    if re.fullmatch(r"[0-9]+", code):
        return int(code) in instrument.listed_values.get(item, range(low, high + 1))
    return code == "NA" and item in instrument.may_be_not_applicable


def _unknown_items(source: Source, instruments: Mapping[str, Instrument]) -> Iterator[Complaint]:
    """Of a file with one answer a row: codes mapped to items that no instrument of the source has."""
    named = {source.constants.get("instrument", "")} | set(source.values.get("instrument", {}).values())
    known = [instruments[name] for name in sorted(named) if name in instruments] or list(instruments.values())
    for code, target in source.values.get("item", {}).items():
        if not _is_item(target, (item for instrument in known for item in instrument.ranges)):
            names = ", ".join(instrument.instrument for instrument in known)
            yield (
                ("values", "item", code),
                f"`{target}` is no item of {names}; use the item names of the instrument file",
            )


def _is_item(target: str, items: Iterable[str]) -> bool:
    shape = re.compile(re.escape(target).replace(r"\{n\}", "[0-9]+"))
    return any(shape.fullmatch(item) for item in items)
