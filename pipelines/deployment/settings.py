"""`deployment.yaml` beside the study file: how this installation runs. Nothing that is derived depends on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipelines.deployment.engine import Engine, Spark
from pipelines.deployment.notices import Notices
from pipelines.study.strict import Strict
from pipelines.study.yaml_file import read_yaml

Executor = Literal["in_process", "multiprocess", "k8s_job", "celery"]


class Ingest(Strict):
    """How Dagster runs the steps of one site's ingest. The nightly always runs in one process: it has one writer.

    `config` is the executor's own, as Dagster documents it; `{env: NAME}` stands there for a secret.
    """

    executor: Executor = "in_process"
    config: dict[str, Any] = Field(default_factory=dict)


class Deployment(Strict):
    """`owners` names, for a group of assets, whom Dagster's UI shows as responsible: addresses or `team:name`.
    `engine` derives the engagement layer; `spark` says where Spark is. `report_pdf`: whether a night makes the PDF of
    its report, which takes as long as much of the rest of it; `ict-trial report` makes it at any time."""

    notices: Notices = Field(default_factory=Notices)
    ingest: Ingest = Field(default_factory=Ingest)
    engine: Engine = "duckdb"
    spark: Spark = Field(default_factory=Spark)
    owners: dict[str, list[str]] = Field(default_factory=dict)
    report_pdf: bool = True


def load_deployment(path: Path) -> Deployment:
    """The settings in `path`, or the default ones where there is no such file. Raises InvalidFileError."""
    return read_yaml(path).into(Deployment) if path.exists() else Deployment()
