"""Which code made a snapshot: the version of the package and a digest of everything a result can depend on."""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("pipelines", "sql", "schemas")
OF_THE_STUDY = ("schemas/studies", "schemas/instruments")  # the study digest covers those


@lru_cache(maxsize=1)
def code_version(root: Path = ROOT) -> str:
    """For example `0.1.0+3f2a9c1d04be`; the same for the same content, wherever it is installed."""
    digest = sha256()
    for name in _sources(root):
        with open(f"{root}/{name}", "rb") as file:  # noqa: PTH123 - a Path for each of 700 files takes longer than reading
            digest.update(f"{name}\0{sha256(file.read()).hexdigest()}\n".encode())
    return f"{_release()}+{digest.hexdigest()[:12]}"


def _release() -> str:
    try:
        return version("ict-trial")
    except PackageNotFoundError:
        return "0"


def _sources(root: Path) -> list[str]:
    """Every file that counts, by its path below `root`, in order."""
    found = []
    for part in PARTS:
        for folder, folders, files in os.walk(root / part):
            folders[:] = [name for name in folders if not _hidden(name)]
            above = Path(folder).relative_to(root).as_posix()
            found += [f"{above}/{name}" for name in files if not _hidden(name)]
    return sorted(name for name in found if not name.startswith(OF_THE_STUDY))


def _hidden(name: str) -> bool:
    return name.startswith((".", "__pycache__"))
