"""Exact tails and intervals for bad events x of n against a tolerance fixed beforehand.

Probabilities are cut to twelve digits, so that another processor's last digits change no digest. Of SciPy only
`scipy.special` is used: `scipy.stats` takes a second to load, in every night that has something to judge.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import Literal

Kind = Literal["proportion", "rate"]
ACTION, WATCH = 0.001, 0.025
Z = 1.959963984540054  # of the normal distribution, at 0.975
NEGLIGIBLE = 1e-20  # of a sum


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
    p = x / n
    denominator = 2 * (n + Z**2)
    centre = (2 * n * p + Z**2) / denominator
    reach = Z / denominator * sqrt(4 * n * p * (1 - p) + Z**2)
    return cut(0.0 if x == 0 else centre - reach), cut(1.0 if x == n else centre + reach)


def higher_than_others(x: int, n: int, x_others: int, n_others: int, kind: Kind = "proportion") -> float:
    """One-sided p of x in n against the other sites together: Fisher's exact test, or of two rates given their sum."""
    if kind == "rate":
        return upper_tail(x, x + x_others, n / (n + n_others))
    return cut(_hypergeometric_tail(x, n, x + x_others, n + n_others))


def _hypergeometric_tail(x: int, drawn: int, bad: int, total: int) -> float:
    """P(X ≥ x): X bad ones among those drawn without replacement.

    Every term by its ratio to the one beside it, from the largest on: arithmetic that is the same on every machine.
    """
    least, most = max(0, drawn + bad - total), min(drawn, bad)
    if x <= least or x > most:
        return 1.0 if x <= least else 0.0
    mode = (drawn + 1) * (bad + 1) // (total + 2)
    above, below = {mode: 1.0}, {mode: 1.0}
    term, k = 1.0, mode
    while k < most and (k < x or term > NEGLIGIBLE * above[max(x, mode)]):
        term *= (bad - k) * (drawn - k) / ((k + 1) * (total - bad - drawn + k + 1))
        k += 1
        above[k] = term
    term, k = 1.0, mode
    while k > least and term > NEGLIGIBLE:
        term *= k * (total - bad - drawn + k) / ((bad - k + 1) * (drawn - k + 1))
        k -= 1
        below[k] = term
    terms = below | above
    return fsum(w for k, w in terms.items() if k >= x) / fsum(terms.values())


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
