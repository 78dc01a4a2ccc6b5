"""Study and instrument files on disk → models, with what does not fit together named by its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from pipelines.study.check import limit_names
from pipelines.study.dictionary_check import dictionary_complaints, read_dictionaries
from pipelines.study.engagement import engagement_complaints
from pipelines.study.epoch_check import epoch_complaints
from pipelines.study.instrument import Instrument, Score
from pipelines.study.instrument_file import InstrumentReading
from pipelines.study.intercurrent import event_complaints
from pipelines.study.mapping_check import mapping_complaints
from pipelines.study.outcome_check import outcome_complaints
from pipelines.study.query_rule import load_query_rules
from pipelines.study.redcap_dictionary import Dictionary
from pipelines.study.study import Schedule, Study
from pipelines.study.value_set import ValueSet
from pipelines.study.yaml_file import Complaint, InvalidFileError, Place, read_yaml

SCHEMAS = Path(__file__).parents[2] / "schemas"
_held: dict[Path, Protocol] = {}


@dataclass(frozen=True)
class Protocol:
    """A study file together with the instruments and the data dictionaries it uses, checked against each other.

    `digest` covers every byte that was read: the same digest means the same protocol. `value_sets`, by instrument
    and country (or `any`): what profiles are worth.
    """

    study: Study
    instruments: dict[str, Instrument]
    digest: str
    value_sets: dict[str, dict[str, ValueSet]] = field(default_factory=dict)
    dictionaries: dict[str, Dictionary] = field(default_factory=dict)

    @cached_property
    def scores(self) -> list[tuple[Instrument, Score]]:
        """Every parameter with its instrument, in the order of the files; an index only where there is a value set."""
        return [
            (instrument, score)
            for name, instrument in self.instruments.items()
            for score in instrument.scores
            if score.method != "value_set" or self.value_sets.get(name)
        ]


def built_in_studies() -> dict[str, Path]:
    """The study files that come with the package, by name."""
    return {path.stem: path for path in sorted((SCHEMAS / "studies").glob("*.yaml"))}


@contextmanager
def by_one_protocol(path: Path, protocol: Protocol) -> Iterator[None]:
    """Within the block the study file at `path` is what it was when it was read, whatever becomes of it meanwhile."""
    _held[path] = protocol
    try:
        yield
    finally:
        del _held[path]


def load_protocol(path: Path) -> Protocol:
    """Read a study file, its instruments (beside it in `instruments/`, else the built-in ones) and the data
    dictionaries of its REDCap projects (beside it in `dictionaries/`).

    Raises InvalidFileError with every problem found, by file and line.
    """
    return _held[path] if path in _held else _load(path)


def _load(path: Path) -> Protocol:
    file = read_yaml(path)
    study = file.into(Study)
    reading = InstrumentReading(file, sha256(path.read_bytes()))
    for i, schedule in enumerate(study.instruments):
        reading.read(i, schedule)
    dictionaries, unread = read_dictionaries(file, study)
    for name in sorted(dictionaries):
        reading.digest.update(dictionaries[name].digest.encode())
    problems = [*reading.problems, *unread]
    if not problems:
        problems = [file.problem(*c) for c in _complaints(study, reading.instruments)]
        problems += [file.problem(*c) for c in dictionary_complaints(study, reading.instruments, dictionaries)]
    if problems:
        raise InvalidFileError(problems)
    return Protocol(study, reading.instruments, reading.digest.hexdigest(), reading.value_sets, dictionaries)


def _complaints(study: Study, instruments: dict[str, Instrument]) -> Iterator[Complaint]:
    yield from _repeated(study)
    yield from _visits(study)
    yield from _schedules(study)
    yield from _items(study, instruments)
    yield from epoch_complaints(study)
    yield from outcome_complaints(study, instruments)
    yield from _parameters(study, instruments)
    yield from _modules(study)
    yield from _populations(study)
    yield from _sources(study, instruments)
    yield from mapping_complaints(study, instruments)
    yield from event_complaints(study.intercurrent_events, study.site_by_id, study.discontinuation_reasons)
    yield from engagement_complaints(study.engagement)
    yield from _limits(study)
    yield from _query_rules(study)


def _repeated(study: Study) -> Iterator[Complaint]:
    """Names that must be unique but are not."""
    lists: dict[tuple[str, str], list[str]] = {
        ("sites", "site"): [s.site for s in study.sites],
        ("arms", "arm"): [a.arm for a in study.arms],
        ("visits", "avisit"): [v.avisit for v in study.visits],
        ("visits", "avisitn"): [str(v.avisitn) for v in study.visits],
        ("instruments", "instrument"): [s.instrument for s in study.instruments],
        ("modules", "module"): [m.module for m in study.modules],
    }
    for (key, part), names in lists.items():
        for i, name in enumerate(names):
            if name in names[:i]:
                yield (key, i, part), f"{part} `{name}` is listed {names.count(name)} times under `{key}`"


def _visits(study: Study) -> Iterator[Complaint]:
    arms = [arm.arm for arm in study.arms]
    for i, visit in enumerate(study.visits):
        for arm in visit.arms or []:
            if arm not in arms:
                yield ("visits", i, "arms"), f"{visit.avisit}: no arm `{arm}`; there are {', '.join(arms)}"
        for other in study.visits[:i]:
            apart = visit.window[0] > other.window[1] or visit.window[1] < other.window[0]
            share = set(visit.arms or arms) & set(other.arms or arms) or not arms
            share = share and study.epoch_number(visit) == study.epoch_number(other)
            if share and not apart:
                yield ("visits", i, "window"), f"the windows of {other.avisit} and {visit.avisit} overlap"


def _schedules(study: Study) -> Iterator[Complaint]:
    visits = [visit.avisit for visit in study.visits]
    for i, schedule in enumerate(study.instruments):
        for avisit in schedule.visits:
            if avisit not in visits:
                yield ("instruments", i, "visits"), f"no visit `{avisit}`; there are {', '.join(visits)}"
        yield from _dates(("instruments", i), schedule)
    if study.reference_date == "randomisation" and not study.arms:
        yield ("reference_date",), "a study without arms has no randomisation; say `reference_date: consent`"


def _dates(place: Place, schedule: Schedule) -> Iterator[Complaint]:
    """Dates since which something is asked that never is."""
    known = [*schedule.visits, *(["weekly"] if schedule.weekly else [])]
    for when in schedule.since if isinstance(schedule.since, dict) else ():
        if when not in known:
            yield (
                (*place, "since", when),
                f"{schedule.instrument} is not asked at `{when}`; it is at {', '.join(known)}",
            )


def _parameters(study: Study, instruments: dict[str, Instrument]) -> Iterator[Complaint]:
    """Parameters that two instruments both define."""
    owner: dict[str, str] = {}
    for i, schedule in enumerate(study.instruments):
        for score in instruments[schedule.instrument].scores:
            first = owner.setdefault(score.paramcd, schedule.instrument)
            if first != schedule.instrument:
                yield (
                    ("instruments", i, "instrument"),
                    f"{score.paramcd} is a parameter of {first} and of {schedule.instrument}; rename it in one of them",
                )


def _items(study: Study, instruments: dict[str, Instrument]) -> Iterator[Complaint]:
    for i, schedule in enumerate(study.instruments):
        known = instruments[schedule.instrument].ranges
        for item in schedule.items_since:
            if item not in known:
                yield (
                    ("instruments", i, "items_since", item),
                    f"{schedule.instrument} has no item `{item}`; it has {', '.join(known)}",
                )


def _modules(study: Study) -> Iterator[Complaint]:
    with_access = [arm.arm for arm in study.arms if arm.programme_access]
    for i, module in enumerate(study.modules):
        for arm in module.arms or []:
            if arm not in with_access:
                there = ", ".join(with_access) or "none"
                yield ("modules", i, "arms"), f"{module.module}: no arm `{arm}` with the programme; there are {there}"


def _populations(study: Study) -> Iterator[Complaint]:
    core = sum(module.kind == "core" for module in study.modules)
    for name, condition in study.populations:
        if condition.core_modules_completed > core:
            yield (
                ("populations", name, "core_modules_completed"),
                f"{name} asks for {condition.core_modules_completed} core modules, but `modules` lists {core} of "
                "kind core; nobody could belong to it",
            )


def _sources(study: Study, instruments: dict[str, Instrument]) -> Iterator[Complaint]:
    for s, site in enumerate(study.sites):
        for feed, sources in site.feeds.items():
            for i, source in enumerate(sources):
                place: Place = ("sites", s, "feeds", feed, i)
                if source.source in {other.source for other in sources[:i]} | {"house"}:
                    yield (
                        (*place, "source"),
                        f"`{source.source}` is taken; a stream's name is unique within its feed",
                    )
                if source.forms and feed != "questionnaires":
                    yield (*place, "forms"), "only questionnaires have forms"
                yield from ((p, m) for p, m in _forms(place, source.forms, instruments))


def _forms(place: Place, forms: Iterable[object], instruments: dict[str, Instrument]) -> Iterator[Complaint]:
    for f, form in enumerate(forms):
        name = getattr(form, "instrument", "")
        if name not in instruments:
            yield (
                (*place, "forms", f, "instrument"),
                f"no instrument `{name}`; there are {', '.join(instruments)}",
            )


def _limits(study: Study) -> Iterator[Complaint]:
    for name in study.quality:
        if name not in limit_names():
            yield ("quality", name), f"there is no check `{name}`; there are {', '.join(limit_names())}"


def _query_rules(study: Study) -> Iterator[Complaint]:
    rules = load_query_rules()
    for name, choice in study.queries.items():
        if name not in rules:
            yield ("queries", name), f"there is no rule `{name}`; there are {', '.join(rules)}"
        elif choice.days is not None and rules[name].days is None:
            yield ("queries", name, "days"), f"the rule `{name}` has no limit of days"
