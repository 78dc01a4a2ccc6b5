"""Instrument files, rival rules and value sets on disk: where they are found, and how a study file's are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.study.instrument import Instrument
from pipelines.study.instrument_check import complaints
from pipelines.study.study import Schedule
from pipelines.study.value_set import ValueSet, load_value_set
from pipelines.study.yaml_file import InvalidFileError, Place, Problem, YamlFile, read_yaml

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

INSTRUMENTS = Path(__file__).parents[2] / "schemas" / "instruments"


def load_instrument(path: Path) -> Instrument:
    """Read one instrument file. Raises InvalidFileError."""
    file: YamlFile = read_yaml(path)
    instrument = file.into(Instrument)
    problems = [file.problem(place, message) for place, message in complaints(instrument)]
    name, _, version = path.stem.partition("@")
    if instrument.instrument != name:
        problems.append(file.problem(("instrument",), f"the file is called {name}, so must the instrument be"))
    if version and instrument.version != version:
        problems.append(file.problem(("version",), f"the file is called {path.stem}, so its version must be {version}"))
    if problems:
        raise InvalidFileError(problems)
    return instrument


def find_instrument(beside: Path, name: str, version: str | None = None) -> Path | None:
    """The file of an instrument: in `instruments/` of the folder `beside`, else the built-in one."""
    stem = name if version is None else f"{name}@{version}"
    candidates = (beside / "instruments" / f"{stem}.yaml", INSTRUMENTS / f"{stem}.yaml")
    return next((path for path in candidates if path.is_file()), None)


def known_instruments(*, rivals: bool = False) -> list[str]:
    """The names of the built-in instruments, or of the rival rules among them."""
    return sorted(path.stem for path in INSTRUMENTS.glob("*.yaml") if ("@" in path.stem) == rivals)


@dataclass
class InstrumentReading:
    """What the reading of a study file's instruments has found so far; `digest` covers every byte that was read."""

    file: YamlFile
    digest: Hash
    instruments: dict[str, Instrument] = field(default_factory=dict)
    value_sets: dict[str, dict[str, ValueSet]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self, i: int, schedule: Schedule) -> None:
        place: Place = ("instruments", i)
        source = find_instrument(self.file.path.parent, schedule.instrument, schedule.version)
        if source is None:
            key, name = ("version", f"{schedule.instrument}@{schedule.version}")
            if schedule.version is None:
                key, name = "instrument", schedule.instrument
            known = ", ".join(known_instruments(rivals=schedule.version is not None))
            self.complain((*place, key), f"there is no instrument file `{name}`; there are {known}")
            return
        self.digest.update(source.read_bytes())
        try:
            instrument = load_instrument(source)
        except InvalidFileError as error:
            self.problems += error.problems
            return
        if not instrument.scores:
            self.complain(
                (*place, "instrument"),
                f"nobody has read yet how `{instrument.instrument}` is scored; put its items and scores into "
                f"instruments/{instrument.instrument}.yaml beside the study file",
            )
        self.instruments[instrument.instrument] = instrument
        self._read_value_sets(place, schedule, instrument)

    def _read_value_sets(self, place: Place, schedule: Schedule, instrument: Instrument) -> None:
        valued = [score for score in instrument.scores if score.method == "value_set"]
        if schedule.value_sets and not valued:
            self.complain((*place, "value_sets"), f"{schedule.instrument} has no score that needs a value set")
            return
        for country, name in schedule.value_sets.items():
            path = self.file.path.parent / "instruments" / name
            if not path.is_file():
                self.complain((*place, "value_sets", country), f"there is no file instruments/{name}")
                continue
            self.digest.update(path.read_bytes())
            try:
                self.value_sets.setdefault(schedule.instrument, {})[country] = load_value_set(
                    path, instrument, valued[0]
                )
            except InvalidFileError as error:
                self.problems += error.problems

    def complain(self, place: Place, message: str) -> None:
        self.problems.append(self.file.problem(place, message))
