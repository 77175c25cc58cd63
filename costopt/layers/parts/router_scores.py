"""What a trained router says of every call: how likely a cheaper model answers as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.routing_evidence import UNKNOWN, Labelled

LEAST_LABELS = 40
"""Judged answers of the cheap model in each half, of both kinds together, below which nothing is learnt."""
LEAST_OF_A_KIND = 5


@dataclass(frozen=True, eq=False)
class RouterScores:
    """Scores of one target model. Each half of the log is scored by what the other half taught."""

    good: NDArray[np.float64]  # [call]: 0..1; NaN where nothing was learnt
    trained: tuple[int, int]
    """Judged answers of the target in the earlier and in the later half."""
    told: str = ""
    """What it was learnt from, or why it was not."""


def as_good(labelled: Labelled, target: NDArray[np.bool_]) -> NDArray[np.int8]:  # [call]
    """Of the target's own calls: 1 where its answer loses nothing, 0 where it does, else UNKNOWN.

    It loses nothing where it is right, or where the other models of the log were wrong as well.
    """
    others = labelled.right.copy()
    others[target] = UNKNOWN
    best = np.full(int(labelled.key.max(initial=-1)) + 1, UNKNOWN, np.int8)
    np.maximum.at(best, labelled.key, others)
    good = np.where((labelled.right == 1) | (best[labelled.key] == 0), 1, 0)
    return np.where(target & (labelled.right != UNKNOWN), good, UNKNOWN).astype(np.int8)


def enough(y: NDArray[np.int8], rows: NDArray[np.bool_]) -> bool:
    """Labels of both kinds, and of each some."""
    known = y[rows & (y != UNKNOWN)]
    ones = int((known == 1).sum())
    return len(known) >= LEAST_LABELS and min(ones, len(known) - ones) >= LEAST_OF_A_KIND
