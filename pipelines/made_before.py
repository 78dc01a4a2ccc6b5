"""Things kept in a file each, with a digest of what they were made of and of themselves: another night takes one over
where it would be made of the same, and is as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines import effects


def made_before(file: Path, made_of: str, make: Callable[[], Any]) -> Any:
    """What `make` makes, ready for JSON; or what is kept of the last time, where that was made of the same."""
    with suppress(OSError, ValueError):
        digest, _, text = file.read_text(encoding="utf-8").partition("\n")
        if digest == _digest(made_of, text):
            return json.loads(text)
    made = make()
    text = json.dumps(made, ensure_ascii=False)
    with suppress(OSError):  # what is not kept is made again
        effects.make_directory(file.parent)
        effects.write(file, f"{_digest(made_of, text)}\n{text}".encode())
    return made


def _digest(made_of: str, text: str) -> str:
    return sha256(json.dumps([made_of, text]).encode()).hexdigest()
