"""The net dollars of each call by price class: cached, written, fresh, visible output, reasoning, fee."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill
from costopt.model.leaf import CACHE_READS, CACHE_WRITES, Leaf

Int = NDArray[np.int64]
_FRESH = (Leaf.INPUT_FRESH, Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE)
_VISIBLE = (Leaf.OUTPUT_TEXT, Leaf.OUTPUT_AUDIO, Leaf.OUTPUT_IMAGE)


@dataclass(frozen=True, slots=True)
class Pools:
    """Every array is [call], pico-dollars after discounts; the six sum to `Bill.net_pusd`."""

    read: Int
    write: Int
    fresh: Int
    visible: Int
    """Output other than reasoning."""
    reasoning: Int
    fee: Int

    @property
    def input(self) -> Int:
        return self.read + self.write + self.fresh


def pools_of(bill: Bill) -> Pools:
    """Leaf dollars by price class; a discount is shared in proportion, exactly."""
    leaf = bill.leaf_pusd
    listed = np.stack(
        [
            leaf[:, list(CACHE_READS)].sum(axis=1),
            leaf[:, CACHE_WRITES].sum(axis=1),
            leaf[:, list(_FRESH)].sum(axis=1),
            leaf[:, list(_VISIBLE)].sum(axis=1),
            leaf[:, Leaf.OUTPUT_REASONING],
            bill.fee_pusd,
        ]
    )
    rows = np.flatnonzero(bill.discount_pusd)
    if len(rows):
        listed[:, rows] = _discounted(listed[:, rows], bill.net_pusd[rows])
    return Pools(*listed)


def _discounted(listed: Int, net: Int) -> Int:
    """Shares of the net amount by cumulative rounding, in Python integers: the products exceed 63 bits."""
    running = np.cumsum(listed.astype(object), axis=0)
    whole = np.where(running[-1] == 0, 1, running[-1])
    shares = running * net.astype(object) // whole
    return np.diff(shares, axis=0, prepend=0).astype(np.int64)
