"""Edits of real sessions whose effect on the prompt cache is known beforehand."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.accel.tokens import token_counter
from costopt.billing.prompt_cache.lengths import counted_uses, measure
from costopt.billing.prompt_cache.model import CacheModel, rebill_leaves
from costopt.model.call import SegmentKind
from costopt.model.leaf import INPUT, Leaf
from costopt.model.trace import Ragged, SegmentTable, Trace
from costopt.model.view import View
from costopt.prices.contract import PriceBook
from validation.cache_traces import Loaded


@dataclass(frozen=True)
class Clocked:
    """What a clock at position p of one session did."""

    calls: int
    above_p: int
    """Affected calls whose cached input after the edit reaches beyond p."""
    others_moved: int
    """Calls of other sessions whose leaves are not what they were."""
    cached_before: int
    cached_after: int
    most_behind_p: int
    """Tokens by which the worst call reaches beyond p."""


class _More:
    """The texts of a trace, and of segments appended to it."""

    def __init__(self, loaded: Loaded, more: list[str]) -> None:
        self._texts, self._n, self._more = loaded.texts, len(loaded.trace.segments), more

    def get(self, segments: NDArray[np.int32]) -> list[str | None]:
        ids = [int(i) for i in segments]
        return [self._texts.get([i])[0] if i < self._n else self._more[i - self._n] for i in ids]


def clock(loaded: Loaded, prices: PriceBook, session: int, position: int) -> Clocked:
    """A token that is new on every call, put before use `position` of each request of a session."""
    calls = np.flatnonzero(
        (loaded.trace.session == session) & (loaded.trace.request.lengths >= position)
    )
    rng = random.Random(position)
    texts = [f"{rng.getrandbits(96):024x}" for _ in calls]
    trace = _with_segments(loaded.trace, texts)
    more = _More(loaded, texts)
    tokens = token_counter(trace, more)
    model = CacheModel.of(trace, prices, tokens, more)
    before = View.of(trace)
    new = np.arange(len(texts), dtype=np.int32) + len(loaded.trace.segments)
    leaves = before.leaves.copy()
    for call, segment in zip(calls.tolist(), new, strict=True):
        name = trace.dims["model"].texts()[call]
        leaves[call, Leaf.INPUT_FRESH] += tokens.count(np.array([segment]), name)[0]
    after = before.edited(request=_inserted(trace.request, calls, new, position), leaves=leaves)
    rebilled = rebill_leaves(before, after, model)
    limit = _tokens_before(model, after, calls, position)
    return _judged(trace, rebilled.leaves, calls, limit)


def _judged(
    trace: Trace, leaves: NDArray[np.int64], calls: NDArray[np.int64], limit: NDArray[np.float64]
) -> Clocked:
    cached = leaves[calls, Leaf.CACHE_READ]
    others = np.ones(trace.n, np.bool_)
    others[calls] = False
    moved = (leaves != trace.leaves).any(axis=1) & others
    behind = np.maximum(cached - limit, 0)
    return Clocked(
        len(calls), int((behind > 1.0).sum()), int(moved.sum()),
        int(trace.cache_read[calls].sum()), int(cached.sum()), int(behind.max(initial=0)),
    )  # fmt: skip


def _tokens_before(
    model: CacheModel, view: View, calls: NDArray[np.int64], position: int
) -> NDArray[np.float64]:
    counts = counted_uses(view, view.request, model.lineage.tokens)
    total = view.leaves[:, INPUT].sum(axis=1)
    lengths = measure(view.request, counts, model.lineage.hidden.tokens, total)
    depth = np.full(len(calls), position, np.int32)
    # Anchors are reported lengths of earlier requests: a percent beside the scaled count.
    return lengths.at(calls, depth) * 1.02 + 16.0


def _with_segments(trace: Trace, texts: list[str]) -> Trace:
    table, n = trace.segments, len(texts)
    size = np.array([len(t) for t in texts], np.int64)
    digest = np.stack((np.full(n, 2**63 + 1, np.uint64), np.arange(n, dtype=np.uint64)), axis=1)
    names = replace(table.name, codes=np.concatenate((table.name.codes, np.zeros(n, np.int32))))
    more = SegmentTable(
        np.concatenate((table.digest, digest)),
        np.concatenate((table.kind, np.full(n, SegmentKind.USER, np.int8))), names,
        np.concatenate((table.n_bytes, size)),
        np.concatenate((table.tokens, np.full(n, -1, np.int64))),
        np.concatenate((table.has_text, np.ones(n, np.bool_))),
    )  # fmt: skip
    return replace(trace, segments=more)


def _inserted(
    block: Ragged, calls: NDArray[np.int64], new: NDArray[np.int32], position: int
) -> Ragged:
    at = block.offsets[calls] + position
    ids, flags = np.insert(block.ids, at, new), np.insert(block.flags, at, 0)
    longer = np.zeros(len(block.offsets) - 1, np.int64)
    longer[calls] = 1
    offsets = block.offsets + np.concatenate(([0], np.cumsum(longer)))
    return Ragged(offsets, ids, flags)
