"""What calls would have cost with other tokens, another model or tier: always through the meter.

Savings are differences of two bills, so every price rule (date, context tier, region, discount) holds.
A call that the price book cannot price after the change saves nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.attribution import split_in_order
from costopt.billing.context import AuditContext
from costopt.billing.meter import meter
from costopt.findings.memo import once
from costopt.model.bill import PriceStatus
from costopt.model.leaf import CACHE_READS, CACHE_WRITES, Leaf
from costopt.model.trace import Categorical
from costopt.model.view import View

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
_WRITES = tuple(Leaf(i) for i in range(CACHE_WRITES.start, CACHE_WRITES.stop))


def saved(context: AuditContext, **columns: Any) -> Int:  # [call]
    """Net dollars saved by editing these columns of the view (negative: it would cost more)."""
    view = View.of(context.trace)
    # What did not change is not sent to the meter: most edits touch a small part of a long log.
    changed = np.logical_or.reduce([_differs(getattr(view, n), v) for n, v in columns.items()])
    after = meter(view.edited(sent=view.sent & changed, **columns), context.prices)
    both = (after.status == PriceStatus.PRICED) & (context.bill.status == PriceStatus.PRICED)
    return np.where(both, context.bill.net_pusd - after.net_pusd, 0)


def _differs(before: Any, after: Any) -> Mask:  # [call]
    if isinstance(after, Categorical):
        return np.asarray(before.codes != after.codes)
    different: Mask = before != after
    return np.asarray(different.any(axis=1)) if different.ndim > 1 else different


def paid(context: AuditContext, calls: Mask, **columns: Any) -> Int:  # [call]
    """Net dollars of the chosen calls with these columns instead; where these have no price, their own."""
    view = View.of(context.trace)
    after = meter(view.edited(sent=view.sent & calls, **columns), context.prices)
    known = after.status == PriceStatus.PRICED
    return np.where(known, after.net_pusd, np.where(calls, context.bill.net_pusd, 0))


def saved_by_reading(
    context: AuditContext, more: Int, *, also_sent: Int | None = None,
    also_fresh: Int | None = None, written: Int | None = None,
) -> Int:  # fmt: skip  # [call]
    """Saved if `more` tokens of each call were read from the provider's cache instead.

    They stand behind what was read: written tokens first, then fresh ones. `also_sent` and
    `also_fresh`: cached and fresh tokens that the fix would send in addition. `written`: fresh tokens
    that the fix would write to the cache.
    """
    leaves = context.trace.leaves.copy()
    left = np.maximum(more, 0).copy()
    for leaf in (*_WRITES, Leaf.INPUT_FRESH):
        taken = np.minimum(leaves[:, leaf], left)
        leaves[:, leaf] -= taken
        left -= taken
        leaves[:, Leaf.CACHE_READ] += taken
    if also_sent is not None:
        leaves[:, Leaf.CACHE_READ] += also_sent
    if also_fresh is not None:
        leaves[:, Leaf.INPUT_FRESH] += also_fresh
    if written is not None:
        fresh = np.minimum(written, leaves[:, Leaf.INPUT_FRESH])
        leaves[:, Leaf.CACHE_WRITE_5M] += fresh
        leaves[:, Leaf.INPUT_FRESH] -= fresh
    return saved(context, leaves=leaves)


@once
def saved_by_cache(context: AuditContext) -> Int:  # [call]
    """What the provider's cache has saved of each call: its reads at the fresh price less what was paid."""
    leaves = context.trace.leaves.copy()
    leaves[:, Leaf.INPUT_FRESH] += leaves[:, Leaf.CACHE_READ]
    leaves[:, Leaf.INPUT_AUDIO] += leaves[:, Leaf.CACHE_READ_AUDIO]
    leaves[:, list(CACHE_READS)] = 0
    return -saved(context, leaves=leaves)


def cache_saving_of(context: AuditContext, calls: Int, cached_tokens: Int) -> Int:
    """The part of `saved_by_cache` that falls on so many of each call's read tokens."""
    read = context.trace.cache_read[calls]
    return split_in_order(saved_by_cache(context)[calls], np.minimum(cached_tokens, read), read)
