"""The smallest change that measurement error alone would seldom make."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field, model_validator

from pipelines.study.strict import Strict


class ReliableChange(Strict):
    """Either a published `threshold`, or the `sd` and `reliability` that it follows from (Jacobson & Truax 1991,
    10.1037/0022-006X.59.1.12)."""

    threshold: float | None = Field(default=None, gt=0)
    sd: float | None = Field(default=None, gt=0)
    reliability: float | None = Field(default=None, gt=0, lt=1)
    source: str

    @model_validator(mode="after")
    def _one_way(self) -> ReliableChange:
        if (self.threshold is None) == (self.sd is None or self.reliability is None):
            raise ValueError("give either `threshold`, or both `sd` and `reliability`")
        return self

    @cached_property
    def points(self) -> float:
        """The smallest reliable change: 1.96 · √2 · sd · √(1 − reliability)."""
        if self.threshold is not None:
            return self.threshold
        assert self.sd is not None and self.reliability is not None
        return 1.96 * (2.0 * (1.0 - self.reliability)) ** 0.5 * self.sd
