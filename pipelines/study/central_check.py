"""What the central statistical checks are, `schemas/report/central_checks.yaml`, as a typed model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from pipelines.study.strict import Strict
from pipelines.study.yaml_file import read_yaml

CENTRAL_CHECKS = Path(__file__).parents[2] / "schemas" / "report" / "central_checks.yaml"


class CentralCheck(Strict):
    """`minimum`: of values, forms or people that are needed on each side."""

    check_id: str = Field(pattern=r"^C[0-9]$")
    title: str
    definition: str
    minimum: int = Field(ge=1)


class CentralChecks(Strict):
    checks: list[CentralCheck] = Field(min_length=1)


@cache
def load_central_checks(path: Path = CENTRAL_CHECKS) -> dict[str, CentralCheck]:
    """By number; read once a process. Raises InvalidFileError."""
    return {check.check_id: check for check in read_yaml(path).into(CentralChecks).checks}
