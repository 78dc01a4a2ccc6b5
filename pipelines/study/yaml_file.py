"""YAML files that people write, read into typed models; every complaint names the line.

YAML 1.2 throughout (`no` is a word, not a boolean) and a key given twice is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where it is and what is allowed there."""

    file: Path
    line: int | None
    message: str

    def __str__(self) -> str:
        place = f"{self.file.name}, line {self.line}" if self.line else self.file.name
        return f"{place}: {self.message}"


class InvalidFileError(Exception):
    """A file that people write does not say what it must; `problems` lists why, by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class YamlFile:
    """The parsed text of one YAML file, still knowing the line of every key."""

    path: Path
    tree: Any

    def line_of(self, place: Place) -> int | None:
        """The 1-based line of the deepest part of `place` that stands in the file."""
        node, line = self.tree, 1
        for key in place:
            if isinstance(node, CommentedMap) and key in node:
                line = node.lc.key(key)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(key, int) and key < len(node):
                line = node.lc.item(key)[0] + 1
            else:
                continue  # a step that pydantic added (the chosen member of a union) or a missing key
            node = node[key]
        return line

    def problem(self, place: Place, message: str) -> Problem:
        return Problem(self.path, self.line_of(place), message)

    def into(self, model: type[Model]) -> Model:
        """The file as `model`. Raises InvalidFileError with one problem for each complaint."""
        try:
            return model.model_validate(self.tree)
        except ValidationError as error:
            problems = [self.problem(e["loc"], _in_words(dict(e))) for e in error.errors()]
            raise InvalidFileError(problems) from None


def read_yaml(path: Path) -> YamlFile:
    """Parse a YAML file. Raises InvalidFileError when it is absent, not UTF-8 or not YAML."""
    try:
        tree = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidFileError([Problem(path, None, f"cannot be read: {reason}")]) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        said = (error.problem or "it is not YAML").splitlines()[0]
        raise InvalidFileError([Problem(path, line, said)]) from None
    except YAMLError:
        raise InvalidFileError([Problem(path, None, "it is not YAML")]) from None
    if not isinstance(tree, CommentedMap):
        raise InvalidFileError([Problem(path, 1, "expected `key: value` lines, found none")])
    return YamlFile(path, tree)


def _in_words(error: dict[str, Any]) -> str:
    """A pydantic complaint in a sentence that says what stands there and what is allowed."""
    name = ".".join(str(step) for step in error["loc"])
    found, context = error.get("input"), error.get("ctx", {})
    if error["type"] == "missing":
        return f"`{name}` is required and missing"
    if error["type"] == "extra_forbidden":
        return f"`{name}` is not a key that is known here; remove it or correct its spelling"
    if error["type"] in ("value_error", "assertion_error"):
        return str(context.get("error", error["msg"]))
    if error["type"].startswith("union_tag"):  # which member of a union is meant, such as `format` in `read`
        expected, found = context.get("expected_tags", "it to say what it is"), context.get("tag")
        return f"`{name}.{context['discriminator'].strip(chr(39))}`: expected {expected}, found {found!r}"
    expected = context.get("expected")
    allowed = f"expected {expected}" if expected else str(error["msg"]).removeprefix("Input ")
    shown = f", found {found!r}" if isinstance(found, str | int | float | bool | None) else ""
    return f"`{name}`: {allowed}{shown}"
