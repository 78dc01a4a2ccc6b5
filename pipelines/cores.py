"""How many processors there are to work with."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # what a container is given of the machine: microseconds of each period


def usable_cores(quota: Path = _QUOTA) -> int:
    """Cores that this process may use: those that the system lets it run on, as far as its container is given them."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        given, period = quota.read_text().split()
        return max(1, min(allowed, int(given) // int(period)))
    except (OSError, ValueError):  # no container, or `max`
        return allowed
