"""Make the folder of a new trial."""

from __future__ import annotations

from pathlib import Path

from pipelines import effects
from pipelines.study.load import Protocol, load_protocol
from pipelines.workspace import Workspace
from schemas.feeds import FEEDS


def make_trial_folder(workspace: Workspace, study_file: Path) -> Protocol:
    """Lay out `workspace` for the study of `study_file`; what is there already stays.

    Raises InvalidFileError for a wrong study file, FileExistsError when the folder holds another study.
    """
    protocol = load_protocol(study_file)
    wanted = study_file.read_bytes()
    if workspace.study_file.exists() and workspace.study_file.read_bytes() != wanted:
        raise FileExistsError(f"{workspace.study_file} is another study file; choose another folder or remove it")
    effects.make_directory(workspace.root, 0o750)
    for site in protocol.study.sites:
        for feed in FEEDS:
            effects.make_directory(workspace.landing / site.site / feed, 0o755)
    for place in (workspace.store, workspace.keys, workspace.dagster_home, workspace.closed):
        effects.make_directory(place)
    for folder in ("instruments", "dictionaries"):
        _copy_along(study_file, workspace.root / folder, folder)
    effects.write(workspace.study_file, wanted, 0o640)
    return protocol


def _copy_along(study_file: Path, target: Path, folder: str) -> None:
    """The study's own files come along: its instruments and value sets (the built-in ones are found without), the
    data dictionaries of its projects."""
    source = study_file.parent / folder
    for path in sorted([*source.glob("*.yaml"), *source.glob("*.csv")]) if source.is_dir() else []:
        effects.make_directory(target, 0o750)
        effects.write(target / path.name, path.read_bytes(), 0o640)
