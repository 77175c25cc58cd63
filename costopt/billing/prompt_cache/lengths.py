"""Token positions inside requests: how long is the prefix that ends at a segment.

Reported lengths are the truth where there are any: a prefix that was once a whole request has that
request's reported length. Between such anchors, counted tokens are scaled to the call's own total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.ports import TokenCounter
from costopt.model.trace import Ragged

_TABLE = 1_000_000


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


def counted_uses(
    codes: NDArray[np.int32], models: Sequence[str], block: Ragged, tokens: TokenCounter
) -> NDArray[np.int64]:
    """[use]: tokens of each segment use, counted once for each model and distinct segment.

    `codes`: [call] of the block, into `models`.
    """
    used = np.flatnonzero(np.bincount(codes[block.lengths > 0], minlength=len(models)))
    if len(used) == 1:  # the usual case needs no split
        return _counted(block.ids, models[int(used[0])], tokens)
    width = int(block.ids.max(initial=-1)) + 1
    if len(used) * width > _TABLE + 4 * len(block.ids):
        return _counted_apart(used, codes, models, block, tokens)
    row = np.zeros(len(models), np.int64)
    row[used] = np.arange(len(used)) * width
    place = np.repeat(row[codes], block.lengths)
    place += block.ids
    there = np.zeros((len(used), width), np.bool_)
    there.reshape(-1)[place] = True
    table = np.zeros((len(used), width), np.int64)
    for i, code in enumerate(used.tolist()):
        distinct = np.flatnonzero(there[i]).astype(np.int32)
        table[i, distinct] = tokens.count(distinct, models[code])
    return table.reshape(-1)[place]


def _counted_apart(
    used: NDArray[np.int64], codes: NDArray[np.int32], models: Sequence[str], block: Ragged,
    tokens: TokenCounter,
) -> NDArray[np.int64]:  # fmt: skip
    """Model by model: one table of all models and segments would be larger than the uses."""
    counts = np.zeros(len(block.ids), np.int64)
    model_of_use = np.repeat(codes, block.lengths)
    for code in used.tolist():
        uses = np.flatnonzero(model_of_use == code)
        counts[uses] = _counted(block.ids[uses], models[code], tokens)
    return counts


def _counted(ids: NDArray[np.int32], model: str, tokens: TokenCounter) -> NDArray[np.int64]:
    """A table over the segments instead of a sort of the uses, which are many more."""
    table = np.zeros(int(ids.max(initial=-1)) + 1, np.int64)
    there = np.zeros(len(table), np.bool_)
    there[ids] = True
    distinct = np.flatnonzero(there).astype(np.int32)
    table[distinct] = tokens.count(distinct, model)
    return table[ids]


def visible_tokens(block: Ragged, counts: NDArray[np.int64]) -> NDArray[np.int64]:  # [call]
    """Counted tokens of every request."""
    cumulative = np.concatenate(([0], np.cumsum(counts)))
    return cumulative[block.offsets[1:]] - cumulative[block.offsets[:-1]]


def measure(
    block: Ragged, counts: NDArray[np.int64], hidden: NDArray[np.int64],
    input_tokens: NDArray[np.int64],
) -> Lengths:  # fmt: skip
    """Positions scaled so that hidden and visible tokens sum to each call's input."""
    cumulative = np.concatenate(([0.0], np.cumsum(counts, dtype=np.float64)))
    return scaled(block.offsets, cumulative, hidden, input_tokens)


def scaled(
    offsets: NDArray[np.int64], cumulative: NDArray[np.float64], hidden: NDArray[np.int64],
    input_tokens: NDArray[np.int64],
) -> Lengths:  # fmt: skip
    """Positions from the running counts over all uses (whole numbers, far below 2 to the 53)."""
    shown = cumulative[offsets[1:]] - cumulative[offsets[:-1]]
    inside = np.minimum(hidden, input_tokens)
    scale = np.where(shown > 0, (input_tokens - inside) / np.maximum(shown, 1), 0.0)
    return Lengths(offsets, cumulative, inside, scale, input_tokens)
