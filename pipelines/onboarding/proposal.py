"""A mapping proposed for a file that nobody has mapped yet, with what is left for a person to decide."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pipelines.onboarding.days import find_shape
from pipelines.onboarding.forms import find_form, unlikely_answers
from pipelines.onboarding.names import find_codes, find_columns, plain
from pipelines.onboarding.sample import LABELLED_STATUS, Sample
from pipelines.study.dialect import DEFAULTS, PERSONAL
from pipelines.study.load import Protocol
from pipelines.study.redcap_dictionary import Dictionary
from pipelines.study.study import Site
from schemas.feeds import Feed
from schemas.feeds.feed import Column

_SIGNS = {
    "redcap": ("redcap_*", "*_complete", f"{LABELLED_STATUS}*"),
    "qualtrics": ("ResponseId", "RecordedDate", "StartDate"),
    "limesurvey": ("submitdate*", "lastpage*", "startlanguage*"),
    "moodle": ("Event context", "Event name", "Component"),
    "xapi": ("actor", "verb", "object"),
}
_ENOUGH = {"redcap": 1, "qualtrics": 2, "limesurvey": 2, "moodle": 2, "xapi": 3}
_EVENT, _GROUP = "redcap_event_name", "redcap_data_access_group"
OF_FORMS = ("instrument", "item", "value")  # in a wide file the columns' names say them
_DATED = ("date", "time", "time_or_date", "instant")
_YEARS = ("birth_year",)  # of which a file may hold the whole date
_TIME_WORDS = ("completed", "date", "timestamp", "time", "dt")


@dataclass
class Proposal:
    """`source` is a source as the study file writes it; `undecided` says, in words, what a person must look at."""

    source: dict[str, Any]
    undecided: list[str] = field(default_factory=list)


def propose(
    protocol: Protocol, site: Site, feed: Feed, sample: Sample, dictionary: Dictionary | None = None
) -> Proposal:
    """The likely mapping of `sample` to `feed`."""
    suffix = sample.file_name.partition(".")[2] or "csv"
    system = _system(sample)
    name = f"{system or 'own'}_{feed.name}"
    proposal = Proposal({"source": name, "files": f"*.{suffix}", "read": sample.read})
    if system:
        proposal.source["dialect"] = system
    if LABELLED_STATUS in sample.columns:
        proposal.source["dialect"] = {"name": "redcap", "export": "labels"}
        proposal.undecided.append(
            "whether the export can come as raw data: this one holds labels, which change with every wording (else put "
            "the project's data dictionary into dictionaries/ and name it under `dialect`; docs/mapping.md, REDCap)"
        )
    wide = feed.name == "questionnaires" and "item" not in find_columns(["item", "value"], sample.columns)
    columns = _columns(feed, sample, system, wide)
    _of_one_event(proposal, site, feed, sample, columns)
    proposal.source["columns"] = columns
    if wide:
        _forms(proposal, protocol, sample, columns)
    _dates(proposal, feed, sample, columns, site)
    _codes(proposal, protocol, feed, sample, columns, dictionary)
    _not_found(proposal, feed, DEFAULTS.get(system or "", {}).get("columns", {}), wide)
    return proposal


def _system(sample: Sample) -> str | None:
    """The system whose signs the columns bear."""
    for name, signs in _SIGNS.items():
        met = sum(any(fnmatchcase(column, sign) for column in sample.columns) for sign in signs)
        if met >= _ENOUGH[name]:
            return name
    return None


def _columns(feed: Feed, sample: Sample, system: str | None, wide: bool) -> dict[str, str]:
    usual = DEFAULTS.get(system or "", {}).get("columns", {})
    personal = PERSONAL.get(system or "", ())
    wanted = [
        c.name for c in feed.columns if c.name not in usual and not (wide and c.name in ("instrument", "item", "value"))
    ]
    free = [column for column in sample.columns if not any(fnmatchcase(column, sign) for sign in personal)]
    return find_columns(wanted, free)


def _of_one_event(proposal: Proposal, site: Site, feed: Feed, sample: Sample, columns: dict[str, str]) -> None:
    """REDCap: the event in which the feed's own cells are filled, and the site's data access group."""
    if _GROUP in sample.columns and (groups := sample.codes(_GROUP)):
        mine = [group for group in groups if plain(group) in (plain(site.site), plain(site.name))]
        proposal.source["site_column"] = {_GROUP: mine or groups}
        if not mine:
            proposal.undecided.append(f"which of the data access groups {', '.join(groups)} are this site's")
    if feed.name == "questionnaires" or _EVENT not in sample.columns:
        return
    events = sample.codes(_EVENT)
    own = [place for name, place in columns.items() if name != "subject_id"]
    proposal.source["only"] = {_EVENT: [sample.fullest(_EVENT, own) or ""]}
    proposal.undecided.append(f"in which of the events {', '.join(events)} the {feed.name} are recorded")
    columns.pop("visit", None)


def _forms(proposal: Proposal, protocol: Protocol, sample: Sample, columns: dict[str, str]) -> None:
    taken = set(columns.values())
    forms = []
    for name, instrument in protocol.instruments.items():
        items = find_form(instrument, sample, taken)
        if not items:
            proposal.undecided.append(f"where the items of {name} are, if this file has them")
            continue
        form: dict[str, Any] = {"instrument": name, "items": items}
        taken |= set(items.values())
        if when := _time_of(name, sample, taken):
            form["completed_at"] = when
        forms.append(form)
    if forms:
        proposal.source["forms"] = forms
    strange = unlikely_answers(protocol.instruments, forms, sample)
    if missing := [code for code in strange if float(code) < 0 or set(code) <= {"9"}]:
        proposal.source["missing"] = missing
    if strange:
        listed = ", ".join(strange)
        proposal.undecided.append(f"whether {listed}, which no item allows, stand for no answer (and why), or for NA")


def _time_of(instrument: str, sample: Sample, taken: set[str]) -> str | None:
    """A column that names the instrument and a time."""
    stem = re.sub(r"(sr|\d+)$", "", plain(instrument)) or plain(instrument)
    for column in sample.columns:
        said = plain(column)
        if column not in taken and stem in said and any(said.endswith(word) for word in _TIME_WORDS):
            return column
    return None


def _dates(proposal: Proposal, feed: Feed, sample: Sample, columns: dict[str, str], site: Site) -> None:
    shapes: dict[str, str] = {}
    for column in feed.columns:
        cells = [cell for place in _places(proposal, column, columns) for cell in sample.cells(place)]
        if column.kind not in _DATED and not (column.name in _YEARS and any("-" in c or "/" in c for c in cells)):
            continue
        shape, fitting = find_shape(cells) if cells else (None, [""])
        if not fitting:
            proposal.undecided.append(f"how {column.name} is written: its cells fit no format that is tried")
        elif len(fitting) > 1:
            shape = next((s for s in fitting if s.startswith("%m") == (site.country == "USA")), shape)
            proposal.undecided.append(f"whether {column.name} is written as {' or '.join(fitting[:3])}")
        if shape or (fitting and column.name in _YEARS):
            shapes[column.name] = shape or "%Y-%m-%d"
    if shapes:
        proposal.source["dates"] = shapes


def _places(proposal: Proposal, column: Column, columns: dict[str, str]) -> list[str]:
    """The file's columns that fill a feed's column of dates; a form may have its own."""
    own = [columns[column.name]] if column.name in columns else []
    if column.name != "completed_at":
        return own
    return own + [form["completed_at"] for form in proposal.source.get("forms", []) if "completed_at" in form]


def _codes(
    proposal: Proposal,
    protocol: Protocol,
    feed: Feed,
    sample: Sample,
    columns: dict[str, str],
    dictionary: Dictionary | None,
) -> None:
    values: dict[str, dict[str, str]] = {}
    for name, allowed in _allowed(protocol, feed).items():
        if name not in columns:
            continue
        labels = _labels(dictionary, columns[name])
        codes = list(dict.fromkeys([*sample.codes(columns[name]), *labels]))
        placed, left = find_codes(name, allowed, codes, labels)
        if name == "visit":
            placed, left = _visits(allowed, codes)
        changed = {code: hit for code, hit in placed.items() if code != hit}
        if changed:
            values[name] = changed
        if left or not codes:
            filled = "is in too many words to be codes" if sample.cells(columns[name]) else "is empty in this file"
            said = f"what {columns[name]} means by {', '.join(left)}" if left else f"{columns[name]}, which {filled}"
            proposal.undecided.append(f"{said}; {name} allows {', '.join(allowed)}")
    if values:
        proposal.source["values"] = values


def _allowed(protocol: Protocol, feed: Feed) -> dict[str, Iterable[str]]:
    """The codes that each column of codes may hold, the study's own among them."""
    from pipelines.validation.contract import study_codes

    own = study_codes(protocol)
    allowed: dict[str, Iterable[str]] = {
        column.name: own.get(column.name, column.codes) or ()
        for column in feed.columns
        if own.get(column.name, column.codes)
    }
    if feed.name == "questionnaires":
        allowed["visit"] = [*(visit.avisit for visit in protocol.study.visits), protocol.study.weekly.label]
    return allowed


def _labels(dictionary: Dictionary | None, column: str) -> dict[str, str]:
    found = dictionary.fields.get(column) if dictionary else None
    return found.choices if found else {}


def _visits(allowed: Iterable[str], codes: list[str]) -> tuple[dict[str, str], list[str]]:
    """Labels → visits: a visit's name without punctuation stands at the beginning of the label's."""
    placed = {}
    for code in codes:
        fitting = [visit for visit in allowed if re.match(rf"{plain(visit)}(?!\d)", plain(code))]
        if fitting:
            placed[code] = max(fitting, key=len)
    return placed, [code for code in codes if code not in placed]


def _not_found(proposal: Proposal, feed: Feed, usual: Iterable[str], wide: bool) -> None:
    made = {*proposal.source["columns"], *usual}
    if wide:
        made |= set(OF_FORMS)
        made |= {"completed_at"} if any("completed_at" in form for form in proposal.source.get("forms", [])) else set()
    lacking = [column for column in feed.columns if column.name not in made and not column.optional]
    for column in lacking:
        need = "the feed needs it" if column.required else "it may be left out"
        proposal.undecided.append(f"which column is {column.name} ({column.description}); {need}")
