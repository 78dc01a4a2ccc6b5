"""`ict-trial trace`: a derived value back to the lines of the files it came from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pipelines.commands.common import built_for, fail, with_workspace
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.warehouse.trace import Step, Trace


@click.command("trace")
@with_workspace()
@click.argument("table")
@click.argument("row", nargs=-1, required=True, metavar="COLUMN=VALUE…")
@click.option("--column", help="The value to trace (default: aval).")
@click.option("--snapshot", help="An earlier snapshot's id: its build is made again (default: the current one).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def trace(
    workspace: Workspace, table: str, row: tuple[str, ...], column: str | None, snapshot: str | None, as_json: bool
) -> None:
    """Walk a derived value back to deliveries, files and rows (unblinded: it shows what the build holds).

    For example: ict-trial trace analysis.adqs usubjid=ict_sad-oxford-OX-001 paramcd=PHQ9 "avisit=WEEK 8"
    """
    from pipelines.warehouse.trace import TraceError
    from pipelines.warehouse.trace import trace as walk_back

    unclear = [word for word in row if "=" not in word]
    if unclear:
        fail(f"`{unclear[0]}` is not COLUMN=VALUE; for example: usubjid=ict_sad-oxford-OX-001")
    known = dict(word.split("=", 1) for word in row)
    try:
        found = walk_back(built_for(workspace, snapshot, [table]), table, known, column, snapshot)
    except TraceError as error:
        fail(str(error))
    sys.stdout.buffer.write(_as_json(found) if as_json else _as_text(found))


def _as_json(found: Trace) -> bytes:
    import json
    from dataclasses import asdict

    def plain(steps: list[Step]) -> list[dict[str, object]]:
        return [
            {
                "table": step.table,
                "rule": step.rule,
                "n_rows": step.n_rows,
                "rows": [dict(zip(step.rows.names, row, strict=True)) for row in step.rows.rows],
            }
            for step in steps
        ]

    whole = asdict(found) | {"steps": plain(found.steps), "earlier": plain(found.earlier)}
    return (json.dumps(whole, ensure_ascii=False, indent=1, default=str) + "\n").encode()


def _as_text(found: Trace) -> bytes:
    key = ", ".join(f"{name} {value}" for name, value in found.key.items())
    parts = [f"{found.table} of {key}\n{found.column} = {found.value}   ({found.meaning})\n"]
    parts += [_step_as_text(number, step) for number, step in enumerate(found.steps, start=1)]
    if found.earlier:
        parts.append("Earlier versions of these records\n")
        parts += [_step_as_text(None, step) for step in found.earlier]
    else:
        parts.append("No earlier version of these records counted.\n")
    return "\n".join(parts).encode()


def _step_as_text(number: int | None, step: Step) -> str:
    from pipelines.warehouse.render import render

    head = f"{step.table}" if number is None else f"{number}. {step.table}"
    rule = "\n".join(f"   {line}".rstrip() for line in step.rule.splitlines())
    shown = len(step.rows.rows)
    rest = (
        f"({step.n_rows - shown:,} more rows; --json and `ict-trial query` show all)\n" if step.n_rows > shown else ""
    )
    return f"{head}\n{rule}\n{render(step.rows, 'table').decode()}{rest}"
