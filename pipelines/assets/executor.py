"""The executor of one site's ingest, as deployment.yaml chooses it."""

from __future__ import annotations

import dagster as dg
from dagster._config import validate_config

from pipelines.deployment.settings import Executor, Ingest


class ExecutorError(Exception):
    """The chosen executor cannot be had; one sentence says why."""


def ingest_executor(chosen: Ingest) -> dg.ExecutorDefinition:
    """Raises ExecutorError."""
    try:
        executor = _executor(chosen.executor)
    except ImportError:
        raise ExecutorError(
            f"deployment.yaml chooses the executor `{chosen.executor}`, which is not installed: "
            "`pip install 'ict-trial[cluster]'`"
        ) from None
    if not chosen.config:
        return executor
    judged = validate_config(executor.config_schema.config_type, chosen.config)
    if not judged.success:
        why = "; ".join(error.message.splitlines()[0] for error in judged.errors or ())
        raise ExecutorError(f"in deployment.yaml `ingest: config` does not suit the executor {chosen.executor}: {why}")
    return executor.configured(chosen.config, name=executor.name)


def _executor(name: Executor) -> dg.ExecutorDefinition:
    if name == "k8s_job":
        from dagster_k8s import k8s_job_executor

        return k8s_job_executor
    if name == "celery":
        from dagster_celery import celery_executor

        return celery_executor
    return dg.multiprocess_executor if name == "multiprocess" else dg.in_process_executor
