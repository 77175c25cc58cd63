"""What one more cached token is worth: the fresh price of a call less its price for a cached read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import as_of_us
from costopt.billing.prompt_cache.namespace import combined
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.prices.contract import NO_RATE, PriceBook, Unpriced


def read_discount_pusd(view: View, prices: PriceBook) -> NDArray[np.int64]:  # [call]
    """Pico-dollars a token at the book's own date, base context tier; 0 where either has no price."""
    speed = view.trace.dims["speed"]
    columns = (view.provider, view.model, view.service_tier, view.region, speed)
    key = combined([c.codes for c in columns], view.trace.n)
    distinct, first, where = np.unique(key, return_index=True, return_inverse=True)
    worth = np.zeros(len(distinct), np.int64)
    for i, row in enumerate(first.tolist()):
        provider, model, tier, region, fast = (c.values[c.codes[row]] for c in columns)
        rates = prices.rates(provider, model, tier=tier or "default", region=region, speed=fast)
        if isinstance(rates, Unpriced) or rates.subscription:
            continue
        per_leaf = rates.at(as_of_us(prices)).tiers[0].rates
        fresh, read = per_leaf[Leaf.INPUT_FRESH], per_leaf[Leaf.CACHE_READ]
        if NO_RATE not in (fresh, read):
            worth[i] = (fresh - read) * rates.discount_multiplier_ppm // 1_000_000
    return worth[where.reshape(-1)]
