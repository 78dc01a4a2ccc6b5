"""`ict-trial try-notices`: whether those who are to be told of a night can be."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from pipelines.commands.common import FAILED, deployment_of, fail, protocol_of, with_workspace
from pipelines.workspace import Workspace


@click.command("try-notices")
@with_workspace()
def try_notices(workspace: Workspace) -> None:
    """Send a trial notice to everybody whom deployment.yaml names, and say what came of it."""
    from pipelines.notices.notice import Notice
    from pipelines.notices.send import attempt, receivers

    study, settings = protocol_of(workspace).study.study, deployment_of(workspace).notices
    text = "Nothing has happened: somebody asked whether notices of the nights arrive here."
    notice = Notice("trial", "published", f"{study}: a trial notice", text, {})
    known = list(receivers(settings))
    if not known:
        fail(f"{workspace.deployment_file} names nobody under `notices`; docs/deployment.md says how.")
    failures = 0
    for receiver in known:
        failure = attempt(receiver, notice, datetime.now(UTC))
        failures += failure is not None
        click.echo(failure or f"The {receiver.name} was sent.", err=failure is not None)
    sys.exit(FAILED if failures else 0)
