"""Token counts over a view: made segments beside the trace's own, and input totals from bytes.

A request that an edit made shorter loses as many input tokens as the removed segments counted for,
scaled to the call's reported input; the hidden prompt stays. What nothing changed keeps its counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.edits import shorter
from costopt.billing.prompt_cache.lengths import counted_uses, visible_tokens
from costopt.model.leaf import INPUT, Leaf
from costopt.model.made import Made
from costopt.model.once import latest
from costopt.model.ports import TokenCounter
from costopt.model.trace import Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
WHOLE = int(np.iinfo(np.int64).max)
"""In the place of leading tokens: nothing of the segment was cut."""


@dataclass(frozen=True)
class ViewTokens:
    """A `TokenCounter` over the trace's segments and the made ones."""

    base: TokenCounter
    made: Made

    def count(self, segments: NDArray[np.int32], model: str) -> Int:
        segments = np.asarray(segments, np.int32)
        n = len(self.made.base)
        own = segments < n
        if own.all():
            return self.base.count(segments, model)
        out = np.empty(len(segments), np.int64)
        out[own] = self.base.count(segments[own], model)
        out[~own] = self.made.tokens[segments[~own] - n]
        return out

    def label(self, model: str) -> str:
        return self.base.label(model)

    def common_prefix(self, first: int, second: int, model: str) -> int:
        """Of two cut segments: what their sources share, no further than either is kept from its head."""
        (a, most_a), (b, most_b) = self._root(first), self._root(second)
        if min(a, b) < 0 or not min(most_a, most_b):
            return 0
        if a == b and min(most_a, most_b) < WHOLE:
            return min(most_a, most_b)
        return min(self.base.common_prefix(a, b, model), most_a, most_b)

    def roots(self, segments: NDArray[np.integer]) -> tuple[Int, Int]:
        """[asked]: `_root` of many segments."""
        n, made = len(self.made.base), self.made
        written = np.zeros(len(made), np.bool_)
        written[list(made.text)] = True
        root, most = segments.astype(np.int64), np.full(len(segments), WHOLE)
        rows = np.flatnonzero(root >= n)
        while len(rows):
            i = root[rows] - n
            root[rows] = np.where(written[i], -1, made.source[i])
            most[rows] = np.where(written[i], 0, np.minimum(most[rows], made.head[i]))
            rows = rows[root[rows] >= n]
        return root, most

    def _root(self, segment: int) -> tuple[int, int]:
        """(segment of the trace, leading tokens kept of it); -1: written anew."""
        n, most = len(self.made.base), WHOLE
        while segment >= n:
            i = segment - n
            if i in self.made.text:
                return -1, 0
            segment, most = int(self.made.source[i]), min(most, int(self.made.head[i]))
        return segment, most


def tokens_of(view: View, base: TokenCounter) -> TokenCounter:
    """The counter for this view's segments."""
    return base if not len(view.made) else ViewTokens(base, view.made)


def changed_requests(before: View, after: View) -> NDArray[np.bool_]:  # [call]
    """Calls whose request holds other segments than before."""
    return differing_rows(before.request, after.request)


def differing_rows(a: Ragged, b: Ragged) -> NDArray[np.bool_]:  # [call]
    """Rows of two ragged columns over the same calls that are not equal."""
    if a is b:
        return np.zeros(len(a.offsets) - 1, np.bool_)
    out: NDArray[np.bool_] = a.lengths != b.lengths
    same = np.flatnonzero(~out)
    unlike = a.ids[a.uses_of(same)] != b.ids[b.uses_of(same)]
    lengths = a.lengths[same]
    filled = lengths > 0
    if filled.any():
        starts = (np.cumsum(lengths) - lengths)[filled]
        out[same[filled]] = np.logical_or.reduceat(unlike, starts)
    return out


def resized(before: View, after: View, hidden: Int, tokens: TokenCounter) -> Int:  # [call, leaf]
    """Leaves of `after` with the input totals that its requests come to; where cached is not decided.

    `hidden`: [call] tokens that stand before the visible segments. `tokens`: counts of `after`.
    """
    if after.leaves is before.leaves and after.model is before.model:
        # A layer that tells what it took out asks before its edit is merged.
        parts = (after.request.ids, after.request.offsets, after.made, hidden)
        return latest(before, "resized", parts, lambda: _resized(before, after, hidden, tokens))
    return _resized(before, after, hidden, tokens)


def _resized(before: View, after: View, hidden: Int, tokens: TokenCounter) -> Int:  # [call, leaf]
    rows = np.flatnonzero(changed_requests(before, after) & before.trace.has_content)
    if not len(rows):
        return after.leaves
    was, now = _shown(before, tokens, rows), _shown(after, tokens, rows)
    total = before.leaves[rows][:, INPUT].sum(axis=1)
    visible = total - np.minimum(hidden[rows], total)
    # The product first: a half is then a half, whatever the quotient. A request of which nothing was
    # visible grows by what was added, as counted.
    scaled = np.where(was > 0, (was - now) * visible / np.maximum(was, 1), was - now)
    gone = np.minimum(np.rint(scaled).astype(np.int64), visible)
    leaves = after.leaves.copy()
    leaves[rows] = shorter(leaves[rows], np.maximum(gone, 0))
    leaves[rows, Leaf.INPUT_FRESH] += np.maximum(-gone, 0)
    return leaves


def _shown(view: View, tokens: TokenCounter, rows: Int) -> Int:  # [row]
    """Counted tokens of these calls' requests."""
    block = view.request
    uses = block.uses_of(rows)
    lengths = block.lengths[rows]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    part = Ragged(offsets, block.ids[uses], block.flags[uses])
    return visible_tokens(
        part, counted_uses(view.model.codes[rows], view.model.values, part, tokens)
    )


def use_tokens(view: View, hidden: Int, tokens: TokenCounter) -> NDArray[np.float64]:  # [use]
    """Tokens of each request use as billed: counted, scaled so that uses + hidden = the input."""
    counts = counted_uses(view.model.codes, view.model.values, view.request, tokens)
    shown = visible_tokens(view.request, counts)
    total = view.leaves[:, INPUT].sum(axis=1)
    visible = total - np.minimum(hidden, total)
    scale = np.where(shown > 0, visible / np.maximum(shown, 1), 0.0)
    return counts * np.repeat(scale, view.request.lengths)
