"""A logistic regression pulled towards a prior: with no data the prior, with much data the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 50
_ENOUGH = 1e-8
_NEARNESS = (0.1, 0.3, 1.0)
"""Scales of the spread that are tried: a part like its parent, akin to it, or free of it."""


def chance(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function, kept off 0 and 1 so that no log is infinite."""
    return 1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0)))


def fitted(
    x: NDArray[np.float64], y: NDArray[np.bool_], centre: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Coefficients of highest posterior density. Newton steps, halved until the density rises."""
    weight = 1.0 / spread**2
    coefficients = centre.copy()
    height = _height(x, y, coefficients, centre, weight)
    for _ in range(_ROUNDS):
        p = chance(x @ coefficients)
        gradient = x.T @ (y - p) - weight * (coefficients - centre)
        curvature = (x * (p * (1.0 - p))[:, None]).T @ x + np.diag(weight)
        move = np.linalg.solve(curvature, gradient)
        while True:
            candidate = coefficients + move
            reached = _height(x, y, candidate, centre, weight)
            if reached >= height or float(np.abs(move).max()) < _ENOUGH:
                break
            move = move / 2.0
        gain, coefficients, height = reached - height, candidate, reached
        if gain < _ENOUGH:
            break
    return coefficients


def fitted_near(
    x: NDArray[np.float64], y: NDArray[np.bool_], centre: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Coefficients near the centre; how near is told by the data: the scale of highest evidence.

    Laplace's approximation, https://www.inference.org.uk/mackay/itila/ chapter 27.
    """
    best, most = centre, -np.inf
    for scale in _NEARNESS:
        found = fitted(x, y, centre, scale * spread)
        evidence = _evidence(x, y, found, centre, 1.0 / (scale * spread) ** 2)
        if evidence > most:
            best, most = found, evidence
    return best


def _evidence(
    x: NDArray[np.float64], y: NDArray[np.bool_], at: NDArray[np.float64],
    centre: NDArray[np.float64], weight: NDArray[np.float64],
) -> float:  # fmt: skip
    p = chance(x @ at)
    curvature = (x * (p * (1.0 - p))[:, None]).T @ x + np.diag(weight)
    width = float(np.log(weight).sum() - np.linalg.slogdet(curvature)[1])
    return _height(x, y, at, centre, weight) + 0.5 * width


def _height(
    x: NDArray[np.float64], y: NDArray[np.bool_], at: NDArray[np.float64],
    centre: NDArray[np.float64], weight: NDArray[np.float64],
) -> float:  # fmt: skip
    score = np.clip(x @ at, -30.0, 30.0)
    log_likelihood = float((y * score - np.logaddexp(0.0, score)).sum())
    return log_likelihood - 0.5 * float((weight * (at - centre) ** 2).sum())
