"""Exact tails and intervals for bad events x of n against a tolerance fixed beforehand.

Probabilities are cut to twelve digits, so that another processor's last digits change no digest.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["proportion", "rate"]
ACTION, WATCH = 0.001, 0.025


def cut(probability: float) -> float:
    """To twelve digits."""
    return float(f"{probability:.12g}")


def upper_tail(x: int, n: int, tolerated: float, kind: Kind = "proportion") -> float:
    """P(X ≥ x): X binomial in n trials with the tolerated share, or (rate) Poisson with mean n times the rate."""
    from scipy.special import bdtrc, pdtrc

    if x <= 0:
        return 1.0
    if kind == "rate":
        return cut(float(pdtrc(x - 1, n * tolerated)) if n * tolerated > 0 else 0.0)
    return cut(float(bdtrc(x - 1, n, tolerated)) if x <= n else 0.0)


def flag_of(tail: float) -> Literal["ACTION", "WATCH"] | None:
    """What an upper tail asks for: below 0.001 ACTION, below 0.025 WATCH."""
    return "ACTION" if tail < ACTION else "WATCH" if tail < WATCH else None


def flags_from(level: float, n: int, tolerated: float, kind: Kind = "proportion") -> int | None:
    """The smallest x with P(X ≥ x) below `level`; None where not even all n bad would be."""
    low, high = 0, n + 1
    if kind == "rate":
        high = 1
        while upper_tail(high, n, tolerated, kind) >= level:
            high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if upper_tail(middle, n, tolerated, kind) < level:
            high = middle
        else:
            low = middle
    return high if kind == "rate" or high <= n else None


def wilson(x: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion (Wilson 1927, without continuity correction)."""
    from scipy.stats import binomtest

    interval = binomtest(x, n).proportion_ci(0.95, method="wilson")
    return cut(float(interval.low)), cut(float(interval.high))


def higher_than_others(x: int, n: int, x_others: int, n_others: int, kind: Kind = "proportion") -> float:
    """One-sided p of x in n against the other sites together: Fisher's exact test, or of two rates given their sum."""
    from scipy.stats import binom, hypergeom

    if kind == "rate":
        return cut(float(binom.sf(x - 1, x + x_others, n / (n + n_others))))
    return cut(float(hypergeom.sf(x - 1, n + n_others, x + x_others, n)))


def funnel_scores(counts: list[tuple[int, int]], kind: Kind = "proportion") -> list[float]:
    """Each site's score by the normal approximation with over-dispersion, from (x, n) of all sites with n > 0.

    As gsm has it: z0 = (x/n - μ) / √(v/n), v = μ(1-μ) or (rate) μ; φ = mean z0²; score = z0 / √φ; 0 where φ or v is.
    """
    mean = sum(x for x, _ in counts) / sum(n for _, n in counts)
    variance = mean if kind == "rate" else mean * (1 - mean)
    if variance <= 0:
        return [0.0] * len(counts)
    raw = [(x / n - mean) / (variance / n) ** 0.5 for x, n in counts]
    dispersion = sum(z * z for z in raw) / len(raw)
    return [cut(z / dispersion**0.5) if dispersion > 0 else 0.0 for z in raw]
