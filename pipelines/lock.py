"""One workspace, one run at a time. The lock goes with its process, however that ends."""

from __future__ import annotations

from filelock import FileLock

from pipelines import effects
from pipelines.workspace import Workspace


def run_lock(workspace: Workspace) -> FileLock:
    """The lock that a run holds from its first file to its last; the same run may take it again."""
    effects.make_directory(workspace.store)
    return FileLock(workspace.lock, is_singleton=True, thread_local=False, mode=effects.PRIVATE_FILE)
