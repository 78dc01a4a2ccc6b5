"""One workspace, one night at a time; a site's files, one look at a time. A lock goes with its process, however that
ends.

A night holds the lock of the workspace and that of every site; a run that only takes in what sites dropped holds the
locks of those sites, so that several such runs may go on at once, on several machines that share the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock

from pipelines import effects
from pipelines.workspace import Workspace


def run_lock(workspace: Workspace) -> FileLock:
    """The lock that a night holds from its first file to its last; the same run may take it again."""
    effects.make_directory(workspace.store)
    return _lock(workspace.lock)


@contextmanager
def sites_locked(workspace: Workspace, site_ids: Sequence[str], timeout: float = -1) -> Iterator[None]:
    """Hold the sites' locks within the block, taken in one order by everybody. Raises Timeout (of filelock)."""
    effects.make_directory(workspace.site_locks)
    with ExitStack() as held:
        for site_id in sorted(site_ids):
            held.enter_context(_lock(workspace.site_locks / site_id).acquire(timeout=timeout))
        yield


def _lock(path: Path) -> FileLock:
    return FileLock(path, is_singleton=True, thread_local=False, mode=effects.PRIVATE_FILE)
