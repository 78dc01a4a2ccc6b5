"""What follows every night, however it ended, and every look of a timer: the status page."""

from __future__ import annotations

from datetime import UTC, datetime

from pipelines.own_words import in_own_words
from pipelines.report.status_page import write_status_page
from pipelines.workspace import Workspace


def tell_how_it_stands(workspace: Workspace, now: datetime | None = None) -> list[str]:
    """Write the status page. Returns a sentence for what could not be done; nothing published depends on it."""
    now = now or datetime.now(UTC)
    try:
        write_status_page(workspace, now)
    except Exception as error:  # noqa: BLE001 (the night is over; its outcome is what counts)
        return [f"The status page could not be written: {in_own_words(error)}"]
    return []
