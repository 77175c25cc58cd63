"""A total of requests not yet seen, from the projection and the ratio that other requests measured.

Measured over predicted is a ratio of sums r = Y/X over the sessions of the writing half. The judging
half's total is foretold as r times its own projection X_J. Its error has two parts: the ratio's, and
that of the sessions to come, whose residuals are taken to grow with their size,

    Var = X_J^2 sum(d^2) / X^2  +  sum(d^2) / sum(x^2) * sum_J(x^2),

where d is the residual of a session under the ratio of all others (each tells how far an unseen one lies
off; the plain residual of a session that dominates would be near 0). The quantile is Student's, with the
degrees of freedom that sizes so uneven leave, (sum x^2)^2 / sum x^4, at most sessions - 1. Simulated over
heavy-tailed sizes and session effects the interval covers 93 to 99 % (tests/replay/test_compare_ratio.py).
Cochran, Sampling Techniques, ch. 6; Royall and Cumberland 1981, https://doi.org/10.1080/01621459.1981.10477604
(checked 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.engine.bootstrap import student

Float = NDArray[np.float64]
MIN_CALLS = 4
"""Measured calls below which a ratio is chance; the projection stands as it is."""
MIN_SESSIONS = 4
"""Sessions below which their spread says nothing, and there is no interval."""
LEVEL = 0.95
_TINY = 1e-12
_CERTAIN = 1e6
"""Degrees of freedom of a variance that is known."""


@dataclass(frozen=True)
class Sizes:
    """Calls of one half: predicted and measured, both [call], with their clusters."""

    predicted: Float
    measured: Float
    """Of the judging half nothing reads it."""
    cluster: NDArray[np.int64]

    @classmethod
    def of(
        cls, predicted: Sequence[float], measured: Sequence[float], cluster: Sequence[int]
    ) -> Sizes:
        """From lists of the same length."""
        return cls(
            np.asarray(predicted, np.float64), np.asarray(measured, np.float64),
            np.asarray(cluster, np.int64),
        )  # fmt: skip

    def sums(self) -> tuple[Float, Float]:
        """(predicted, measured) of each cluster with a call."""
        _, code = np.unique(self.cluster, return_inverse=True)
        predicted, measured = np.bincount(code, self.predicted), np.bincount(code, self.measured)
        return predicted.astype(np.float64), measured.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Measured over predicted, and what it takes to foretell with it."""

    value: float
    error: float
    """Standard error."""
    spread: float
    """Variance of a session's residual for each unit of its squared size; nan: too few sessions."""
    freedom: float
    sessions: int
    calls: int
    whole: float
    """What was predicted of them together."""

    @property
    def ci95(self) -> tuple[float, float] | None:
        """Of the ratio itself."""
        if np.isnan(self.spread):
            return None
        reach = student(LEVEL, self.freedom) * self.error
        return self.value - reach, self.value + reach


def ratio_of(half: Sizes) -> Ratio | None:
    """None: too few calls, or nothing was predicted of them."""
    calls = len(half.predicted)
    x, y = half.sums()
    whole = float(x.sum())
    if calls < MIN_CALLS or whole <= 0:
        return None
    # A session of which nothing is predicted tells nothing of the spread of those that have something.
    value, sessions = float(y.sum()) / whole, int((x > 0).sum())
    if sessions < MIN_SESSIONS:
        return Ratio(value, np.nan, np.nan, 1.0, sessions, calls, whole)
    deleted = (y - value * x) / np.maximum(1 - x / whole, _TINY)
    squares, sizes = float((deleted**2).sum()), x * x
    freedom = float(sizes.sum()) ** 2 / float((sizes * sizes).sum())
    return Ratio(
        value, float(np.sqrt(squares)) / whole, squares / float(sizes.sum()),
        min(sessions - 1.0, max(1.0, freedom)), sessions, calls, whole,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Foretold:
    """A total with the variance of its error; nan: not known."""

    total: float
    variance: float
    freedom: float


def foretold(ratio: Ratio, judges: Sizes, own: tuple[float, float] = (0.0, 0.0)) -> Foretold:
    """The judging half's total.

    `own`: variances of the projections themselves, of the half that wrote and of the judging one (whether a
    cache serves). The residuals hold them already where there are enough: the larger counts, and what is
    not estimated from residuals takes no degrees of freedom.
    """
    x, _ = judges.sums()
    whole = float(x.sum())
    scale = ratio.value**2
    parts = [
        ((whole * ratio.error) ** 2, scale * own[0] * (whole / ratio.whole) ** 2),
        (ratio.spread * float((x * x).sum()), scale * own[1]),
    ]
    # `max` of a nan and a number depends on their order: without an estimate there is no variance.
    if np.isnan(ratio.spread):
        return Foretold(ratio.value * whole, float("nan"), ratio.freedom)
    variance = sum(max(part) for part in parts)
    estimated = sum(seen for seen, stated in parts if seen >= stated)
    freedom = ratio.freedom * (variance / estimated) ** 2 if estimated else _CERTAIN
    return Foretold(ratio.value * whole, variance, min(freedom, _CERTAIN))


def interval(parts: Sequence[Foretold]) -> tuple[float, float] | None:
    """Of the sum of independent totals, degrees of freedom by Satterthwaite; never below 0. None: of one
    part the error is not known."""
    total, variance = sum(p.total for p in parts), sum(p.variance for p in parts)
    if not parts or np.isnan(variance):
        return None
    if variance <= _TINY * max(1.0, total) ** 2:
        return total, total
    freedom = variance**2 / sum(p.variance**2 / p.freedom for p in parts)
    reach = student(LEVEL, freedom) * float(np.sqrt(variance))
    return max(0.0, total - reach), total + reach
