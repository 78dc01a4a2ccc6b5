"""What may be said of an error to people and in records: libraries quote the value they stumbled over."""

from __future__ import annotations

import traceback
from pathlib import Path


def in_own_words(error: BaseException) -> str:
    """Our own errors as they are; of a foreign one its kind, and where in our code it came up."""
    if type(error).__module__.startswith(("pipelines.", "schemas.")):
        return str(error)
    ours = Path(__file__).parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(ours)]
    place = f" at {Path(frames[-1].filename).relative_to(ours)}:{frames[-1].lineno}" if frames else ""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename or 'no file named'}){place}"
    return f"{type(error).__name__}{place}; its text is kept out because it may quote a participant's data"
