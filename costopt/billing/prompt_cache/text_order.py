"""A large family of siblings in the order of its texts: any part of it is compared without them.

In that order the bytes that two texts begin with alike are the least that any two neighbours between them
do. A view that sends other calls has a part of the same siblings: its pairs are numbers of this table.
`siblings.pairs_of` says the same by the texts themselves and is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.siblings import BLOCK, OVERLAP
from costopt.model.beginning import shared_length
from costopt.model.ports import Texts

Int = NDArray[np.int64]
MOST_BYTES = 1 << 28
"""Of texts held at once to be sorted; larger families are compared block by block."""


@dataclass(frozen=True, slots=True)
class TextOrder:
    """Ranks are those of the distinct texts, from 0."""

    seg: NDArray[np.int32]  # [member], ascending
    rank: Int  # [member]
    length: Int  # [rank]: bytes
    shared: list[Int]
    """[level][rank]: bytes common to the texts of this rank and the 2 to the level that follow it."""

    @classmethod
    def of(cls, ids: NDArray[np.int32], texts: Texts) -> TextOrder | None:
        """None: not all of these texts are at hand."""
        seg = np.unique(ids)
        found = texts.get(seg)
        if any(t is None for t in found):
            return None
        raw = [(t or "").encode("utf-8", "surrogatepass") for t in found]
        order = sorted(range(len(raw)), key=raw.__getitem__)
        rank, length, common = np.empty(len(raw), np.int64), list[int](), list[int]()
        for before, member in zip([-1, *order], order, strict=False):
            if before < 0 or raw[before] != raw[member]:
                if before >= 0:
                    common.append(shared_length(raw[before], raw[member]))
                length.append(len(raw[member]))
            rank[member] = len(length) - 1
        return cls(seg, rank, np.array(length, np.int64), _levels(np.array(common, np.int64)))

    def holds(self, ids: NDArray[np.int32]) -> bool:
        """Whether all of them are members."""
        at = np.minimum(np.searchsorted(self.seg, ids), len(self.seg) - 1)
        return bool((self.seg[at] == ids).all())

    def pairs(self, ids: NDArray[np.int32]) -> tuple[Int, Int, Int]:
        """(younger, elder, bytes in common) as places in `ids`, members in order of creation."""
        rank = self.rank[np.searchsorted(self.seg, ids)]
        young, old = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for start in range(0, len(ids), BLOCK - OVERLAP):
            block = rank[start : start + BLOCK]
            fresh = 1 if start == 0 else OVERLAP
            if len(block) <= fresh and start > 0:
                break
            child, other = _near(block, fresh)
            young.append(start + child)
            old.append(start + other)
        first, second = np.concatenate(young), np.concatenate(old)
        same = self.common(rank[first], rank[second])
        keep = same != 0
        return first[keep], second[keep], same[keep]

    def common(self, first: Int, second: Int) -> Int:  # [pair]
        """Bytes that the texts of two ranks begin with alike: two stretches that cover all between."""
        low, high = np.minimum(first, second), np.maximum(first, second)
        out, apart = self.length[low], high - low
        level = np.frexp(np.maximum(apart, 1))[1] - 1
        for k in np.unique(level[apart > 0]).tolist():
            rows = np.flatnonzero((level == k) & (apart > 0))
            table = self.shared[k]
            out[rows] = np.minimum(table[low[rows]], table[high[rows] - (1 << k)])
        return out


def _levels(common: Int) -> list[Int]:
    """Least of every 2 to the k neighbours, k = 0, 1, ..."""
    out, size = [common], 1
    while 2 * size <= len(common):
        out.append(np.minimum(out[-1][:-size], out[-1][size:]))
        size *= 2
    return out


def _near(rank: Int, fresh: int) -> tuple[Int, Int]:
    """(child, other): of each from `fresh` on the earlier ones beside it in text order, then the newest.

    The nearest with a smaller number on either side, by a stack that only rises.
    """
    n = len(rank)
    left, right, stack = [-1] * n, [-1] * n, list[int]()
    for i in np.argsort(rank, kind="stable").tolist():
        while stack and stack[-1] > i:
            right[stack.pop()] = i
        if stack:
            left[i] = stack[-1]
        stack.append(i)
    child = np.repeat(np.arange(n), 3)
    newest = np.arange(n) - 1
    beside = [np.where(np.array(side, np.int64) == newest, -1, side) for side in (left, right)]
    other = np.stack((*beside, newest), axis=1).reshape(-1)
    keep = (child >= fresh) & (other >= 0)
    return child[keep], other[keep]
