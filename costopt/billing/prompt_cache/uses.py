"""When a node of the forest was last used before a call."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk


class Uses:
    """Looks up the nodes of the given families only: most nodes are never asked for."""

    def __init__(self, walk: Walk, rows: Rows, families: list[NDArray[np.int64]]) -> None:
        n = len(rows.root)
        self._at, self._order = rows.at_us, rows.order
        self._rank = np.zeros(n, np.int64)
        self._rank[rows.order] = np.arange(len(rows.order))
        asked = np.zeros(len(walk.node_parent) + 1, np.bool_)
        for family in families:
            asked[family] = True
        uses = np.flatnonzero(asked[walk.node_of_use])  # a use that was not sent is node -1: last
        call = np.searchsorted(rows.offsets, uses, side="right") - 1
        node, when = walk.node_of_use[uses], self._rank[call]
        sorter = np.lexsort((when, node))
        # One sorted key tells node and rank: a look-up is one search. (A view of an array gives plain
        # integers, one at a time, ten times as fast as the array does.)
        self._keys = (node[sorter].astype(np.int64) * (n + 1) + when[sorter]).data
        self._n = n

    def last(self, node: int, call: int, sender: int) -> int:
        """Time of the last request through the node before the call; else when its answer came."""
        first = node * (self._n + 1)
        found = bisect_left(self._keys, first + int(self._rank[call])) - 1
        if found < 0 or self._keys[found] < first:
            return int(self._at[sender])
        return int(self._at[self._order[self._keys[found] - first]])
