"""What may pass into Dagster's stored events when something goes wrong.

Dagster keeps the text of every exception. Libraries quote the value they stumbled over, and here values
are participants'. So only our own errors keep their words; of others the kind and the place are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.own_words import in_own_words


@contextmanager
def without_values() -> Iterator[None]:
    """Let no foreign exception through with its text or its chain of causes."""
    try:
        yield
    except (dg.Failure, GeneratorExit, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 (whatever a library raises)
        raise dg.Failure(description=in_own_words(error), allow_retries=False) from None
