"""Where a request may be cached up to, for providers that cache only up to a mark.

Anthropic keeps a prefix at each `cache_control`. Logs that drop the marks still show their effect:
what was read and written ends at the last mark, what stayed fresh lies behind it. Where neither is
to be seen nothing is assumed: such a call reads nothing in the model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.lengths import Lengths
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.model.call import Breakpoint
from costopt.model.leaf import CACHE_READS, CACHE_WRITES, INPUT
from costopt.model.view import View

_SAME = 0.98
"""An entry this close to the mark is the mark: counts between anchors are scaled estimates."""


def marked_depth(view: View) -> NDArray[np.int64]:  # [use + 1]
    """Segments before the last mark at or before each use of its request; -1: none so far.

    Element `offsets[call] + depth` answers for a prefix of `depth` segments (depth 0 is -1).
    """
    block = view.request
    n_uses = len(block.ids)
    call = block.call_of_use()
    index = np.arange(n_uses) - block.offsets[call]
    # One running maximum serves all requests: each starts above every value of the one before.
    base = block.offsets[call] + call
    mark = np.where(block.flags != Breakpoint.NONE, base + index + 1, -1)
    latest = np.maximum.accumulate(mark) if n_uses else mark
    depth = np.where(latest > base, latest - base, -1)
    return np.concatenate((depth, [-1]))


def kept_tokens(view: View) -> NDArray[np.int64]:  # [call]
    """End of the cached region as the usage shows it: read and written. Edits move it along."""
    trace = view.trace
    recorded = trace.leaves[:, list(CACHE_READS)].sum(axis=1)
    recorded = recorded + trace.leaves[:, CACHE_WRITES].sum(axis=1)
    behind = trace.input_tokens - recorded
    now = view.leaves[:, INPUT].sum(axis=1)
    return np.where(recorded > 0, np.maximum(now - behind, 0), 0)


def cut_to_marks(
    tokens: NDArray[np.int64], depth: NDArray[np.int32], source: NDArray[np.int32],
    marked: NDArray[np.int64], kept: NDArray[np.int64], lengths: Lengths,
) -> NDArray[np.int64]:  # fmt: skip
    """[call]: an entry's length up to the last mark of the call that left it behind."""
    there = (tokens > 0) & (source >= 0)
    sender = np.maximum(source, 0)
    start, end = lengths.offsets[sender], lengths.offsets[sender + 1]
    has_marks = (end > start) & (marked[np.maximum(end - 1, 0)] >= 0)
    within = np.clip(depth - 1, 0, np.maximum(end - start - 1, 0))
    at = np.where(depth > 0, marked[np.minimum(start + within, len(marked) - 1)], -1)
    at_mark = np.floor(lengths.at(sender, at.astype(np.int32))).astype(np.int64)
    by_marks = np.where(at > 0, np.minimum(at_mark, tokens), 0)
    # The last mark itself: the usage tells its place to the token.
    last = np.minimum(kept[sender], tokens)
    reaches = (kept[sender] > 0) & (tokens >= _SAME * kept[sender])
    inferred = np.where(reaches, last, np.minimum(tokens, lengths.hidden[sender]))
    inferred = np.where(kept[sender] > 0, inferred, 0)
    return np.where(there, np.where(has_marks, by_marks, inferred), 0)


def new_marks(
    before: View, after: View, at: tuple[Lengths, Lengths], rules: RuleColumns
) -> NDArray[np.int64]:  # [call]
    """Tokens up to the last mark where an edit lets a call write that could not: it had no mark, or
    one below the provider's minimum. 0 elsewhere: what a call with marks really wrote, its usage tells.

    `at`: positions along the requests of both views.
    """
    was, now = (
        _last_mark(view, lengths) for view, lengths in zip((before, after), at, strict=True)
    )
    new = rules.breakpoints & (was < rules.min_tokens) & (now >= rules.min_tokens)
    return np.where(new, now, 0)


def _last_mark(view: View, lengths: Lengths) -> NDArray[np.int64]:  # [call]
    """Tokens up to the last mark of each request; 0: there is none."""
    depth = marked_depth(view)[view.request.offsets[1:] - 1]
    depth = np.where(view.request.lengths > 0, depth, -1)
    calls = np.arange(view.trace.n)
    tokens = np.floor(lengths.at(calls, np.maximum(depth, 0).astype(np.int32)) + 1e-6)
    return np.where(depth > 0, tokens, 0).astype(np.int64)
