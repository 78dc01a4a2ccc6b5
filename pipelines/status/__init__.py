"""Where the trial stands, for the data manager: as data and as one screen."""

from pipelines.status.screen import render_status
from pipelines.status.state import status

__all__ = ["render_status", "status"]
