"""Which engine derives the engagement layer, and where Spark is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from pipelines.study.strict import Strict

Engine = Literal["duckdb", "spark"]
Text = str | int | float | bool


class Spark(Strict):
    """`master` is `local[N]` or `spark://host:port`; `connect`, of Spark Connect (`sc://host:port`), stands before it.

    `shared_folder` is a folder that Spark's workers and this process see under the same path; without one it is the
    build folder of the workspace, which only workers on this machine see. `config` is handed on to Spark.
    """

    master: str = Field(default="local[*]", pattern=r"^(local(\[(\d+|\*)\])?|spark://.+)$")
    connect: str | None = Field(default=None, pattern=r"^sc://.+$")
    shared_folder: Path | None = None
    config: dict[str, Text] = Field(default_factory=dict)

    @field_validator("shared_folder")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_absolute():
            raise ValueError("must be an absolute path, since workers on other machines look for it too")
        return folder
