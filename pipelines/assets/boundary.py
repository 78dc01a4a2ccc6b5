"""What may pass into Dagster's stored events when something goes wrong.

Dagster keeps the text of every exception. Libraries quote the value they stumbled over, and here values
are participants'. So only our own errors keep their words; of others the kind and the place are kept.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def without_values() -> Iterator[None]:
    """Let no foreign exception through with its text or its chain of causes."""
    try:
        yield
    except (dg.Failure, GeneratorExit, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 (whatever a library raises)
        raise dg.Failure(description=in_own_words(error), allow_retries=False) from None


def in_own_words(error: BaseException) -> str:
    """Our own errors as they are; of a foreign one its kind, and where in our code it came up."""
    if type(error).__module__.startswith(("pipelines.", "schemas.")):
        return str(error)
    ours = Path(__file__).parents[1]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(ours)]
    place = f" at {Path(frames[-1].filename).relative_to(ours)}:{frames[-1].lineno}" if frames else ""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename or 'no file named'}){place}"
    return f"{type(error).__name__}{place}; its text is kept out because it may quote a participant's data"
