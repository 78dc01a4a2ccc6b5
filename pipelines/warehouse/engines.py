"""Which engine answers a SQL file: DuckDB, or, for the engagement layer, Spark where `deployment.yaml` says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from pipelines.warehouse.database import build_file
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.warehouse.graph import Query
    from pipelines.warehouse.spark import SparkEngine

ON_SPARK = "engagement"  # the layer that outgrows a machine; its SQL keeps to what both engines have
_engines: dict[Path, SparkEngine] = {}
_spark = Lock()  # what one table has it read, the next does not have to


def answered(workspace: Workspace, con: Any, query: Query) -> Query:
    """`query` itself, or a SELECT over the Parquet that Spark has just made of it.

    Raises WarehouseError where Spark cannot be had or gives up.
    """
    if not on_spark(workspace, query):
        return query
    with _spark:
        return replace(query, sql=_engine(workspace).make(con, query, file=build_file(workspace)))


def on_spark(workspace: Workspace, query: Query) -> bool:
    """Whether Spark is to answer `query`."""
    return query.layer == ON_SPARK and workspace.deployment().engine != "duckdb"


def begin_build(workspace: Workspace) -> None:
    """What Spark was shown of an earlier build is not shown again."""
    _engines.pop(workspace.build, None)


def _engine(workspace: Workspace) -> SparkEngine:
    from pipelines.warehouse.spark import start_spark

    if workspace.build not in _engines:
        settings = workspace.deployment().spark
        shared = settings.shared_folder
        folder = shared / f"{workspace.root.resolve().name}-build" if shared else workspace.build / "spark"
        _engines[workspace.build] = start_spark(settings, folder)
    return _engines[workspace.build]
