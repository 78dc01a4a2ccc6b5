"""Great Expectations in a process of its own: it takes seconds to load, which pass beside other work, and not at all in
a night without anything to judge.

The process is sent shares by site and answers with sites that fail; it is given nothing else to see.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from pipelines.loaded_ahead import LoadedAhead, leave
from pipelines.quality.expectations import Rule, Shares, Verdicts, failing_sites
from pipelines.quality.left_out import leave_out

ENGINE = LoadedAhead("pipelines.quality.engine", patience=120)


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


def _serve() -> None:
    """Answer one question; nothing when the asker has gone."""
    reply, sys.stdout = sys.stdout, sys.stderr  # what a library may print is no answer
    gc.disable()  # one question is soon answered, and nearly all that is made stays
    leave_out()
    import great_expectations  # noqa: F401 (loaded before the question comes)

    text = sys.stdin.read()
    if text:
        question = json.loads(text)
        found = failing_sites(question["shares"], [Rule(**rule) for rule in question["rules"]])
        leave(json.dumps({rule: None if sites is None else sorted(sites) for rule, sites in found.items()}), reply)


if __name__ == "__main__":
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _serve()
