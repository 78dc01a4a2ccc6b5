"""The one Definitions object, of the workspace that $ICT_TRIAL_WORKSPACE names."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import dagster as dg

from pipelines.assets.code_location import definitions_of
from pipelines.assets.executor import ExecutorError
from pipelines.study.yaml_file import InvalidFileError
from pipelines.workspace import Workspace


def _definitions() -> dg.Definitions:
    """Empty, with the reason in the log, where there is no workspace with valid study and deployment files."""
    os.umask(0o077)
    workspace = Workspace(Path(os.environ.get("ICT_TRIAL_WORKSPACE", "workspace")).absolute())
    try:
        return definitions_of(workspace, workspace.deployment())
    except (InvalidFileError, ExecutorError) as error:
        logging.getLogger(__name__).warning("No assets: %s", error)
        return dg.Definitions()


definitions = _definitions()
