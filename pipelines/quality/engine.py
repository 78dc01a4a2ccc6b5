"""Great Expectations in a process of its own: it takes three seconds to load, which pass beside other work.

The process is sent shares by site and answers with sites that fail; it is given nothing else to see.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from pipelines.quality.expectations import Rule, Shares, Verdicts, failing_sites

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds
_loading: list[subprocess.Popen[str]] = []


@contextmanager
def engine_ahead() -> Iterator[None]:
    """Begin to load the engine now; within the block the first `verdicts` is answered by it."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    _loading.append(process)
    try:
        yield
    finally:
        if process in _loading:
            _loading.remove(process)
        process.kill()
        process.communicate()


def verdicts(shares: Shares, rules: Sequence[Rule]) -> Verdicts:
    """As `failing_sites`: from the engine that is loading, or in this process where none is.

    Raises TimeoutExpired, JSONDecodeError when that process does not answer.
    """
    if not _loading:
        return failing_sites(shares, rules)
    question = json.dumps({"shares": shares, "rules": [asdict(rule) for rule in rules]})
    answer, _ = _loading.pop().communicate(question, timeout=PATIENCE)
    return {rule: None if sites is None else frozenset(sites) for rule, sites in json.loads(answer).items()}


def _serve() -> None:
    """Answer one question; nothing when the asker has gone."""
    reply, sys.stdout = sys.stdout, sys.stderr  # what a library may print is no answer
    import great_expectations  # noqa: F401 (loaded before the question comes)

    text = sys.stdin.read()
    if text:
        question = json.loads(text)
        found = failing_sites(question["shares"], [Rule(**rule) for rule in question["rules"]])
        json.dump({rule: None if sites is None else sorted(sites) for rule, sites in found.items()}, reply)


if __name__ == "__main__":
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _serve()
