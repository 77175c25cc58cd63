"""Edited requests: segments replaced, left out, put in. Cache marks stay on what stays.

Each takes a view and gives its next REQUEST column, or the very same object where nothing changes. A
long log has ten million uses: whole columns at a time, no loop over calls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.view_tokens import resized
from costopt.layers.base import Artifacts
from costopt.model.leaf import INPUT
from costopt.model.trace import Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]


def replaced(view: View, ids: Ids) -> Ragged:
    """Use by use another segment, or the same. `ids`: [request use]."""
    block = view.request
    if np.array_equal(ids, block.ids):
        return block
    return Ragged(block.offsets, np.asarray(ids, np.int32), block.flags)


def kept(view: View, keep: Mask, *, pass_marks: bool = False) -> Ragged:
    """Without the uses that are not kept. `keep`: [request use].

    `pass_marks`: the cache mark of one that goes falls to the nearest one in front of it that stays,
    as a client marks the end of whatever it sends.
    """
    block = view.request
    if keep.all():
        return block
    before = np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))
    flags = _passed(block, keep) if pass_marks else block.flags
    return Ragged(before[block.offsets], block.ids[keep], flags[keep])


def _passed(block: Ragged, keep: Mask) -> NDArray[np.uint8]:  # [use]
    """Marks with those of uses that go on the last use before them that stays, in the same request."""
    marked = np.flatnonzero(~keep & (block.flags > 0))
    if not len(marked):
        return block.flags
    stays = np.maximum.accumulate(np.where(keep, np.arange(len(keep)), -1))[marked]
    first = block.offsets[np.searchsorted(block.offsets, marked, side="right") - 1]
    inside = stays >= first
    flags = block.flags.copy()
    np.maximum.at(flags, stays[inside], block.flags[marked[inside]])
    return flags


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


def counted(view: View, uses: Int, calls: Int, artifacts: Artifacts) -> Int:  # [use given]
    """Tokens of some request uses, each by the model of its call."""
    tokens, counter = np.zeros(len(uses), np.int64), artifacts.tokens(view)
    model = view.model.codes[calls]
    for code in np.unique(model).tolist():
        rows = np.flatnonzero(model == code)
        distinct, where = np.unique(view.request.ids[uses[rows]], return_inverse=True)
        tokens[rows] = counter.count(distinct, view.model.values[code])[where.reshape(-1)]
    return tokens


def removed_tokens(view: View, after: View, artifacts: Artifacts) -> int:
    """Input tokens that an edit of requests takes out of all calls, as billing will count them."""
    counter = artifacts.tokens(after)
    leaves = resized(view, after, artifacts.hidden(view), counter)
    return int(view.leaves[:, INPUT].sum() - leaves[:, INPUT].sum())
