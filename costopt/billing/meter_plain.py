"""The specification of `meter.py`: one call at a time, Python integers, nothing clever."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from costopt.billing.charges import (
    MOST_PUSD,
    TOO_MUCH,
    At,
    as_of_us,
    context_tier,
    extra_pusd,
    net_of,
    no_unit,
    source_of,
)
from costopt.model.bill import Bill, PriceStatus
from costopt.model.call import CallStatus, UsageState
from costopt.model.leaf import INPUT, LEAF_NAMES, N_LEAVES
from costopt.model.trace import NO_TIME
from costopt.model.view import View
from costopt.prices.contract import NO_RATE, DatedRates, PriceBook, Unpriced
from costopt.prices.own_fleet import rates_of


@dataclass
class PlainLine:
    """The bill of one call."""

    status: PriceStatus
    leaf: list[int] = field(default_factory=lambda: [0] * N_LEAVES)
    fee: int = 0
    discount: int = 0
    equivalent: int = 0
    source: str = ""
    reason: str = ""


def plain_line(view: View, prices: PriceBook, row: int, at: At = "call") -> PlainLine:
    """One call of a view, priced."""
    status = _charged(view, row)
    if status != PriceStatus.PRICED:
        return PlainLine(status)
    rates = _rates(view, prices, row, view.model.values[view.model.codes[row]])
    if isinstance(rates, Unpriced):
        return PlainLine(PriceStatus.NO_MODEL, reason=rates.reason)
    at_us = int(view.at_us[row])
    if at == "as_of" or at_us == NO_TIME:
        at_us = as_of_us(prices)
    line = _main(view, rates, row, at_us)
    if line.status in (PriceStatus.PRICED, PriceStatus.SUBSCRIPTION):
        return _with_extra(line, view, prices, row, at_us)
    return line


def _charged(view: View, row: int) -> PriceStatus:
    trace = view.trace
    if not view.sent[row] or trace.status[row] == CallStatus.GATEWAY_HIT:
        return PriceStatus.NOT_CHARGED
    if trace.status[row] == CallStatus.FAILED:
        reported = trace.usage_state[row] == UsageState.REPORTED
        used = reported and sum(view.leaves[row].tolist()) > 0
        return PriceStatus.PRICED if used else PriceStatus.NOT_CHARGED
    missing = trace.usage_state[row] == UsageState.MISSING
    return PriceStatus.NO_USAGE if missing else PriceStatus.PRICED


def _rates(view: View, prices: PriceBook, row: int, model: str) -> DatedRates | Unpriced:
    speed = view.trace.dims["speed"]
    provider, tier, region, fast = (
        c.values[c.codes[row]] for c in (view.provider, view.service_tier, view.region, speed)
    )
    return rates_of(prices, provider, model, tier=tier, region=region, speed=fast)


def _main(view: View, rates: DatedRates, row: int, at_us: int) -> PlainLine:
    period = rates.at(at_us)
    leaves = view.leaves[row].tolist()
    tier = context_tier(period, sum(leaves[INPUT]), int(view.trace.requests[row]))
    searches = int(view.trace.web_searches[row])
    name = f"{rates.provider}/{rates.model}"
    for leaf, tokens in enumerate(leaves):
        if tokens and tier.rates[leaf] == NO_RATE:
            return PlainLine(PriceStatus.NO_UNIT, reason=no_unit(name, LEAF_NAMES[leaf], period))
    if searches and period.web_search_pusd == NO_RATE:
        return PlainLine(PriceStatus.NO_UNIT, reason=no_unit(name, "web_search", period))
    dollars = [n * rate if n else 0 for n, rate in zip(leaves, tier.rates, strict=True)]
    fee = searches * period.web_search_pusd if searches else 0
    listed = sum(dollars) + fee
    if listed > MOST_PUSD:
        return PlainLine(PriceStatus.NO_UNIT, reason=TOO_MUCH)
    source = source_of(period, tier)
    if rates.subscription:
        return PlainLine(PriceStatus.SUBSCRIPTION, equivalent=listed, source=source)
    discount = listed - net_of(listed, rates.discount_multiplier_ppm)
    return PlainLine(PriceStatus.PRICED, dollars, fee, discount, source=source)


def _with_extra(line: PlainLine, view: View, prices: PriceBook, row: int, at_us: int) -> PlainLine:
    for call, model, leaves in view.trace.extra:
        if call != row:
            continue
        rates = _rates(view, prices, row, model)
        found = rates.reason if isinstance(rates, Unpriced) else extra_pusd(rates, at_us, leaves)
        if isinstance(found, str):
            return PlainLine(PriceStatus.NO_UNIT, reason=found)
        if sum(line.leaf) + line.fee + line.equivalent + found[0] > MOST_PUSD:
            return PlainLine(PriceStatus.NO_UNIT, reason=TOO_MUCH)
        if line.status == PriceStatus.SUBSCRIPTION:
            line.equivalent += found[0]
        else:
            line.fee += found[0]
            line.discount += found[0] - found[1]
    return line


def meter_plain(view: View, prices: PriceBook, *, at: At = "call") -> Bill:
    """The same bill as `meter`; sources and reasons may be numbered in another order."""
    lines = [plain_line(view, prices, row, at) for row in range(view.trace.n)]
    sources = list(dict.fromkeys(x.source for x in lines if x.source))
    reasons = list(dict.fromkeys(x.reason for x in lines if x.reason))
    leaf = np.array([x.leaf for x in lines], np.int64).reshape(-1, N_LEAVES)
    fee = np.array([x.fee for x in lines], np.int64)
    return Bill(
        leaf_pusd=leaf,
        fee_pusd=fee,
        list_pusd=leaf.sum(axis=1) + fee,
        discount_pusd=np.array([x.discount for x in lines], np.int64),
        status=np.array([x.status for x in lines], np.int8),
        rate_row=np.array([sources.index(x.source) if x.source else -1 for x in lines], np.int32),
        sources=tuple(sources),
        reasons=tuple(reasons),
        reason_code=np.array(
            [reasons.index(x.reason) if x.reason else -1 for x in lines], np.int32
        ),
        equivalent_pusd=np.array([x.equivalent for x in lines], np.int64),
    )
