"""Great Expectations in a process of its own: it takes three seconds to load, which pass beside other work, and not
at all in a night without anything to judge.

The process is sent shares by site and answers with sites that fail; it is given nothing else to see.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from pipelines.loaded_ahead import LoadedAhead
from pipelines.quality.expectations import Rule, Shares, Verdicts, failing_sites

ENGINE = LoadedAhead("pipelines.quality.engine", patience=120)
UNUSED = ("scipy.stats", "altair")  # a third of the time that Great Expectations takes to load, for charts and fits
# Other engines than pandas, which it takes along where they are installed: half of what is left of that time.
NOT_NEEDED = ("pyspark", "sqlalchemy")


def begin_to_judge(shares: Shares, rules: Sequence[Rule]) -> None:
    """Where the engine is loading, have it judge beside other work what `verdicts` will ask of it."""
    ENGINE.ask(_question(shares, rules))


def verdicts(shares: Shares, rules: Sequence[Rule]) -> Verdicts:
    """As `failing_sites`: from the engine that is loading, or in this process where none is.

    Raises TimeoutExpired, JSONDecodeError when that process answers too late, or not as it should.
    """
    answer = ENGINE.answer(_question(shares, rules))
    if answer is None:
        return failing_sites(shares, rules)
    return {rule: None if sites is None else frozenset(sites) for rule, sites in json.loads(answer).items()}


def _question(shares: Shares, rules: Sequence[Rule]) -> str:
    return json.dumps({"shares": shares, "rules": [asdict(rule) for rule in rules]})


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
    for library in NOT_NEEDED:
        sys.modules[library] = None  # type: ignore[assignment]  # to Python, a library that is not installed
    import great_expectations  # noqa: F401 (loaded before the question comes)

    text = sys.stdin.read()
    if text:
        question = json.loads(text)
        found = failing_sites(question["shares"], [Rule(**rule) for rule in question["rules"]])
        json.dump({rule: None if sites is None else sorted(sites) for rule, sites in found.items()}, reply)


if __name__ == "__main__":
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _serve()
