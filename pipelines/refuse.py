"""How often Python looks for refuse in a night: as it comes it does so at every 700 objects, from the beginning, which
is a tenth of a night, for nothing found."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = (50_000, 5, 5)


@contextmanager
def seldom_looked_for() -> Iterator[None]:
    """Within the block it looks seldom, and not at all until `all_is_loaded`."""
    often = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*often)
        gc.enable()


def all_is_loaded() -> None:
    """What there is by now is none, and not looked through again; of what comes some will be. Outside such a block
    nothing happens."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
