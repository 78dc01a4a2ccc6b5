"""Where the trial stands, for the data manager: as data and as one screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.status.state import status

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["render_status", "status"]


def render_status(state: Mapping[str, Any], console: Console) -> None:
    """Print what `status` found."""
    from pipelines.status.screen import render_status as render  # with rich, which a night has no use for

    render(state, console)
