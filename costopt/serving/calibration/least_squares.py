"""Bounded, damped least squares (Levenberg-Marquardt) over logarithms, small enough to need numpy alone.

The residuals come out of a simulation: their slopes are differences, and a step that does not help is
tried shorter. Method: Nocedal & Wright, Numerical Optimization, 2nd ed., section 10.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Residuals = Callable[[Float], Float]

_ENOUGH = 1e-4
"""Relative gain below which a fit is done."""
_TRIES = 6


@dataclass(frozen=True, slots=True)
class Solved:
    """Where it ended."""

    x: Float
    residuals: Float
    slopes: Float
    """[residual, parameter] at `x`."""


def solve(
    residuals: Residuals, start: Float, low: Float, high: Float, *, step: float = 0.03,
    turns: int = 12,
) -> Solved:  # fmt: skip
    """Least squares within bounds. At most `turns` times all slopes are computed, over `step`."""
    x = np.clip(start, low, high)
    found = residuals(x)
    slopes = slopes_of(residuals, x, found, high, step)
    damping = 1e-2
    for _ in range(turns):
        moved = _damped(residuals, x, found, slopes, (low, high), damping)
        if moved is None:
            break
        x, better, damping = moved
        gain = 1.0 - float(better @ better) / max(float(found @ found), 1e-300)
        found = better
        slopes = slopes_of(residuals, x, found, high, step)
        if gain < _ENOUGH:
            break
    return Solved(x, found, slopes)


def _damped(
    residuals: Residuals, x: Float, found: Float, slopes: Float, box: tuple[Float, Float],
    damping: float,
) -> tuple[Float, Float, float] | None:  # fmt: skip
    """The next place, its residuals and the damping that led there; None: no step helps."""
    before = float(found @ found)
    gradient, normal = slopes.T @ found, slopes.T @ slopes
    held = ((x <= box[0]) & (gradient > 0)) | ((x >= box[1]) & (gradient < 0))
    free = ~held
    if not free.any():
        return None
    for _ in range(_TRIES):
        inner = normal[np.ix_(free, free)]
        scale = np.diag(np.maximum(np.diag(inner), 1e-12))
        move = np.zeros_like(x)
        move[free] = np.linalg.solve(inner + damping * scale, -gradient[free])
        there = np.clip(x + np.clip(move, -1.5, 1.5), *box)
        better = residuals(there)
        if float(better @ better) < before:
            return there, better, max(damping / 5, 1e-6)
        damping *= 6
    return None


def slopes_of(residuals: Residuals, x: Float, found: Float, high: Float, width: float) -> Float:
    """[residual, parameter] by differences, downwards at the upper bound."""
    columns = []
    for place in range(len(x)):
        there, step = x.copy(), width if x[place] + width <= high[place] else -width
        there[place] += step
        columns.append((residuals(there) - found) / step)
    return np.array(columns, np.float64).T.reshape(len(found), len(x))
