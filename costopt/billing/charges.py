"""What is charged, and by which rate row: the rules that `meter.py` and its plain twin share."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import PriceStatus
from costopt.model.call import CallStatus, UsageState
from costopt.model.leaf import INPUT, LEAF_NAMES
from costopt.model.view import View
from costopt.prices.contract import NO_RATE, ContextTier, DatedRates, PriceBook, RatePeriod

At = Literal["call", "as_of"]
PPM = 1_000_000
MOST_PUSD = 4 * 10**18
"""A single call above $4 million is a broken count or price: it is refused, and no sum overflows."""
TOO_MUCH = "tokens x price is more than any call can cost"


def as_of_us(prices: PriceBook) -> int:
    """Noon (UTC) of the book's own date: the time of a call whose log has none."""
    days = (prices.as_of - dt.date(1970, 1, 1)).days
    return (days * 24 + 12) * 3_600_000_000


def context_tier(period: RatePeriod, input_tokens: int, requests: int = 1) -> ContextTier:
    """The tier of a whole request by all its input. Of a total over many requests: by their mean."""
    found = period.tiers[0]
    for tier in period.tiers[1:]:
        above = tier.above_input_tokens * requests
        if input_tokens > above or (tier.reaches and input_tokens == above):
            found = tier
    return found


def source_of(period: RatePeriod, tier: ContextTier) -> str:
    """What `price_source` shows for a call."""
    if not tier.above_input_tokens:
        return period.source
    word = "from" if tier.reaches else "above"
    return f"{period.source}, {word} {tier.above_input_tokens:,} input tokens"


def net_of(listed: int, ppm: int) -> int:
    """List price less the negotiated discount, down to a whole pico-dollar."""
    return listed * ppm // PPM


def extra_pusd(rates: DatedRates, at_us: int, leaves: tuple[int, ...]) -> tuple[int, int] | str:
    """(list, net) of a further model's tokens inside a call, or why they have no price."""
    period = rates.at(at_us)
    tier = context_tier(period, sum(leaves[INPUT]))
    pairs = list(zip(leaves, tier.rates, strict=True))
    gap = next((i for i, (n, rate) in enumerate(pairs) if n and rate == NO_RATE), None)
    if gap is not None:
        return no_unit(f"{rates.provider}/{rates.model}", LEAF_NAMES[gap], period)
    listed = sum(n * rate for n, rate in pairs if n)
    if listed > MOST_PUSD:
        return TOO_MUCH
    return listed, net_of(listed, rates.discount_multiplier_ppm)


def no_unit(model: str, unit: str, period: RatePeriod) -> str:
    """Why a call of a known model has no price: the period's own reason where nothing had one then."""
    if period.why_none:
        return period.why_none
    empty = all(rate == NO_RATE for tier in period.tiers for rate in tier.rates)
    return period.source if empty and period.source else f"{model} has no price for {unit}"


def charge_status(view: View) -> NDArray[np.int8]:
    """PRICED where the provider charges and counted, before any price is looked up."""
    trace = view.trace
    missing = trace.usage_state == UsageState.MISSING
    # A stream cut off in the middle costs what its last usage says; a refusal has none, or zeros.
    used = (trace.usage_state == UsageState.REPORTED) & (view.leaves.sum(axis=1) > 0)
    failed = trace.status == CallStatus.FAILED
    status = np.where(missing, PriceStatus.NO_USAGE, PriceStatus.PRICED)
    status[failed & ~used] = PriceStatus.NOT_CHARGED
    status[~view.sent | (trace.status == CallStatus.GATEWAY_HIT)] = PriceStatus.NOT_CHARGED
    return status.astype(np.int8)
