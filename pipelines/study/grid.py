"""The columns of the board's check heatmap, `schemas/report/grid.yaml`, as a typed model."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path

from pydantic import Field

from pipelines.study.check import Dimension
from pipelines.study.outcome import Identifier
from pipelines.study.strict import Strict
from pipelines.study.yaml_file import read_yaml

GRID = Path(__file__).parents[2] / "schemas" / "report" / "grid.yaml"


class GridColumn(Strict):
    """A kind of question; `dimension` names the checks that belong here where no column names them."""

    column: Identifier
    title: str
    dimension: Dimension | None = None
    checks: list[str] = Field(default_factory=list)


class Grid(Strict):
    """`twins`: rules about single records that have no card, because a check asks the same."""

    twins: dict[str, str] = Field(default_factory=dict)
    columns: list[GridColumn] = Field(min_length=1)

    @cached_property
    def _by_check(self) -> dict[str, str]:
        return {name: column.column for column in self.columns for name in column.checks}

    @cached_property
    def _by_dimension(self) -> dict[str, str]:
        return {column.dimension: column.column for column in self.columns if column.dimension}

    def card_of(self, rule: str) -> str:
        """On which card the records stand that break a rule."""
        return self.twins.get(rule, rule)

    def column_of(self, name: str, dimension: Dimension = "conformance") -> str:
        """In which column a check stands."""
        return self._by_check.get(name, self._by_dimension[dimension])


@cache
def load_grid(path: Path = GRID) -> Grid:
    """Read once a process. Raises InvalidFileError."""
    return read_yaml(path).into(Grid)
