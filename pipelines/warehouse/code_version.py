"""Which code made a snapshot: the version of the package and a digest of everything a result can depend on."""

from __future__ import annotations

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
    for path in _sources(root):
        name = path.relative_to(root).as_posix()
        digest.update(f"{name}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return f"{_release()}+{digest.hexdigest()[:12]}"


def _release() -> str:
    try:
        return version("ict-trial")
    except PackageNotFoundError:
        return "0"


def _sources(root: Path) -> list[Path]:
    files = (path for part in PARTS for path in (root / part).rglob("*") if path.is_file())
    kept = []
    for path in files:
        name = path.relative_to(root).as_posix()
        hidden = any(step.startswith((".", "__pycache__")) for step in Path(name).parts)
        if not hidden and not name.startswith(OF_THE_STUDY):
            kept.append(path)
    return sorted(kept, key=lambda path: path.relative_to(root).as_posix())
