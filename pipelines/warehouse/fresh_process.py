"""A DuckDB connection in a process of its own, for writing the files that are published.

DuckDB writes the unused end of a block as it lies in memory. Where allocations or free text were worked on,
their bytes would get into the file so; a process that has read nothing but the file's own rows has none to leak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.warehouse.errors import WarehouseError, reason

ROOT = Path(__file__).parents[2]


class FreshProcess:
    """`execute(sql)` hands a statement over there and does not wait for it; `finish` does, for all."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._waiting = 0

    def execute(self, sql: str) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # whoever finishes will be told
            self._process.stdin.write(json.dumps(sql) + "\n")
            self._process.stdin.flush()
        self._waiting += 1

    def finish(self) -> None:
        """Raises WarehouseError when a statement was refused."""
        assert self._process.stdout is not None
        while self._waiting:
            answer = self._process.stdout.readline()
            if not answer:
                raise WarehouseError("the process that writes the published files ended before its time")
            self._waiting -= 1
            refused = json.loads(answer)
            if refused:
                raise WarehouseError(f"a file to be published could not be written: {refused}")


_ahead: dict[Path, list[subprocess.Popen[str]]] = {}


@contextmanager
def begun_ahead(temporary: Path, n: int) -> Iterator[None]:
    """Within the block the first `n` processes that spill into `temporary` are there when they are asked for: to begin
    takes each a fifth of a second, and a core is free while a night is loaded. None is left at its end."""
    waiting = _ahead[temporary] = [_begin(temporary) for _ in range(n)]
    try:
        yield
    finally:
        del _ahead[temporary]
        for process in waiting:
            process.kill()
            process.communicate()


@contextmanager
def fresh_process(temporary: Path) -> Iterator[FreshProcess]:
    """A new process with an empty DuckDB in memory, which spills into `temporary`; it ends with the block."""
    process = _one_ahead(temporary) or _begin(temporary)
    try:
        yield FreshProcess(process)
    except BaseException:
        process.kill()
        raise
    finally:
        process.communicate()


def _one_ahead(temporary: Path) -> subprocess.Popen[str] | None:
    """One that waits; None where none does that is alive."""
    waiting = _ahead.get(temporary, [])
    while waiting:
        process = waiting.pop()
        if process.poll() is None:
            return process
        process.communicate()
    return None


def _begin(temporary: Path) -> subprocess.Popen[str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-m", "pipelines.warehouse.fresh_process", str(temporary)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def _serve(temporary: str) -> None:
    """Run each statement read from standard input; answer with null, or with why it was refused."""
    import duckdb

    from pipelines.warehouse.database import CLOSED, MEMORY_LIMIT

    settings = CLOSED | {"memory_limit": MEMORY_LIMIT, "temp_directory": temporary}
    con = duckdb.connect(":memory:", config=dict(settings))
    con.execute("SET TimeZone = 'UTC'")
    for line in sys.stdin:
        try:
            con.execute(json.loads(line))
            answer = None
        except duckdb.Error as error:
            answer = reason(error)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    con.close()


if __name__ == "__main__":
    _serve(sys.argv[1])
