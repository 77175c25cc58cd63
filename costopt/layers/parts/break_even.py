"""How much more a cheaper model may work before it is the dearer one: extra steps, retries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import as_of_us, context_tier
from costopt.billing.segment_counts import group_sums
from costopt.model.bill import Bill
from costopt.model.leaf import INPUT, Leaf
from costopt.model.view import View
from costopt.prices.contract import PriceBook, Unpriced

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class BreakEven:
    """Over the sessions that a router touched. Below 0: it is dearer already."""

    sessions: int
    steps_per_session: float
    extra_steps_per_session: float
    """At the mean price of a step behind the router."""
    extra_late_steps_per_session: float
    """At the price of the sessions' last steps, where extra ones come: their context is the longest."""
    retries_per_moved_call: float
    """Each moved call asked so many times more."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def break_even(
    session: NDArray[np.int32], sent: Mask, moved: Mask, before_pusd: Int, after_pusd: Int
) -> BreakEven | None:
    """`before`, `after`: [call], the policy's overhead inside `after`. None: nothing was moved."""
    count = int(session.max(initial=-1)) + 1
    touched = np.bincount(session[moved], minlength=count) > 0
    sessions = int(touched.sum())
    if not sessions:
        return None
    saved = int(group_sums(before_pusd - after_pusd, session, count)[touched].sum())
    inside = sent & touched[session]
    steps = int(inside.sum())
    last = np.zeros(count, np.int64)
    rows = np.flatnonzero(inside)
    last[session[rows]] = rows  # rows are in time order, so the last one stays
    late = int(after_pusd[last[touched]].sum())
    spent = int(after_pusd[inside].sum())
    retried = int(after_pusd[moved].sum())
    return BreakEven(
        sessions, steps / sessions, _over(saved, spent / steps) / sessions,
        _over(saved, late / sessions) / sessions, _over(saved, retried),
    )  # fmt: skip


def _over(amount: float, by: float) -> float:
    return amount / by if by else 0.0


def cached_share(view: View, bill: Bill, prices: PriceBook, rows: Mask) -> float | None:
    """Share of these calls' input that the provider reads from its cache, from the bill's dollars."""
    total = int(view.leaves[rows][:, INPUT].sum())
    if not total:
        return None
    speed = view.trace.dims["speed"]
    columns = (view.provider, view.model, view.service_tier, view.region, speed)
    paid = bill.leaf_pusd[:, Leaf.CACHE_READ]
    chosen = np.flatnonzero(rows & (paid > 0))
    if not len(chosen):
        return 0.0
    codes = np.stack([c.codes[chosen] for c in columns], axis=1)
    distinct, which = np.unique(codes, axis=0, return_inverse=True)
    read = 0.0
    for i, row in enumerate(distinct.tolist()):
        names = [c.values[k] for c, k in zip(columns, row, strict=True)]
        mine = chosen[which.reshape(-1) == i]
        read += _read_tokens(names, view, paid, mine, prices)
    return read / total


def _read_tokens(names: list[str], view: View, paid: Int, rows: Int, prices: PriceBook) -> float:
    provider, model, tier, region, speed = names
    rates = prices.rates(provider, model, tier=tier or "default", region=region, speed=speed)
    if isinstance(rates, Unpriced):
        return 0.0
    period = rates.at(as_of_us(prices))
    inputs = view.leaves[rows][:, INPUT].sum(axis=1)
    requests = view.trace.requests[rows]
    sizes, which = np.unique(np.stack((inputs, requests)), axis=1, return_inverse=True)
    rate = np.array([context_tier(period, int(i), int(r)).rates[Leaf.CACHE_READ]
                     for i, r in sizes.T.tolist()], np.float64)[which.reshape(-1)]  # fmt: skip
    return float((paid[rows] / np.maximum(rate, 1.0)).sum())
