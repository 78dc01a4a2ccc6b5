"""The letters by which the closed report calls the arms, and the key to them; both lie in `closed/` alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import digest
from itertools import count
from pathlib import Path

from pipelines import effects
from pipelines.workspace import Workspace

KEY, CODES = "arm_codes.key", "arm_codes.json"


def arm_codes(workspace: Workspace, study_id: str, arms: Iterable[str]) -> dict[str, str]:
    """Arm → A, B, C …; a letter once given stays, so that reports can be held side by side.

    Writes the key, when it is first needed, and the letters into `closed/`, for their owner alone.
    """
    folder = private_folder(workspace.closed)
    key, given = folder / KEY, folder / CODES
    if not key.exists():
        effects.write(key, secrets.token_hex(32).encode())
    known: dict[str, str] = json.loads(given.read_bytes()) if given.exists() else {}
    codes = give_letters(bytes.fromhex(key.read_text(encoding="ascii").strip()), study_id, arms, known)
    if codes != known:
        effects.write(given, json.dumps(codes, ensure_ascii=False, indent=1).encode())
    return codes


def private_folder(path: Path) -> Path:
    """The folder `path`, closed to everybody but its owner also where it was made otherwise."""
    return effects.settle(effects.make_directory(path), effects.PRIVATE_DIRECTORY)


def give_letters(key: bytes, study_id: str, arms: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Letters for the arms that have none yet, in the order of HMAC-SHA256 over study and arm."""
    new = {arm for arm in arms if arm not in known}
    free = (letter for letter in map(_letter, count()) if letter not in known.values())
    ordered = sorted(new, key=lambda arm: digest(key, f"{study_id}\x1f{arm}".encode(), sha256))
    return {**known, **{arm: next(free) for arm in ordered}}


def _letter(number: int) -> str:
    """A … Z, AA, AB …"""
    before, last = divmod(number, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + last)
