"""A synthetic trial whose truth is known: what its sites would send, and what must come of it.

Used by `ict-trial simulate`, the demo, the tests and the benchmarks.
"""

from pipelines.simulate.run import SimulationError, simulate

__all__ = ["SimulationError", "simulate"]
