"""The first segment that differs: how many of its tokens an earlier request had as well.

A clock in a system prompt leaves the text before it cached. Among all earlier siblings the one that
shares most bytes is found exactly: sorted by text, the best earlier sibling is a neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk
from costopt.billing.prompt_cache.siblings import Pair, pairs_of
from costopt.billing.prompt_cache.uses import Uses
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import NO_TIME, SegmentTable

EXACT_SIBLINGS = 5_000
"""Up to so many siblings common tokens are counted; of more they are taken in proportion to common
bytes (the difference is a token or two, and each count fetches and encodes two texts again)."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Tokens shared inside the first differing segment; 0: none."""

    tokens: NDArray[np.int64]  # [call]
    last_us: NDArray[np.int64]  # [call]: last use of the sibling before this call
    source: NDArray[np.int32]  # [call]: the call that sent the sibling first; -1


def partial_prefix(
    walk: Walk, rows: Rows, segments: SegmentTable, counts: NDArray[np.int64],
    tokens: TokenCounter, texts: Texts | None, model: list[str],
) -> Partial:  # fmt: skip
    """For every call that leaves the tree in mid-path: its best earlier sibling.

    `counts`: [use], tokens of every use of `rows`.
    """
    n = len(rows.root)
    out = Partial(np.zeros(n, np.int64), np.full(n, NO_TIME, np.int64), np.full(n, -1, np.int32))
    created = created_nodes(walk, n)
    families = families_of(walk, created)
    used = Uses(walk, rows, families)
    shared = _Shared(walk, rows, segments, counts, tokens, model)
    shared.exact = sum(map(len, families)) <= EXACT_SIBLINGS
    for pair in _readable(families, walk, rows, segments, texts, created):
        call = int(walk.node_creator[pair.child])
        sender = int(walk.node_creator[pair.other])
        found = (shared.tokens(pair, call), used.last(pair.other, call, sender), sender)
        best = int(out.tokens[call]), int(out.last_us[call]), int(out.source[call])
        if found > best and found[0] > 0:
            out.tokens[call], out.last_us[call], out.source[call] = found
    return out


def created_nodes(walk: Walk, n: int) -> NDArray[np.int64]:
    """[call]: the node that the call made where it left the tree; -1: it never left it."""
    created = np.full(n, -1, np.int64)
    leaving = walk.parting[walk.node_creator] == walk.node_parent
    leaving &= walk.node_parent >= 0
    nodes = np.flatnonzero(leaving)
    # Its answer may branch at the same place: the request's node was made first.
    created[walk.node_creator[nodes[::-1]]] = nodes[::-1]
    return created


def families_of(walk: Walk, created: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Children of each node that has several, in order of creation."""
    wanted = np.zeros(len(walk.node_parent), np.bool_)
    wanted[walk.node_parent[created[created >= 0]]] = True
    children = np.flatnonzero((walk.node_parent >= 0) & wanted[walk.node_parent])
    order = children[np.argsort(walk.node_parent[children], kind="stable")]
    cuts = np.flatnonzero(np.diff(walk.node_parent[order])) + 1
    return [family for family in np.split(order, cuts) if len(family) > 1]


def _readable(
    families: list[NDArray[np.int64]], walk: Walk, rows: Rows, segments: SegmentTable,
    texts: Texts | None, created: NDArray[np.int64],
) -> Iterator[Pair]:  # fmt: skip
    """Pairs whose elder was sent and has begun to answer when the younger one came."""
    # A view of an array gives plain integers, one at a time, ten times as fast as the array does.
    creator, at_us = walk.node_creator.data, rows.at_us.data
    ready_us, made = (rows.at_us + rows.begin_us).data, created.data
    seg, kind = walk.node_seg.data, segments.kind.data
    for family in families:
        for pair in pairs_of(family, walk.node_seg, texts):
            call, sender = creator[pair.child], creator[pair.other]
            early = ready_us[sender] > at_us[call] > NO_TIME
            same_kind = kind[seg[pair.child]] == kind[seg[pair.other]]
            if made[call] == pair.child and same_kind and not early:
                yield pair


class _Shared:
    """Common tokens of two siblings, each distinct pair once."""

    exact = True

    def __init__(
        self, walk: Walk, rows: Rows, segments: SegmentTable, counts: NDArray[np.int64],
        tokens: TokenCounter, model: list[str],
    ) -> None:  # fmt: skip
        self._seg, self._size = walk.node_seg, segments.n_bytes
        self._whole = np.zeros(len(segments), np.int64)
        self._whole[rows.ids] = counts
        self._tokens, self._model = tokens, model
        self._known: dict[tuple[int, int, str], int] = {}

    def tokens(self, pair: Pair, call: int) -> int:
        seg, other = int(self._seg[pair.child]), int(self._seg[pair.other])
        key = (seg, other, self._model[call])
        if key not in self._known:
            exact = pair.shared_bytes is None or self.exact
            self._known[key] = (
                self._tokens.common_prefix(*key) if exact else self._in_proportion(pair, seg)
            )
        return self._known[key]

    def _in_proportion(self, pair: Pair, seg: int) -> int:
        whole, size = int(self._whole[seg]), max(1, int(self._size[seg]))
        return min(whole, whole * (pair.shared_bytes or 0) // size)
