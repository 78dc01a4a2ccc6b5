"""What may pass into Dagster's stored events when something goes wrong.

Dagster keeps the text of every exception. Libraries quote the value they stumbled over, and here values
are participants'. So only our own errors keep their words; of others the kind and the place are kept.

And what is worth another attempt: a disk or network that did not answer may do so in half a minute. What a file, the
study or the code says will not change meanwhile.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.own_words import in_own_words

PASSING = frozenset(
    (
        errno.EAGAIN,
        errno.EBUSY,
        errno.EINTR,
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ECONNRESET,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EREMOTEIO,
    )
)
# For steps that may be begun anew at any point.
AGAIN = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL)


def may_pass(error: BaseException) -> bool:
    """Whether an error is one that storage or the network get over by themselves."""
    return isinstance(error, OSError) and error.errno in PASSING


@contextmanager
def without_values() -> Iterator[None]:
    """Let no foreign exception through with its text or its chain of causes; only what may pass is tried again."""
    try:
        yield
    except (dg.Failure, GeneratorExit, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 (whatever a library raises)
        raise dg.Failure(description=in_own_words(error), allow_retries=may_pass(error)) from None
