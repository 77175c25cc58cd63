"""How sure an increase is: a one-sided bound on head over base, and what would settle it.

The statistic is the log of the ratio of two ratios of sums. Paired units (up to MAX_SWAPPED): the
bound inverts a permutation test that swaps the sides of pairs at random, exact for independent equal
runs however the costs spread. Otherwise: jackknife standard error and Student's t. False alarms of
A/A runs are tested.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.gate.sample import Sample

MIN_UNITS = 5
"""Below this a standard error means nothing and the rule is not comparable."""
MIN_FOR_PERCENTILES = 100
RESAMPLES = 2_000
MAX_SWAPPED = 2_000
"""Pairs up to which the swap test is run; above it the t bound is as good and far cheaper."""
SWAPS = 1_999
SWAP_SEED = 1
BISECTIONS = 24


@dataclass(frozen=True, slots=True)
class Increase:
    """An increase in percent with its two one-sided bounds (each at the rule's confidence)."""

    pct: float
    low_pct: float
    high_pct: float
    se_log: float
    units: int


def increase(sample: Sample, confidence: float) -> Increase | None:
    """The increase of head over base; None where a side is too small or its base is 0."""
    units = min(len(sample.base), len(sample.head))
    if units < MIN_UNITS or not np.isfinite(sample.estimate) or sample.estimate <= -1:
        return None
    se, freedom = _jackknife(sample)
    center = math.log1p(sample.estimate)
    reach = student_quantile(confidence, freedom) * se
    low, high = center - reach, center + reach
    if sample.paired and units <= MAX_SWAPPED and se > 0:
        low = _swap_bound(sample.base, sample.head, center, se, confidence)
        high = -_swap_bound(sample.head, sample.base, -center, se, confidence)
    bounds = (100 * math.expm1(low), 100 * math.expm1(high))
    return Increase(100 * sample.estimate, *bounds, se, units)


def _jackknife(sample: Sample) -> tuple[float, float]:
    """Standard error of the log ratio, and the degrees of freedom behind it."""
    head, base = _leave_one_out(sample.head), _leave_one_out(sample.base)
    if sample.paired:
        return math.sqrt(_spread(head - base)), len(head) - 1.0
    each = [_spread(head), _spread(base)]
    return math.sqrt(sum(each)), _welch(each, [len(head), len(base)])


def _leave_one_out(side: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log ratio of sums without each unit in turn."""
    rest = np.maximum(side.sum(axis=0) - side, 1e-300)
    out: NDArray[np.float64] = np.log(rest[:, 0]) - np.log(rest[:, 1])
    return out


def _spread(values: NDArray[np.float64]) -> float:
    n = len(values)
    return float((n - 1) / n * ((values - values.mean()) ** 2).sum())


def _swap_bound(
    base: NDArray[np.float64],
    head: NDArray[np.float64],
    center: float,
    se: float,
    confidence: float,
) -> float:
    """Largest log increase that the swap test still rejects as too small, by bisection."""
    # A fixed seed: the gate's verdict may not depend on anything but its input.
    swap = np.random.default_rng(SWAP_SEED).integers(0, 2, (SWAPS, len(base))).astype(np.float64)
    low, high = center - 8 * se, center
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        scaled = head * np.array([math.exp(-middle), 1.0])
        if _swap_p(base, scaled, swap) <= 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def _swap_p(
    base: NDArray[np.float64], head: NDArray[np.float64], swap: NDArray[np.float64]
) -> float:
    """Share of random swaps whose log ratio is at least the one observed (one-sided, Monte Carlo)."""
    swapped = swap @ (base - head)  # [swap, 2]
    new, old = head.sum(axis=0) + swapped, base.sum(axis=0) - swapped
    found = np.log(new[:, 0] / new[:, 1]) - np.log(old[:, 0] / old[:, 1])
    top, below = head.sum(axis=0), base.sum(axis=0)
    seen = math.log(top[0] / top[1]) - math.log(below[0] / below[1])
    return float((1 + (found >= seen - 1e-12).sum()) / (len(swap) + 1))


def _welch(variances: list[float], sizes: list[int]) -> float:
    total = sum(variances)
    if total == 0:
        return float(sum(sizes) - 2)
    return total**2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))


def student_quantile(confidence: float, freedom: float) -> float:
    """One-sided quantile of Student's t by the expansion in 1/freedom (Abramowitz and Stegun, 26.7.5).

    Beside the tables, at 4 degrees (MIN_UNITS): 0.001 too small at 97.5 %, 0.01 at 99.5 %.
    """
    from statistics import NormalDist

    z = NormalDist().inv_cdf(confidence)
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    f = max(freedom, 1.0)
    return z + g1 / f + g2 / f**2 + g3 / f**3 + g4 / f**4


def units_needed(found: Increase, limit_pct: float, confidence: float) -> int | None:
    """Units that would settle on which side of the limit this increase lies; None: never."""
    distance = abs(math.log1p(found.pct / 100) - math.log1p(limit_pct / 100))
    if distance < 1e-9:
        return None
    z = student_quantile(confidence, 1e9)
    sd = found.se_log * math.sqrt(found.units)
    return max(found.units + 1, math.ceil((z * sd / distance) ** 2))


def percentile_bounds(
    values: NDArray[np.float64], percent: float, confidence: float, seed: int
) -> tuple[float, float, float]:
    """A percentile with one-sided bootstrap bounds."""
    rng = np.random.default_rng(seed)
    draws = rng.choice(values, (RESAMPLES, len(values)))
    found = np.percentile(draws, percent, axis=1)
    low, high = np.percentile(found, [100 * (1 - confidence), 100 * confidence])
    return float(np.percentile(values, percent)), float(low), float(high)
