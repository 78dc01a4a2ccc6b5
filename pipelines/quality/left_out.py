"""What Great Expectations takes along whenever it is imported, and uses for nothing that is asked of it here: left out,
it loads in half the time.

One expectation judges one column of a data frame. For the others, their metrics, data sources other than pandas, what a
checkpoint does and pages of results, a module stands in which has any name that is imported from it, as a class with
nothing in it. Were one of them used after all, the process would end without an answer, and its asker judge by himself
with all that there is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Engines, stores and clouds which it takes along where they are installed.
NOT_NEEDED = ("pyspark", "sqlalchemy", "pyarrow", "google", "psycopg2")
STOOD_IN = re.compile(r"""
    great_expectations \. (
        expectations\.core \. (?! expect_column_values_to_be_between $ ) \w+
      | expectations\.metrics \. ( column_aggregate_metrics | column_pair_map_metrics | multicolumn_map_metrics
                                 | query_metrics ) ( \. \w+ )?
      | expectations\.metrics\.column_map_metrics \. (?! column_values_(between|non_null) $ ) \w+
      | datasource\.fluent \. ( fabric | (?! (pandas|invalid)_datasource $ ) \w+_datasource )
      | checkpoint\.actions
      | render\.view
    )
  | requests ( \. .+ )?
""", re.VERBOSE)  # fmt: skip


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        nothing = type(name, (), {"__module__": self.__name__})
        setattr(self, name, nothing)
        return nothing


class _StandsIn(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if STOOD_IN.fullmatch(fullname) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


def leave_out() -> None:
    """From here on, in this process, before Great Expectations is imported."""
    for library in NOT_NEEDED:
        sys.modules[library] = None  # type: ignore[assignment]  # to Python, a library that is not installed
    sys.meta_path.insert(0, _StandsIn())
