"""What a policy itself costs: tokens of its own calls through the price book, and fees per use."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import PPM, as_of_us, context_tier
from costopt.errors import UsageError
from costopt.model.effect import Charge, Fee
from costopt.model.leaf import INPUT, LEAF_NAMES, N_LEAVES
from costopt.prices.contract import NO_RATE, PriceBook, Unpriced

Int = NDArray[np.int64]


def overhead_pusd(
    charges: Iterable[Charge], fees: Iterable[Fee], prices: PriceBook, n: int
) -> Int:  # [call]
    """Net pico-dollars by the call that caused them, at the book's own date. UsageError: no price."""
    out = np.zeros(n, np.int64)
    for charge in charges:
        np.add.at(out, charge.rows, charge_pusd(charge, prices))
    for fee in fees:
        np.add.at(out, fee.rows, fee.pusd)
    return out


def charge_pusd(charge: Charge, prices: PriceBook) -> Int:  # [charge]
    """Each of these calls priced on its own, context tier included."""
    rates = prices.rates(charge.provider, charge.model)
    if isinstance(rates, Unpriced):
        raise UsageError(
            f"{charge.what}: {rates.reason}", where=charge.model,
            hint="Name another model, or give its price in prices.yaml (--prices).",
        )  # fmt: skip
    period = rates.at(as_of_us(prices))
    total = charge.leaves[:, INPUT].sum(axis=1)
    distinct, where = np.unique(total, return_inverse=True)
    tiers = [context_tier(period, int(t)).rates for t in distinct.tolist()]
    row = np.array(tiers, np.int64).reshape(-1, N_LEAVES)[where.reshape(-1)]  # [charge, leaf]
    _refuse_gaps(charge, row)
    listed = (charge.leaves * np.maximum(row, 0)).sum(axis=1)
    whole, rest = np.divmod(listed, PPM)
    ppm = rates.discount_multiplier_ppm
    return np.asarray(whole * ppm + rest * ppm // PPM)


def _refuse_gaps(charge: Charge, rates: Int) -> None:
    """`rates`: [charge, leaf] of the context tier that each falls into."""
    gaps = np.flatnonzero(((charge.leaves > 0) & (rates == NO_RATE)).any(axis=0))
    if len(gaps):
        raise UsageError(
            f"{charge.what}: {charge.model} has no price for {LEAF_NAMES[gaps[0]]}.",
            where=charge.model, hint="Give it in prices.yaml (--prices).",
        )  # fmt: skip
