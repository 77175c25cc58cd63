"""Which constants a grid can tell apart, from the slopes of its measurements.

The slopes of all constants are taken one after the other, the strongest first, each less what those before
it explain already (QR with column pivoting). A constant whose remainder is drowned by the measurements'
noise is not fitted: it would only be a name for what another constant does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

MOST_ERROR = 0.2
"""Standard error of a constant, in log units, beyond which the grid says nothing of it."""
_NOTHING = 1e-3
"""A slope below it: a constant ten times as large would move no figure by a percent."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the grid tells."""

    fitted: dict[str, float]
    """Name to standard error, in log units (0.1 is about ten percent)."""
    left: dict[str, str]
    """Name to the reason why it stays as it was."""


def tell(names: Sequence[str], slopes: Float, noise: Float) -> Told:
    """`slopes`: [figure, constant] in log units; `noise`: [figure] relative standard errors."""
    weighted = slopes / noise[:, None]
    rest = weighted.copy()
    chosen: list[int] = []
    while len(chosen) < min(weighted.shape):
        sizes = np.linalg.norm(rest, axis=0)
        sizes[chosen] = 0.0
        best = int(np.argmax(sizes))
        if sizes[best] <= 1.0 / MOST_ERROR:
            break
        chosen.append(best)
        way = rest[:, best] / sizes[best]
        rest = rest - np.outer(way, way @ rest)
    errors = _errors(weighted[:, chosen])
    fitted = {names[place]: error for place, error in zip(chosen, errors, strict=True)}
    left = {
        name: _why(place, names, slopes, weighted, chosen)
        for place, name in enumerate(names)
        if place not in chosen
    }
    return Told(fitted, left)


def _errors(weighted: Float) -> list[float]:
    """Standard error of each chosen constant beside the others."""
    if not weighted.shape[1]:
        return []
    spread = np.linalg.pinv(weighted.T @ weighted)
    return [float(error) for error in np.sqrt(np.maximum(np.diag(spread), 0.0))]


def _why(
    place: int, names: Sequence[str], slopes: Float, weighted: Float, chosen: Sequence[int]
) -> str:
    """In words: it moves nothing, it moves too little, or what it moves is another's doing."""
    column = weighted[:, place]
    if np.abs(slopes[:, place]).max(initial=0.0) < _NOTHING:
        return "nothing that was measured depends on it"
    if not chosen or np.linalg.norm(column) <= 1.0 / MOST_ERROR:
        return "what it moves is smaller than the spread of the measurements"
    likeness = [abs(_cosine(column, weighted[:, other])) for other in chosen]
    nearest = names[chosen[int(np.argmax(likeness))]]
    return f"this grid cannot tell it from `{nearest}`"


def _cosine(a: Float, b: Float) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size else 0.0
