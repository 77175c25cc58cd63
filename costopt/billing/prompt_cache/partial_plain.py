"""The first segment that differs, pair by pair: the plain specification of `partial.py`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk
from costopt.billing.prompt_cache.partial import Partial, created_nodes, families_of
from costopt.billing.prompt_cache.siblings import Pair, pairs_of
from costopt.billing.prompt_cache.uses import Uses
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import NO_TIME, SegmentTable


def partial_plain(
    walk: Walk, rows: Rows, segments: SegmentTable, tokens: TokenCounter, texts: Texts | None,
    model: list[str], *, exact: bool,
) -> Partial:  # fmt: skip
    """For every call that leaves the tree in mid-path: its best earlier sibling."""
    n = len(rows.root)
    out = Partial(np.zeros(n, np.int64), np.full(n, NO_TIME, np.int64), np.full(n, -1, np.int32))
    created = created_nodes(walk, n)
    families = families_of(walk, created).each()
    used = Uses(walk, rows, families)
    shared = _Shared(walk, segments, tokens, model, exact)
    for pair in _readable(families, walk, rows, segments, texts, created):
        call = int(walk.node_creator[pair.child])
        sender = int(walk.node_creator[pair.other])
        found = (shared.tokens(pair, call), used.last(pair.other, call, sender), sender)
        best = int(out.tokens[call]), int(out.last_us[call]), int(out.source[call])
        if found > best and found[0] > 0:
            out.tokens[call], out.last_us[call], out.source[call] = found
    return out


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

    def __init__(
        self, walk: Walk, segments: SegmentTable, tokens: TokenCounter, model: list[str],
        exact: bool,
    ) -> None:  # fmt: skip
        self._seg, self._size, self._exact = walk.node_seg, segments.n_bytes, exact
        self._tokens, self._model = tokens, model
        self._known: dict[tuple[int, int, str], int] = {}

    def tokens(self, pair: Pair, call: int) -> int:
        seg, other = int(self._seg[pair.child]), int(self._seg[pair.other])
        key = (seg, other, self._model[call])
        if key not in self._known:
            exact = pair.shared_bytes is None or self._exact
            self._known[key] = (
                self._tokens.common_prefix(*key) if exact else self._in_proportion(pair, key)
            )
        return self._known[key]

    def _in_proportion(self, pair: Pair, key: tuple[int, int, str]) -> int:
        seg, _, model = key
        whole = int(self._tokens.count(np.array([seg], np.int32), model)[0])
        return min(whole, whole * (pair.shared_bytes or 0) // max(1, int(self._size[seg])))
