"""The engagement layer on Spark: the same SQL files, over Parquet, with Parquet coming back.

DuckDB receives, validates and derives everything else. What an engagement file reads of other layers is written out
once a build; what it makes is written by Spark and read by later files, and by DuckDB, from there.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.deployment.engine import Spark
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.quoting import identifier, literal, parquet
from pipelines.warehouse.spark_sql import spark_sql, view_name

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.warehouse.graph import Query

_FIXED = {
    "spark.app.name": "ict-trial",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # an overflow is an error, as in DuckDB, and not a missing value
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
_ON_THIS_MACHINE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
}


@dataclass
class SparkEngine:
    """One build's tables on Spark, in `folder`, which Spark's workers and this process both see."""

    session: SparkSession
    folder: Path
    _views: set[str] = field(default_factory=set)

    def make(self, con: Any, query: Query, *, file: Path) -> str:
        """Run `query` on Spark; returns a SELECT of its rows for DuckDB.

        Raises WarehouseError without Spark's own message, which may quote values.
        """
        from pyspark.errors import PySparkException

        for table in query.reads:
            if table not in self._views:
                self._export(con, table, file=file)
                self._show(table)
        target = self._path(query.name)
        effects.remove(target)
        try:
            self.session.sql(spark_sql(query.sql)).write.parquet(str(target))
        except PySparkException as error:
            said = error.getCondition() or type(error).__name__
            raise WarehouseError(f"sql/{query.layer}/{query.path.name} could not be run on Spark: {said}") from None
        self._show(query.name)
        return f"SELECT * FROM {parquet(sorted(target.glob('*.parquet')))}"  # noqa: S608

    def _export(self, con: Any, table: str, *, file: Path) -> None:
        target = effects.make_directory(self._path(table)) / "rows.parquet"
        select = f"SELECT * FROM {identifier(table)}"  # noqa: S608
        effects.execute(con, f"COPY ({select}) TO {literal(str(target))} (FORMAT parquet)", file=file)

    def _show(self, table: str) -> None:
        self.session.read.parquet(str(self._path(table))).createOrReplaceTempView(view_name(table))
        self._views.add(table)

    def _path(self, table: str) -> Path:
        return self.folder / view_name(table)


def start_spark(settings: Spark, folder: Path) -> SparkEngine:
    """A session on the cluster that the settings name, and an empty folder for one build.

    Raises WarehouseError where Spark or Java is missing or the cluster does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise WarehouseError(
            "engine: spark needs pyspark, which is not installed: pip install 'ict-trial[spark]'"
        ) from None
    if settings.connect is None and not java():
        raise WarehouseError("engine: spark needs Java 17 or later, which is neither in JAVA_HOME nor on the PATH")
    effects.remove(folder)
    effects.make_directory(folder)
    where = settings.connect or settings.master
    builder = SparkSession.builder
    builder = builder.remote(where) if settings.connect else builder.master(where)
    try:
        session = builder.config(map=_options(settings)).getOrCreate()
    except (PySparkException, RuntimeError, OSError):
        raise WarehouseError(f"Spark at {where} does not answer; look at the address and at its logs") from None
    return SparkEngine(session, folder)


def java() -> str | None:
    """The Java that Spark would start."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")


def _options(settings: Spark) -> dict[str, Any]:
    here = _ON_THIS_MACHINE if settings.connect is None and settings.master.startswith("local") else {}
    return {**here, **settings.config, **_FIXED}
