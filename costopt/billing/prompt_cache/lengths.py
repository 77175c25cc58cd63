"""Token positions inside requests: how long is the prefix that ends at a segment.

Reported lengths are the truth where there are any: a prefix that was once a whole request has that
request's reported length. Between such anchors, counted tokens are scaled to the call's own total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.ports import TokenCounter
from costopt.model.trace import Ragged
from costopt.model.view import View


@dataclass(frozen=True, slots=True)
class Lengths:
    """Positions along each request, in tokens of the call's own reported input."""

    offsets: NDArray[np.int64]  # [call + 1]
    cumulative: NDArray[np.float64]  # [use + 1]: counted tokens before each use, over all calls
    hidden: NDArray[np.int64]  # [call]
    scale: NDArray[np.float64]  # [call]: reported tokens for each counted one
    input_tokens: NDArray[np.int64]  # [call]

    def at(self, call: NDArray[np.int64], depth: NDArray[np.int32]) -> NDArray[np.float64]:
        """Tokens before the end of segment `depth` of the call (0: the hidden prompt alone)."""
        start = self.offsets[call]
        shown = self.cumulative[start + np.maximum(depth, 0)] - self.cumulative[start]
        return self.hidden[call] + self.scale[call] * shown


def counted_uses(view: View, block: Ragged, tokens: TokenCounter) -> NDArray[np.int64]:
    """[use]: tokens of each segment use, counted once for each model and distinct segment."""
    counts = np.zeros(len(block.ids), np.int64)
    model_of_use = np.repeat(view.model.codes, block.lengths)
    for code in np.unique(model_of_use).tolist():
        uses = np.flatnonzero(model_of_use == code)
        distinct, where = np.unique(block.ids[uses], return_inverse=True)
        known = tokens.count(distinct.astype(np.int32), view.model.values[code])
        counts[uses] = known[where.reshape(-1)]
    return counts


def visible_tokens(block: Ragged, counts: NDArray[np.int64]) -> NDArray[np.int64]:  # [call]
    """Counted tokens of every request."""
    cumulative = np.concatenate(([0], np.cumsum(counts)))
    return cumulative[block.offsets[1:]] - cumulative[block.offsets[:-1]]


def measure(
    block: Ragged, counts: NDArray[np.int64], hidden: NDArray[np.int64],
    input_tokens: NDArray[np.int64],
) -> Lengths:  # fmt: skip
    """Positions scaled so that hidden and visible tokens sum to each call's input."""
    shown = visible_tokens(block, counts)
    inside = np.minimum(hidden, input_tokens)
    scale = np.where(shown > 0, (input_tokens - inside) / np.maximum(shown, 1), 0.0)
    cumulative = np.concatenate(([0.0], np.cumsum(counts, dtype=np.float64)))
    return Lengths(block.offsets, cumulative, inside, scale, input_tokens)
