"""Edits of a trace's columns that several findings and checks price through the meter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.rules import rule_columns
from costopt.model.leaf import CACHE_WRITES, Leaf
from costopt.model.trace import Categorical, Trace
from costopt.model.view import View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
_CUT_FIRST = (Leaf.INPUT_FRESH, *range(CACHE_WRITES.start, CACHE_WRITES.stop), Leaf.CACHE_READ)


def with_value(column: Categorical, rows: NDArray[np.bool_], value: str) -> Categorical:
    """The column with this text on these rows."""
    values = column.values if value in column.values else (*column.values, value)
    codes = column.codes.copy()
    codes[rows] = values.index(value)
    return Categorical(codes, values)


def shorter(leaves: Int, gone: Int) -> Int:  # [call, leaf]
    """Leaves with so many input tokens less a call: fresh ones first, then writes, then reads."""
    out, rest = leaves.copy(), gone.copy()
    for leaf in _CUT_FIRST:
        taken = np.minimum(out[:, leaf], rest)
        out[:, leaf] -= taken
        rest -= taken
    return out


def in_batch(
    trace: Trace, prices: PriceBook, rows: NDArray[np.bool_]
) -> tuple[Categorical, Int]:  # [call], [call, leaf]
    """(service tier, leaves) with these calls in a batch; a read that no batch keeps becomes fresh."""
    tier = with_value(trace.dims["service_tier"], rows, "batch")
    keeps = rule_columns(View.of(trace).edited(service_tier=tier), prices).reads
    leaves = trace.leaves.copy()
    lost = np.where(rows & ~keeps, leaves[:, Leaf.CACHE_READ], 0)
    leaves[:, Leaf.INPUT_FRESH] += lost
    leaves[:, Leaf.CACHE_READ] -= lost
    return tier, leaves
