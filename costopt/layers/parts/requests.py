"""Edited requests: segments replaced, left out, put in. Cache marks stay on what stays.

Each takes a view and gives its next REQUEST column, or the very same object where nothing changes. A
billion tokens are a few ten million uses: whole columns at a time, no loop over calls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]


def mapped(view: View, new_id: Ids) -> Ragged:
    """Every use of a segment becomes one of another. `new_id`: [segment] of the view."""
    return replaced(view, new_id[view.request.ids])


def replaced(view: View, ids: Ids) -> Ragged:
    """Use by use another segment, or the same. `ids`: [request use]."""
    block = view.request
    if np.array_equal(ids, block.ids):
        return block
    return Ragged(block.offsets, np.asarray(ids, np.int32), block.flags)


def kept(view: View, keep: Mask) -> Ragged:
    """Without the uses that are not kept. `keep`: [request use]."""
    block = view.request
    if keep.all():
        return block
    before = np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))
    return Ragged(before[block.offsets], block.ids[keep], block.flags[keep])


def inserted(view: View, calls: Int, places: Int, ids: Ids) -> Ragged:
    """With these segments put in front of uses, or behind the last one of a call.

    All three are [new]. `places` are indices of request uses: `offsets[call]` is the call's front,
    `offsets[call + 1]` its end. What has one place stands in the order given. New ones carry no mark.
    """
    block = view.request
    if not len(ids):
        return block
    # At the seam of two requests a place alone does not say whose end it is: the call does.
    order = np.lexsort((places, calls))
    more = np.bincount(calls, minlength=len(block.offsets) - 1)
    offsets = block.offsets + np.concatenate(([0], np.cumsum(more)))
    at = places[order]
    return Ragged(
        offsets.astype(np.int64),
        np.insert(block.ids, at, ids[order]).astype(np.int32),
        np.insert(block.flags, at, np.uint8(0)),
    )
