"""README.md and docs/ speak of commands, options, files and tables that exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pipelines.cli import cli
from pipelines.warehouse.graph import load_graph

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "sql" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Not the name space of kubectl.
COMMAND = re.compile(r"(?<!-n )(?<!generic )\bict-trial ([a-z][a-z-]*)([^`\n]*)")
OF_THE_PROJECT = re.compile(r"`((?:docs|schemas|sql|pipelines|tests)/[\w./-]*)`")
TABLE = re.compile(r"`((?:core|engagement|outcome|analysis|quality|safety|meta)\.[a-z_]+)`")
NOT_SQL = {"meta.snapshot", "meta.table_dictionary", "meta.column_dictionary"}


def command_named(words: list[str]) -> tuple[click.Command, int]:
    """The command that the first words name, and how many they are."""
    command: click.Command = cli
    for depth, word in enumerate(words):
        if not isinstance(command, click.Group) or word not in command.list_commands(click.Context(command)):
            return command, depth
        command = command.get_command(click.Context(command), word) or command
    return command, len(words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_options_exist(document: Path) -> None:
    for first, rest in COMMAND.findall(document.read_text(encoding="utf-8")):
        command, depth = command_named([first, *re.findall(r"^\s+([a-z][a-z-]*)", rest)])
        assert depth > 0, f"{document.name}: ict-trial {first}"
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<!\w)--[a-z][a-z-]*", rest)) <= known, f"{document.name}: ict-trial {first}{rest}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_exist(document: Path) -> None:
    named = OF_THE_PROJECT.findall(document.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tables_exist(document: Path) -> None:
    known = set(load_graph().dictionary) | NOT_SQL
    assert {table for table in TABLE.findall(document.read_text(encoding="utf-8"))} <= known
