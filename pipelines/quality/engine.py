"""Great Expectations in a process of its own: it takes three seconds to load, which pass beside other work, and not
at all in a night without anything to judge.

The process is sent shares by site and answers with sites that fail; it is given nothing else to see.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pipelines.quality.expectations import Rule, Shares, Verdicts, failing_sites

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds
UNUSED = ("scipy.stats", "altair")  # a third of the time that Great Expectations takes to load, for charts and fits


@dataclass
class _Block:
    """A block of `engine_ahead`: the engine that was begun in it, and whether that has had its one question."""

    process: subprocess.Popen[str] | None = None
    is_asked: bool = False


_blocks: list[_Block] = []


@contextmanager
def engine_ahead() -> Iterator[None]:
    """Within the block `load_engine` begins to load the engine, by which the next `verdicts` is answered."""
    block = _Block()
    _blocks.append(block)
    try:
        yield
    finally:
        _blocks.remove(block)
        if block.process is not None:
            block.process.kill()
            block.process.communicate()


def load_engine() -> None:
    """Something will have to be judged: begin to load, where that is not done yet and somebody will end it."""
    if not _blocks or _blocks[-1].process is not None:
        return
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    _blocks[-1].process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def verdicts(shares: Shares, rules: Sequence[Rule]) -> Verdicts:
    """As `failing_sites`: from the engine that is loading, or in this process where none is.

    Raises TimeoutExpired, JSONDecodeError when that process does not answer.
    """
    block = _blocks[-1] if _blocks else _Block()
    if block.process is None or block.is_asked:
        return failing_sites(shares, rules)
    question = json.dumps({"shares": shares, "rules": [asdict(rule) for rule in rules]})
    block.is_asked = True
    answer, _ = block.process.communicate(question, timeout=PATIENCE)
    return {rule: None if sites is None else frozenset(sites) for rule, sites in json.loads(answer).items()}


class _PutOff(ModuleType):
    """A library that is loaded when something in it is used, not when it is imported."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def _put_off(library: str) -> None:
    spec = find_spec(library)
    if spec is not None:
        sys.modules[library] = module = _PutOff(library)
        module.__spec__, module.__path__ = spec, spec.submodule_search_locations or []


def _serve() -> None:
    """Answer one question; nothing when the asker has gone."""
    reply, sys.stdout = sys.stdout, sys.stderr  # what a library may print is no answer
    gc.disable()  # one question is soon answered, and nearly all that is made stays
    for library in UNUSED:
        _put_off(library)
    import great_expectations  # noqa: F401 (loaded before the question comes)

    text = sys.stdin.read()
    if text:
        question = json.loads(text)
        found = failing_sites(question["shares"], [Rule(**rule) for rule in question["rules"]])
        json.dump({rule: None if sites is None else sorted(sites) for rule, sites in found.items()}, reply)


if __name__ == "__main__":
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _serve()
