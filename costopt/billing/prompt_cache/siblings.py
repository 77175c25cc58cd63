"""Siblings in the forest of prefixes: which earlier one shares most text with each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.beginning import shared_length
from costopt.model.ports import Texts

BLOCK, OVERLAP = 8_192, 256
"""Siblings compared at once, and how many older ones the next lot sees again: of a hundred thousand
prompts under one parent, those long ago are neither held in memory nor alive in a cache."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A child and an earlier sibling worth comparing."""

    child: int
    other: int
    shared_bytes: int | None
    """Bytes both texts begin with; None: the texts are not at hand."""


def pairs_of(
    family: NDArray[np.int64], seg: NDArray[np.int32], texts: Texts | None
) -> Iterator[Pair]:
    """For each child: its neighbours in text order among the earlier ones, and the newest of all."""
    for start in range(0, len(family), BLOCK - OVERLAP):
        block = family[start : start + BLOCK]
        fresh = 1 if start == 0 else OVERLAP
        if len(block) <= fresh and start > 0:
            return
        yield from _pairs(block.tolist(), _texts(block, seg, texts), fresh)


def _texts(
    block: NDArray[np.int64], seg: NDArray[np.int32], texts: Texts | None
) -> list[bytes] | None:
    found = None if texts is None else texts.get(seg[block])
    if found is None or any(t is None for t in found):
        return None
    # Broken surrogates of a log survive, as on the wire.
    return [(t or "").encode("utf-8", "surrogatepass") for t in found]


def _pairs(block: list[int], texts: list[bytes] | None, fresh: int) -> Iterator[Pair]:
    near = {} if texts is None else _neighbours(texts)
    for i in range(fresh, len(block)):
        others = [j for j in near.get(i, ()) if j != i - 1]
        for j in (*others, i - 1):
            same = None if texts is None else shared_length(texts[i], texts[j])
            if same != 0:
                yield Pair(block[i], block[j], same)


def _neighbours(texts: list[bytes]) -> dict[int, tuple[int, ...]]:
    """Earlier texts next to each in text order: the newest is taken out again and again."""
    order = sorted(range(len(texts)), key=lambda i: texts[i])
    left = dict(zip(order[1:], order[:-1], strict=True))
    right = dict(zip(order[:-1], order[1:], strict=True))
    near: dict[int, tuple[int, ...]] = {}
    for i in range(len(texts) - 1, 0, -1):
        a, b = left.get(i, -1), right.get(i, -1)
        near[i] = tuple(j for j in (a, b) if j >= 0)
        if b >= 0:
            left[b] = a
        if a >= 0:
            right[a] = b
    return near
