"""`ict-trial compare-scoring`: what another rule for the same questionnaire would change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.common import built_for, fail, protocol_of, with_workspace
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.study.instrument import Instrument
    from pipelines.warehouse.compare_scoring import Comparison


@click.command("compare-scoring")
@with_workspace()
@click.argument("first")
@click.argument("second")
@click.option("--paramcd", help="Only this parameter.")
@click.option("--unblinded", is_flag=True, help="All records, by arm, with the people who differ.")
@click.option("--snapshot", help="An earlier snapshot's id: its build is made again (default: the last build).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def compare_scoring(
    workspace: Workspace,
    first: str,
    second: str,
    paramcd: str | None,
    unblinded: bool,
    snapshot: str | None,
    as_json: bool,
) -> None:
    """Score the answers of the last build, or of a snapshot, by two rules of one instrument, side by side.

    A rule is an instrument's name (lsas_sr), a rival rule of it (lsas_sr@complete), or a file. Without --unblinded
    only records that the blinded database holds are compared, all arms together, and nobody is named.
    """
    from pipelines.warehouse.compare_scoring import SCORES
    from pipelines.warehouse.compare_scoring import compare_scoring as compare
    from pipelines.warehouse.errors import WarehouseError

    rules = _rule(workspace, first), _rule(workspace, second)
    built = built_for(workspace, snapshot, [SCORES])
    try:
        found = compare(built, protocol_of(workspace), rules, paramcd=paramcd, unblinded=unblinded)
    except WarehouseError as error:
        fail(str(error))
    sys.stdout.buffer.write(_as_json(found) if as_json else _as_text(found, first, second))


def _rule(workspace: Workspace, said: str) -> Instrument:
    from pipelines.study.instrument_file import find_instrument, known_instruments, load_instrument
    from pipelines.study.yaml_file import InvalidFileError

    path = Path(said) if said.endswith(".yaml") else find_instrument(workspace.root, *said.split("@", 1))
    if path is None or not path.is_file():
        rivals = ", ".join(known_instruments(rivals=True))
        fail(f"There is no instrument file {said}. Built in are {', '.join(known_instruments())}, and {rivals}.")
    try:
        return load_instrument(path)
    except InvalidFileError as error:
        fail(str(error))


def _as_json(found: Comparison) -> bytes:
    import json

    parts = {"parameters": found.parameters, "primary": found.primary, "people": found.people}
    whole = {name: [dict(zip(a.names, row, strict=True)) for row in a.rows] for name, a in parts.items()}
    return (json.dumps(whole, ensure_ascii=False, indent=1, default=str) + "\n").encode()


def _as_text(found: Comparison, first: str, second: str) -> bytes:
    from pipelines.warehouse.render import render

    parts = [f"a: {first}   b: {second}\n".encode(), render(found.parameters, "table")]
    if found.is_primary:
        parts += [b"\nThe primary outcome, people with a value by either rule\n", render(found.primary, "table")]
    else:
        parts.append(b"The primary outcome is not scored by this instrument.\n")
    if found.people.rows:
        parts += [b"\nRecords that differ\n", render(found.people, "table")]
    return b"".join(parts)
