"""Make every small mistake in the scoring, one at a time, and say which of them no test notices.

A mistake in the SQL is first held against fixed trials whose outcomes the oracles reckoned; what passes there, and
every mistake in the Python, is held against the tests.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import yaml

from tests.mutants import child, sql_child
from tests.mutants.mutant import Mutant

SQL = (
    "outcome.part_score", "outcome.profile", "outcome.score", "outcome.record", "outcome.baseline", "outcome.change",
    "outcome.chosen", "outcome.verdict", "outcome.recovery", "outcome.week_record", "analysis.adsg",
)  # fmt: skip
PYTHON = (
    "pipelines/study/item_names.py",
    "pipelines/study/instrument.py",
    "pipelines/study/reliable_change.py",
    "pipelines/study/outcome.py",
    "pipelines/study/value_set.py",
)
TESTS_OF_SQL = [f"tests/sql/test_{name}.py" for name in ("weeks", "epochs", "responses", "golden_scores", "visits")]
TESTS_OF_PYTHON = ["tests/study/test_rules_of_instruments.py", "tests/study/test_instrument_files.py"]
EQUIVALENT = Path(__file__).with_name("equivalent.yaml")


def main() -> int:
    asked = _arguments()
    began = time.process_time()
    chosen = [name for name in (*SQL, *PYTHON) if not asked.only or any(word in name for word in asked.only)]
    equivalent = {(name, changed) for name in chosen for changed in known_equivalent(name)}
    made = 0
    survivors: list[Mutant] = []
    left: list[Mutant] = []
    for mutant, noticed in _by_oracles([name for name in chosen if name in SQL]):
        made += 1
        left += [] if noticed else [mutant]
    by_oracles = made - len(left)
    from tests.mutants.python_mutants import python_mutants

    left += [mutant for name in chosen if name in PYTHON for mutant in python_mutants(name)]
    made += sum(mutant.file in PYTHON for mutant in left)
    known = [mutant for mutant in left if (mutant.file, mutant.changed) in equivalent]
    print(f"{made} mutants, of which {len(left) - len(known)} go before the tests", file=sys.stderr)  # noqa: T201
    for mutant, noticed in _by_tests([m for m in left if m not in known], asked.jobs):
        survivors += [] if noticed else [mutant]
        if not noticed:
            print(f"SURVIVES  {mutant.file}: {mutant.changed}", flush=True)  # noqa: T201
    by_tests = len(left) - len(known) - len(survivors)
    print(  # noqa: T201
        f"{made} mutants of {len(chosen)} files: {by_oracles} noticed by the oracles, {by_tests} by tests, "
        f"{len(known)} equivalent (equivalent.yaml), {len(survivors)} survive"
        f" ({time.process_time() - began:.0f} s of this process)"
    )
    found = {(mutant.file, mutant.changed) for mutant in known}
    stale = sorted(equivalent - found)
    for file, changed in stale:
        print(f"equivalent.yaml lists what is no mutant that gets that far: {file}: {changed}")  # noqa: T201
    return 1 if survivors or stale else 0


def known_equivalent(file: str) -> dict[str, str]:
    """What changes no number, with the reason."""
    listed = yaml.safe_load(EQUIVALENT.read_text(encoding="utf-8")) or []
    return {entry["changed"]: entry["reason"] for entry in listed if entry["file"] == file}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("only", nargs="*", help="files whose name holds one of these words (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="tests run side by side")
    return parser.parse_args()


def _by_oracles(names: list[str]) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant of the SQL, and whether the fixed trials come out otherwise than the oracles say."""
    if not names:
        return
    from pipelines.warehouse.graph import load_graph
    from tests.mutants.fixed_trials import judges
    from tests.mutants.sql_mutants import sql_mutants

    queries = load_graph().queries
    assert isinstance(queries, dict)
    every = judges()
    for name in names:
        original = queries[name]
        asked = [judge for judge in every if judge.concerned(name)]
        assert all(judge.holds(name) for judge in asked), f"{name} as it is disagrees with an oracle"
        for mutant in sql_mutants(name, original.sql):
            queries[name] = replace(original, sql=mutant.code)
            yield mutant, not all(judge.holds(name) for judge in asked)
        queries[name] = original


def _by_tests(mutants: Iterable[Mutant], jobs: int) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant, and whether a test fails. A process that has loaded a Python file's mutant is used for no other.

    Raises RuntimeError where a test fails without any mutant.
    """
    every = list(mutants)
    context = get_context("forkserver")
    context.set_forkserver_preload(child.PRELOADED)
    ways = ((SQL, sql_child.fails, TESTS_OF_SQL, None), (PYTHON, child.fails, TESTS_OF_PYTHON, 1))
    for files, fails, tests, uses in ways:
        here = [mutant for mutant in every if mutant.file in files]
        if not here:
            continue
        with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=uses) as pool:
            if pool.submit(fails, here[0].file, _as_it_is(here[0].file), tests).result():
                raise RuntimeError(f"a test fails without any mutant: pytest {' '.join(tests)}")
            running: list[tuple[Mutant, Future[bool]]] = [(m, pool.submit(fails, m.file, m.code, tests)) for m in here]
            for mutant, future in running:
                yield mutant, future.result()


def _as_it_is(file: str) -> str:
    if file in PYTHON:
        return Path(file).read_text(encoding="utf-8")
    from pipelines.warehouse.graph import load_graph

    return load_graph().queries[file].sql


if __name__ == "__main__":
    sys.exit(main())
