"""Intervals of a share: exact ones for independent trials, robust ones for trials in clusters.

All functions take numbers or arrays and give arrays of the same shape. `confidence` is that of the
whole interval, or of the one side where a function gives one side. No trials: 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
_STEPS = 100
"""Of a search for a quantile; seven are usual, and halving alone would need 44."""
_FRACTION_STEPS = 500
_TINY = 1e-300


def clopper_pearson(
    hits: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[Float, Float]:
    """Exact two-sided interval: never covers less than it says. Counts may be fractions."""
    side = 1 - (1 - confidence) / 2
    return lower_bound(hits, trials, side), upper_bound(hits, trials, side)


def upper_bound(hits: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Float:
    """Exact one-sided upper bound: the share at which so few hits have a chance of 1 - confidence."""
    k, n = _counts(hits, trials)
    inside = (n > 0) & (k < n)
    bound = beta_quantile(confidence, np.where(inside, k + 1, 1), np.where(inside, n - k, 1))
    return np.where(inside, bound, 1.0)


def lower_bound(hits: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Float:
    """Exact one-sided lower bound."""
    k, n = _counts(hits, trials)
    inside = (n > 0) & (k > 0)
    bound = beta_quantile(1 - confidence, np.where(inside, k, 1), np.where(inside, n - k + 1, 1))
    return np.where(inside, bound, 0.0)


def wilson(hits: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> tuple[Float, Float]:
    """Score interval (Wilson 1927): shorter than the exact one, right on average over shares."""
    k, n = _counts(hits, trials)
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    some = np.where(n > 0, n, 1)
    share = k / some
    middle = (share + z * z / (2 * some)) / (1 + z * z / some)
    half = z / (1 + z * z / some) * np.sqrt(share * (1 - share) / some + (z / (2 * some)) ** 2)
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half, 1)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def trials_needed(share: float, confidence: float = 0.95) -> int:
    """Trials without one hit that put the exact upper bound at or below `share`: 299 for 1 %."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-share))


@dataclass(frozen=True)
class RatioSums:
    """Sums over clusters i of trials n and hits x: they add up over parts of a trace."""

    clusters: int
    n: int
    x: int
    xx: int
    nx: int
    nn: int

    @classmethod
    def of(cls, n: ArrayLike, x: ArrayLike) -> RatioSums:
        """From trials and hits of each cluster; clusters without a trial do not count."""
        trials, hits = np.asarray(n, np.int64), np.asarray(x, np.int64)
        pairs = (hits * hits).sum(), (trials * hits).sum(), (trials * trials).sum()
        return cls(int((trials > 0).sum()), int(trials.sum()), int(hits.sum()), *map(int, pairs))

    @property
    def effective(self) -> float:
        """Independent trials that would say as much."""
        return effective_trials(self.clusters, self.n, self.x, self.xx, self.nx, self.nn)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Cluster-robust: the exact interval at the effective number of trials."""
        trials = float(self.n) if self.clusters == self.n else self.effective
        hits = trials * self.x / self.n if self.n else 0.0
        low, high = clopper_pearson(hits, trials, confidence)
        return float(low), float(high)


def effective_trials(clusters: int, n: float, x: float, xx: float, nx: float, nn: float) -> float:
    """Independent trials that would say as much as these clusters (Korn and Graubard 1998).

    At the worst each cluster is of one kind; without a hit, or without a miss, nothing tells that it
    is not. Arguments: the sums of `RatioSums`, or weighed ones.
    """
    if not n:
        return 0.0
    worst, share = n**2 / nn, x / n
    if clusters < 2 or share in (0.0, 1.0):
        return worst
    squares = xx - 2 * share * nx + share**2 * nn
    variance = squares / n**2 * clusters / (clusters - 1)
    return min(float(n), share * (1 - share) / variance) if variance > 0 else worst


def beta_quantile(q: ArrayLike, a: ArrayLike, b: ArrayLike) -> Float:
    """Quantile of the beta distribution: Newton's steps, halving where one would leave the bracket."""
    p, first, second = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (q, a, b)))
    if p.size == 1:
        return np.full(p.shape, _quantile_of_one(p.item(), first.item(), second.item()))
    return _quantiles(p, first, second)


def _quantile_of_one(p: float, a: float, b: float) -> float:
    """`_quantiles` of one number in Python's floats: twenty times as fast as on an array of one."""
    low, high, at = 0.0, 1.0, a / (a + b)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    for _ in range(_STEPS):
        front = 0.0
        if at > 0:
            logs = a * math.log(max(at, _TINY)) + b * math.log1p(-min(at, 1 - 1e-16))
            front = math.exp(logs - log_beta)
        if at > (a + 1) / (a + b + 2):
            below = 1 - front / b * _lentz(1 - at, b, a)
        else:
            below = front / a * _lentz(at, a, b)
        over = min(max(below, 0.0), 1.0) - p
        low, high = (at, high) if over < 0 else (low, at)
        aimed = at - over / max(front / max(at * (1 - at), _TINY), _TINY)
        following = aimed if low < aimed < high else (low + high) / 2
        moved, at = abs(following - at), following
        if moved <= 1e-13 * at:
            break
    return at


def _quantiles(p: Float, first: Float, second: Float) -> Float:
    """The same on arrays, until the last element is steady."""
    low, high = np.zeros(p.shape), np.ones(p.shape)
    at = first / (first + second)
    for _ in range(_STEPS):
        over = beta_cdf(at, first, second) - p
        low, high = np.where(over < 0, at, low), np.where(over < 0, high, at)
        density = _front(at, first, second) / np.maximum(at * (1 - at), _TINY)
        aimed = at - over / np.maximum(density, _TINY)
        inside = (aimed > low) & (aimed < high)
        following = np.where(inside, aimed, (low + high) / 2)
        moved, at = np.abs(following - at), following
        if np.all(moved <= 1e-13 * at):
            break
    return at


def beta_cdf(x: ArrayLike, a: ArrayLike, b: ArrayLike) -> Float:
    """Regularised incomplete beta function; for whole a and b a tail of the binomial.

    By its continued fraction on the side where that converges fast
    (https://dlmf.nist.gov/8.17#v, checked 2026-11-24).
    """
    at, p, q = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (x, a, b)))
    turned = at > (p + 1) / (p + q + 2)
    y = np.where(turned, 1 - at, at)
    first, second = np.where(turned, q, p), np.where(turned, p, q)
    front = _front(y, first, second) / first * _fraction(y, first, second)
    return np.clip(np.where(turned, 1 - front, front), 0, 1)


def _front(x: Float, a: Float, b: Float) -> Float:
    """x^a (1 - x)^b / B(a, b), through logarithms: counts in the thousands overflow else."""
    log_beta = _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
    logs = a * np.log(np.maximum(x, _TINY)) + b * np.log1p(-np.minimum(x, 1 - 1e-16))
    return np.where(x > 0, np.exp(logs - log_beta), 0.0)


def _fraction(x: Float, a: Float, b: Float) -> Float:
    """Lentz's evaluation of the continued fraction. One number alone goes through Python's floats, which
    are ten times as fast for it as arrays of one."""
    if x.size == 1:
        return np.full(x.shape, _lentz(x.item(), a.item(), b.item()))
    return np.asarray(_lentz(x, a, b))


def _lentz(x: Any, a: Any, b: Any) -> Any:
    """The same on floats and on arrays: until the last element is steady."""
    c = 1.0
    d = 1 / _away(1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, _FRACTION_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            total = total * (c * d)
        steady = abs(c * d - 1) < 1e-13
        if steady if isinstance(steady, bool) else np.all(steady):
            break
    return total


def _away(value: Any) -> Any:
    """Never 0: the next step divides by it."""
    return value + (abs(value) < _TINY) * _TINY


def _log_gamma(value: Float) -> Float:
    return np.asarray(_EACH_LOG_GAMMA(value))


_EACH_LOG_GAMMA = np.vectorize(math.lgamma, otypes=[np.float64])


def _counts(hits: ArrayLike, trials: ArrayLike) -> tuple[Float, Float]:
    k, n = np.broadcast_arrays(np.asarray(hits, np.float64), np.asarray(trials, np.float64))
    if np.any((k < 0) | (k > n)):
        raise ValueError("hits lie between 0 and the number of trials")
    return k, n
