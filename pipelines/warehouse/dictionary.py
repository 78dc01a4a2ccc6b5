"""The table dictionary, `schemas/tables/<layer>/<table>.yaml`: what each table and column means, and who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pipelines.study.load import SCHEMAS
from pipelines.study.source import Blinding
from pipelines.study.strict import Strict
from pipelines.study.yaml_file import InvalidFileError, Place, Problem, read_yaml

TABLES = SCHEMAS / "tables"

# A layer reads only those before it; `outcome` and `engagement` stand side by side, and so do `analysis` and
# `safety`: no judgement about quality can hold an alert back.
LAYERS = {
    "study": 0,
    "input": 0,
    "core": 1,
    "outcome": 2,
    "engagement": 2,
    "analysis": 3,
    "safety": 3,
    "quality": 4,
    "meta": 5,
}

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Type = Literal["VARCHAR", "DOUBLE", "BIGINT", "DATE", "TIMESTAMPTZ", "BOOLEAN"]
Dictionary = dict[str, "Table"]


class Column(Strict):
    """One column. `label` fits SAS. `volatile` ones differ between machines and stay outside the digest."""

    type: Type
    label: str = Field(min_length=1, max_length=40)
    description: str
    blinding: Blinding
    unit: str | None = None
    codes: dict[str, str] = Field(default_factory=dict)
    volatile: bool = False


class Mask(Strict):
    """`columns` stand in the blinded file only in rows for which the SQL predicate `holds`."""

    columns: list[str] = Field(min_length=1)
    holds: str


class Table(Strict):
    """One table, the columns in their order.

    `person`: the columns that say whose a row is: `usubjid`, `subject_no`, or those of the site and its own number.
    `by_person`: a row depends, of the tables that say whose their rows are, on rows of the same person alone.
    `keep_when`: SQL predicate over the rows that the blinded file may hold.
    `baseline_when`: SQL predicate over the rows whose outcomes stay where nobody may see outcomes.
    """

    table: str = Field(pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$")
    description: str
    key: list[str] = Field(min_length=1)
    published: bool
    materialise: Literal["table", "view"]
    blinding: Blinding
    keep_when: str | None = None
    baseline_when: str | None = None
    mask: Mask | None = None
    person: list[str] = Field(default_factory=list, max_length=2)
    by_person: bool = False
    columns: dict[Name, Column] = Field(min_length=1)

    @property
    def layer(self) -> str:
        return self.table.split(".")[0]

    @property
    def types(self) -> dict[str, str]:
        """Column → type, in the table's order."""
        return {name: column.type for name, column in self.columns.items()}


def load_dictionary(folder: Path = TABLES) -> Dictionary:
    """Every table of the dictionary by name, in the order of layers, then names.

    Raises InvalidFileError with every problem found, by file and line.
    """
    return _load_dictionary(folder, state_of(folder, "*.yaml"))


State = tuple[tuple[str, int, int], ...]


def state_of(folder: Path, pattern: str) -> State:
    """What tells that the files of a layered folder changed, so that they are read once a process."""
    found = ((path, path.stat()) for path in sorted(folder.glob(f"*/{pattern}")))
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in found)


@lru_cache(maxsize=4)
def _load_dictionary(folder: Path, _state: State) -> Dictionary:
    tables: list[Table] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*/*.yaml")):
        try:
            tables.append(load_table(path))
        except InvalidFileError as error:
            problems += error.problems
    if problems:
        raise InvalidFileError(problems)
    return {table.table: table for table in sorted(tables, key=lambda t: (LAYERS[t.layer], t.table))}


def load_table(path: Path) -> Table:
    """Read one dictionary file. Raises InvalidFileError."""
    file = read_yaml(path)
    table = file.into(Table)
    problems = [file.problem(place, message) for place, message in _complaints(table, path)]
    if problems:
        raise InvalidFileError(problems)
    return table


def _complaints(table: Table, path: Path) -> Iterator[tuple[Place, str]]:
    if table.layer not in LAYERS:
        yield ("table",), f"no layer `{table.layer}`; there are {', '.join(LAYERS)}"
    expected = f"{path.parent.name}.{path.stem}"
    if table.table != expected:
        yield ("table",), f"the file's place says {expected}, so must `table`; found {table.table}"
    for i, name in enumerate(table.key):
        if name not in table.columns:
            yield ("key", i), f"the key names `{name}`, which is no column of {table.table}"
    for i, name in enumerate(table.mask.columns if table.mask else []):
        if name not in table.columns:
            yield ("mask", "columns", i), f"the mask names `{name}`, which is no column of {table.table}"
    if len(set(table.key)) < len(table.key):
        yield ("key",), "the key names a column twice"
    yield from _complaints_about_people(table)


def _complaints_about_people(table: Table) -> Iterator[tuple[Place, str]]:
    for i, name in enumerate(table.person):
        if name not in table.columns:
            yield ("person", i), f"`person` names `{name}`, which is no column of {table.table}"
    if len(table.person) == 1 and table.person[0] not in ("usubjid", "subject_no"):
        yield ("person",), "say `[usubjid]`, `[subject_no]`, or the columns of the site and of its own number"
    if not table.by_person and table.person == ["subject_no"]:
        yield ("person",), "a number may go to another person: only where `by_person` holds can rows be known by it"
    if table.by_person and not table.person:
        yield ("by_person",), "`person` has to say whose a row is"
