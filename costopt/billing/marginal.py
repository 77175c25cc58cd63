"""Prices of a view without a bill: what a cached token is worth, and which calls have a price at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import as_of_us
from costopt.billing.prompt_cache.namespace import combined, first_of
from costopt.model.call import CallStatus, UsageState
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.own_fleet import on_own_fleet
from costopt.model.view import View
from costopt.prices.contract import NO_RATE, DatedRates, PriceBook, Unpriced
from costopt.prices.own_fleet import rates_of

Bool = NDArray[np.bool_]


def read_discount_pusd(view: View, prices: PriceBook) -> NDArray[np.int64]:  # [call]
    """Pico-dollars a token at the book's own date, base context tier; 0 where either has no price."""
    worth = []
    combinations, where = _rates(view, prices)
    for rates in combinations:
        worth.append(0)
        if isinstance(rates, Unpriced) or rates.subscription:
            continue
        per_leaf = rates.at(as_of_us(prices)).tiers[0].rates
        fresh, read = per_leaf[Leaf.INPUT_FRESH], per_leaf[Leaf.CACHE_READ]
        if NO_RATE not in (fresh, read):
            worth[-1] = (fresh - read) * rates.discount_multiplier_ppm // 1_000_000
    return np.array(worth, np.int64)[where]


def has_price(view: View, prices: PriceBook) -> Bool:  # [call]
    """Calls whose every unit has a price at the book's own date, in every context tier.

    A unit counts as used where the view's leaves have it; prices are looked up once a combination. A seat
    is no price: what it covers stands beside the bill.
    """
    combinations, where = _rates(view, prices)
    gaps = np.ones((len(combinations), N_LEAVES), np.bool_)
    for i, rates in enumerate(combinations):
        if not (isinstance(rates, Unpriced) or rates.subscription):
            table = np.array([t.rates for t in rates.at(as_of_us(prices)).tiers], np.int64)
            gaps[i] = (table == NO_RATE).any(axis=0)
    out: Bool = np.asarray(~gaps.all(axis=1))[where]
    for leaf in np.flatnonzero(gaps[~gaps.all(axis=1)].any(axis=0)).tolist():
        out &= ~(gaps[:, leaf][where] & (view.leaves[:, leaf] > 0))
    return out


def charged(view: View, prices: PriceBook) -> Bool:  # [call]
    """Calls that were made, succeeded, told their usage and have a price: only these can save.

    Those that an earlier layer moved to GPUs of one's own are not among them: their rent is paid.
    """
    trace = view.trace
    rows = view.sent & (trace.status == CallStatus.OK) & (trace.usage_state != UsageState.MISSING)
    return np.asarray(rows & has_price(view, prices) & ~on_own_fleet(view.provider))


def _rates(view: View, prices: PriceBook) -> tuple[list[DatedRates | Unpriced], NDArray[np.int64]]:
    """Rates of each combination that a price depends on, and [call] which one is its own."""
    columns = (
        view.provider, view.model, view.service_tier, view.region, view.trace.dims["speed"]
    )  # fmt: skip
    where = combined([c.codes for c in columns], view.trace.n)
    first = first_of(where)
    found = []
    for row in first.tolist():
        provider, model, tier, region, fast = (c.values[c.codes[row]] for c in columns)
        found.append(rates_of(prices, provider, model, tier=tier, region=region, speed=fast))
    return found, where
