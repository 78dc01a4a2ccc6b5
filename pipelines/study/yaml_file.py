"""YAML files that people write, read into typed models; every complaint names the line.

YAML 1.2 throughout (`no` is a word, not a boolean) and a key given twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipelines.study.plain_yaml import UnsureError, load_plainly
from pipelines.study.words import in_words

_TWICE = re.compile('found duplicate key "([^"]*)"')  # and then the library quotes all that stands under both
Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]
Complaint = tuple[Place, str]


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where it is and what is allowed there."""

    file: Path
    line: int | None
    message: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else str(self.file)
        return f"{place}: {self.message}"


class InvalidFileError(Exception):
    """A file that people write does not say what it must; `problems` lists why, by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(dict.fromkeys(problems))  # what stands behind an anchor is read once an alias
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class YamlFile:
    """The parsed text of one YAML file, still knowing the line of every key."""

    path: Path
    text: str
    plain: Any = None

    @cached_property
    def tree(self) -> Any:
        """The text with the line of every key. Raises InvalidFileError."""
        return _parsed(self.path, self.text)

    def line_of(self, place: Place) -> int | None:
        """The 1-based line of the deepest part of `place` that stands in the file."""
        return self._stop(place).line

    def _stop(self, place: Place) -> Stop:
        node, inside, line, standing = self.tree, self.tree, 1, []
        for step in place:
            key = _key_in(node, step)
            if key is None:
                continue
            # A key that a merge (`<<`) brought has no line of its own here.
            position = (node.lc.data or {}).get(key)
            line = position[0] + 1 if position else line
            standing.append(step)
            node = node[key]
            inside = node if isinstance(node, CommentedMap | CommentedSeq) else inside
        return Stop(tuple(standing), line, id(inside))

    def problem(self, place: Place, message: str) -> Problem:
        return Problem(self.path, self.line_of(place), message)

    def into(self, model: type[Model]) -> Model:
        """The file as `model`. Raises InvalidFileError with one problem for each complaint."""
        try:
            return model.model_validate(self.tree if self.plain is None else self.plain)
        except ValidationError as error:
            raise InvalidFileError(self._problems(error)) from None

    def _problems(self, error: ValidationError) -> list[Problem]:
        """Of several readings of a part that were tried, the one that got furthest says what is wrong. What stands
        behind an anchor is named once, not for every alias."""
        errors: list[dict[str, Any]] = [dict(e) for e in error.errors()]
        stops = [self._stop(e["loc"]) for e in errors]
        found: dict[object, Problem] = {}
        for e, stop in zip(errors, stops, strict=True):
            missing = e["type"] == "missing"
            of_its_own = missing or e["loc"][-1:] == ("[key]",)
            if of_its_own or not any(stop.is_above(other) for other in stops):
                place = (*stop.standing, e["loc"][-1]) if missing else stop.standing
                problem = Problem(self.path, stop.line, in_words(e, place))
                found.setdefault((stop.inside, place[-1:], e["type"], e["msg"]), problem)
        return list(found.values())


@dataclass(frozen=True)
class Stop:
    """How far a place can be followed in a file: the steps that stand there (not those that pydantic added, such
    as the chosen member of a union, nor missing keys), the line of the last, and which mapping or list it is in."""

    standing: Place
    line: int
    inside: int

    def is_above(self, other: Stop) -> bool:
        length = len(self.standing)
        return len(other.standing) > length and other.standing[:length] == self.standing


def _key_in(node: Any, step: str | int) -> Any:
    """The node's own key for a step of a place (numbers may be keys, and are read as text), or None."""
    if isinstance(node, CommentedMap):
        return step if step in node else next((key for key in node if str(key) == step), None)
    if isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
        return step
    return None


def read_yaml(path: Path) -> YamlFile:
    """Parse a YAML file. Raises InvalidFileError when it is absent, not UTF-8 or not YAML.

    What nobody can misread is read the fast way; the rest, and the lines of a file with mistakes, the thorough way.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidFileError([Problem(path, None, f"cannot be read: {reason}")]) from None
    try:
        return YamlFile(path, text, load_plainly(text))
    except UnsureError:
        file = YamlFile(path, text)
        file.tree  # noqa: B018 (read now, so that mistakes show)
        return file


def _impossible_days(path: Path, text: str) -> Iterator[Problem]:
    """Where a file says 2026-02-30."""
    for number, line in enumerate(text.splitlines(), start=1):
        for found in re.finditer(r"\b([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\b", line):
            try:
                date(*(int(part) for part in found.groups()))
            except ValueError:
                yield Problem(path, number, f"there is no such day as {found[0]}")


def _parsed(path: Path, text: str) -> CommentedMap:
    try:
        tree = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        said = (error.problem or "it is not YAML").splitlines()[0]
        if twice := _TWICE.match(said):
            said = f"duplicate key `{twice[1]}`: put what belongs under it together, or take one of them out"
        raise InvalidFileError([Problem(path, line, said)]) from None
    except YAMLError:
        raise InvalidFileError([Problem(path, None, "it is not YAML")]) from None
    except ValueError:  # of the library's own making: it looks like a date and is none
        unknown = Problem(path, None, "it holds a date or a time that does not exist")
        raise InvalidFileError(list(_impossible_days(path, text)) or [unknown]) from None
    if not isinstance(tree, CommentedMap):
        raise InvalidFileError([Problem(path, 1, "expected `key: value` lines, found none")])
    return tree
