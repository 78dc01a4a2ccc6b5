"""What follows every night, however it ended, and every look of a timer: the status page, and notices to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pipelines.night import nights
from pipelines.notices.notice import notices_of
from pipelines.own_words import in_own_words
from pipelines.report.status_page import write_status_page
from pipelines.study.yaml_file import InvalidFileError
from pipelines.workspace import Workspace


def tell_how_it_stands(workspace: Workspace, now: datetime | None = None) -> list[str]:
    """Write the status page, and tell those whom `deployment.yaml` names of the last night and of one that is missing.

    Returns a sentence for what could not be done; nothing published depends on it.
    """
    now = now or datetime.now(UTC)
    return [
        *_failures("The status page could not be written", lambda: _page(workspace, now)),
        *_failures("Nobody could be told how the night went", lambda: _notices(workspace, now)),
    ]


def _page(workspace: Workspace, now: datetime) -> list[str]:
    write_status_page(workspace, now)
    return []


def _notices(workspace: Workspace, now: datetime) -> list[str]:
    settings = workspace.deployment().notices
    if not settings.mail and not settings.webhook:
        return []
    from pipelines.notices.send import send

    return send(workspace, settings, notices_of(nights(workspace), _study_name(workspace), now), now)


def _study_name(workspace: Workspace) -> str:
    try:
        return workspace.protocol().study.study
    except InvalidFileError:
        return workspace.root.name


def _failures(what: str, act: Callable[[], list[str]]) -> list[str]:
    try:
        return act()
    except Exception as error:  # noqa: BLE001 (the night is over; its outcome is what counts)
        return [f"{what}: {in_own_words(error)}"]
