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


def fails(file: str, code: str, tests: list[str]) -> bool:
    """Whether a test fails while `file` reads `code`: a Python file, or a table of the SQL."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        return _run(file, code, tests) != 0


def _run(file: str, code: str, tests: list[str]) -> int:
    import pytest

    if file.endswith(".py"):
        sys.meta_path.insert(0, _Instead(file.removesuffix(".py").replace("/", "."), ROOT / file, code))
    else:
        _put_into_the_graph(file, code)
    return int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]))


def _put_into_the_graph(table: str, code: str) -> None:
    from dataclasses import replace

    from pipelines.warehouse.graph import load_graph

    queries = load_graph().queries
    assert isinstance(queries, dict)
    queries[table] = replace(queries[table], sql=code)


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
