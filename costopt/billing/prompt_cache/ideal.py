"""The best a prompt cache could do: unlimited memory, no expiry, longest prefix.

Block traces (hashes instead of text) are judged in blocks; everything else in tokens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows
from costopt.billing.prompt_cache.kernel import walk
from costopt.billing.prompt_cache.namespace import namespace_codes, reaches_provider, time_order
from costopt.model.call import SegmentKind
from costopt.model.view import View


def ideal_block_share(view: View) -> float | None:
    """Share of request blocks that stand in an earlier request's prefix; None: no block trace."""
    shared, total = ideal_blocks(view)
    blocks = int(total.sum())
    return int(shared.sum()) / blocks if blocks else None


def ideal_blocks(view: View) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[call]: blocks shared with an earlier request, and blocks in all, of calls made of blocks."""
    trace, block = view.trace, view.request
    is_block = trace.segments.kind[block.ids] == SegmentKind.BLOCK
    before = np.concatenate(([0], np.cumsum(is_block)))
    blocks = before[block.offsets[1:]] - before[block.offsets[:-1]]
    whole = (blocks == block.lengths) & (blocks > 0)
    if not whole.any():
        zeros = np.zeros(trace.n, np.int64)
        return zeros, zeros
    found = walk(_rows(view, whole))
    shared = np.where(whole, np.maximum(found.ideal_depth, 0), 0).astype(np.int64)
    return shared, np.where(whole, blocks, 0)


def _rows(view: View, chosen: NDArray[np.bool_]) -> Rows:
    n = view.trace.n
    none, root = np.zeros(n, np.int64), namespace_codes(view)
    return Rows(
        order=time_order(view, chosen & reaches_provider(view)), root=root.astype(np.int32),
        n_roots=int(root.max(initial=-1)) + 1, session=view.trace.session, at_us=view.at_us,
        begin_us=none, lifetime_us=none, input_tokens=none, offsets=view.request.offsets,
        ids=view.request.ids, answer_offsets=np.zeros(n + 1, np.int64),
        answer_ids=np.zeros(0, np.int32),
    )  # fmt: skip
