"""What every command of `ict-trial` shares: its exit codes, its `--workspace`, and how it says that it cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from pipelines.workspace import Workspace

PUBLISHED, FAILED, USAGE, HELD_BACK, BUSY = 0, 1, 2, 3, 4
NAMED_BEFORE = "ict_trial.workspace"
Command = TypeVar("Command", bound=Callable[..., Any])


def fail(message: str, code: int = USAGE) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)


def with_workspace(must_exist: bool = True) -> Callable[[Command], Command]:
    """Give a command `--workspace`, and the Workspace as its argument."""

    def turn(context: click.Context, parameter: click.Parameter, folder: Path) -> Workspace:
        if context.get_parameter_source(parameter.name or "") is not ParameterSource.COMMANDLINE:
            folder = context.meta.get(NAMED_BEFORE, folder)
        workspace = Workspace(folder.absolute())
        if must_exist and not workspace.study_file.is_file():
            fail(f"{folder} has no study.yaml in it. `ict-trial init --workspace {folder}` makes a workspace")
        return workspace

    return click.option(
        "--workspace",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="ICT_TRIAL_WORKSPACE",
        default=Path("workspace"),
        show_default=True,
        callback=turn,
        help="The trial's folder; also $ICT_TRIAL_WORKSPACE.",
    )


def workspace_before(command: Command) -> Command:
    """Let a group of commands take `--workspace` before the command's name as well as after it."""

    def keep(context: click.Context, _parameter: click.Parameter, folder: Path | None) -> None:
        if folder is not None:
            context.meta[NAMED_BEFORE] = folder

    named = click.option(
        "--workspace",
        type=click.Path(path_type=Path, file_okay=False),
        callback=keep,
        expose_value=False,
        help="The trial's folder; may stand after the command too.",
    )
    return named(command)


def protocol_of(workspace: Workspace) -> Any:
    """The workspace's protocol; a study file with mistakes ends the command, naming their lines."""
    from pipelines.study.yaml_file import InvalidFileError

    try:
        return workspace.protocol()
    except InvalidFileError as error:
        fail(str(error))


def deployment_of(workspace: Workspace) -> Any:
    """The workspace's settings; a file with mistakes ends the command, naming their lines."""
    from pipelines.study.yaml_file import InvalidFileError

    try:
        return workspace.deployment()
    except InvalidFileError as error:
        fail(str(error))


def built_for(workspace: Workspace, snapshot: str | None, tables: Iterable[str]) -> Workspace:
    """The workspace with its last build, or, of a snapshot, with that snapshot's build made once more."""
    if snapshot is None:
        return workspace
    from pipelines.data_cut import CutError, data_cut

    try:
        return data_cut(workspace, protocol_of(workspace), snapshot, tables)
    except CutError as error:
        fail(str(error))
