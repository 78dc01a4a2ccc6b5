"""Tests run on mutated code, in a process that has not loaded any of it yet. Imports nothing of the project."""

from __future__ import annotations

import importlib.abc
import importlib.util
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRELOADED = ["pytest", "duckdb", "polars", "pandas", "sqlglot", "hypothesis", "pydantic", "ruamel.yaml", "pyarrow"]
PASSED, FAILED, NOT_EVEN_LOADED = 0, 1, 2  # pytest's exit codes


def fails(file: str, code: str, tests: list[str]) -> bool:
    """Whether a test fails while the Python file reads `code`. Raises RuntimeError where none could be run."""
    sys.meta_path.insert(0, _Instead(file.removesuffix(".py").replace("/", "."), ROOT / file, code))
    return run(tests, [], {PASSED: False, FAILED: True, NOT_EVEN_LOADED: True})


def run(tests: list[str], plugins: list[object], meanings: dict[int, bool]) -> bool:
    """What the exit code of the tests, which stop at the first failure, means. Raises RuntimeError at any other."""
    import pytest

    os.chdir(ROOT)
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests], plugins))
    if code not in meanings:
        raise RuntimeError(f"the tests ended with {code}:\n{out.getvalue()}")
    return meanings[code]


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Loads a module from other code than its file's."""

    def __init__(self, module: str, path: Path, code: str) -> None:
        self.module, self.path, self.code = module, path, code

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: object) -> bytes:
        return self.code.encode()
