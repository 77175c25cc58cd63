"""The first segment that differs: how many of its tokens an earlier request had as well.

A clock in a system prompt leaves the text before it cached. Among all earlier siblings the one that
shares most bytes is found exactly: sorted by text, the best earlier sibling is a neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk
from costopt.billing.prompt_cache.tokens import encoded, shared_bytes
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import NO_TIME


@dataclass(frozen=True, slots=True)
class Partial:
    """Tokens shared inside the first differing segment; 0: none."""

    tokens: NDArray[np.int64]  # [call]
    last_us: NDArray[np.int64]  # [call]: last use of the sibling before this call
    source: NDArray[np.int32]  # [call]: the call that sent the sibling first; -1


def partial_prefix(
    walk: Walk, rows: Rows, kind: NDArray[np.int8], tokens: TokenCounter,
    texts: Texts | None, model: list[str],
) -> Partial:  # fmt: skip
    """For every call that leaves the tree in mid-path: its best earlier sibling."""
    n = len(rows.root)
    out = Partial(np.zeros(n, np.int64), np.full(n, NO_TIME, np.int64), np.full(n, -1, np.int32))
    created = _created(walk, n)
    used = _Uses(walk, rows)
    rank = np.zeros(n, np.int64)
    rank[rows.order] = np.arange(len(rows.order))
    counted: dict[tuple[int, int, str], int] = {}
    for family in _families(walk, created):
        for child, near in _neighbours(family, walk, rank, texts):
            call = int(walk.node_creator[child])
            if created[call] != child:
                continue
            best = (0, NO_TIME, -1)
            for other in near:
                seg, other_seg = int(walk.node_seg[child]), int(walk.node_seg[other])
                sender = int(walk.node_creator[other])
                ready = int(rows.at_us[sender]) + int(rows.begin_us[sender])
                if kind[seg] != kind[other_seg] or ready > rows.at_us[call] > NO_TIME:
                    continue
                key = (seg, other_seg, model[call])
                if key not in counted:
                    counted[key] = tokens.common_prefix(seg, other_seg, model[call])
                best = max(best, (counted[key], used.last(other, rank[call], sender), sender))
            out.tokens[call], out.last_us[call], out.source[call] = best
    return out


def _created(walk: Walk, n: int) -> NDArray[np.int64]:
    """[call]: the node that the call made where it left the tree; -1: it never left it."""
    created = np.full(n, -1, np.int64)
    leaving = walk.parting[walk.node_creator] == walk.node_parent
    leaving &= walk.node_parent >= 0
    nodes = np.flatnonzero(leaving)
    # Its answer may branch at the same place: the request's node was made first.
    created[walk.node_creator[nodes[::-1]]] = nodes[::-1]
    return created


def _families(walk: Walk, created: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Children of each node that has several, in order of creation."""
    wanted = created[created >= 0]
    parents = np.unique(walk.node_parent[wanted])
    children = np.flatnonzero(np.isin(walk.node_parent, parents))
    order = children[np.argsort(walk.node_parent[children], kind="stable")]
    cuts = np.flatnonzero(np.diff(walk.node_parent[order])) + 1
    return [family for family in np.split(order, cuts) if len(family) > 1]


def _neighbours(
    family: NDArray[np.int64], walk: Walk, rank: NDArray[np.int64], texts: Texts | None
) -> list[tuple[int, list[int]]]:
    """(child, earlier siblings worth comparing): next in text order, and the newest."""
    found = None if texts is None else texts.get(walk.node_seg[family])
    near: dict[int, list[int]] = {}
    if found is not None and all(t is not None for t in found):
        near = _text_neighbours(family.tolist(), [encoded(t or "") for t in found])
    for earlier, child in zip(family[:-1].tolist(), family[1:].tolist(), strict=True):
        near.setdefault(child, [])
        if earlier not in near[child]:
            near[child].append(earlier)
    return sorted(near.items())


def _text_neighbours(family: list[int], texts: list[bytes]) -> dict[int, list[int]]:
    """Earlier siblings next to each child in text order: the newest is taken out again and again."""
    order = sorted(range(len(family)), key=lambda i: texts[i])
    left = dict(zip(order[1:], order[:-1], strict=True))
    right = dict(zip(order[:-1], order[1:], strict=True))
    near: dict[int, list[int]] = {}
    for i in range(len(family) - 1, 0, -1):
        a, b = left.get(i, -1), right.get(i, -1)
        sides = [j for j in (a, b) if j >= 0]
        near[family[i]] = [family[j] for j in sides if shared_bytes(texts[i], texts[j]) > 0]
        if b >= 0:
            left[b] = a
        if a >= 0:
            right[a] = b
    return near


class _Uses:
    """When a node was last used before a call."""

    def __init__(self, walk: Walk, rows: Rows) -> None:
        n = len(rows.root)
        call = np.repeat(np.arange(n), np.diff(rows.offsets))
        self._at = rows.at_us
        used = walk.node_of_use >= 0
        rank = np.zeros(n, np.int64)
        rank[rows.order] = np.arange(len(rows.order))
        self._order = rows.order
        node, when = walk.node_of_use[used], rank[call[used]]
        sorter = np.lexsort((when, node))
        self._node, self._when = node[sorter], when[sorter]

    def last(self, node: int, rank: int, sender: int) -> int:
        """Time of the last request through the node before `rank`; else when its answer came."""
        low = int(np.searchsorted(self._node, node))
        high = int(np.searchsorted(self._node, node, side="right"))
        found = int(np.searchsorted(self._when[low:high], rank))
        if found == 0:
            return int(self._at[sender])
        return int(self._at[self._order[self._when[low + found - 1]]])
