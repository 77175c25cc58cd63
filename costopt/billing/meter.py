"""Prices a view: every call at its own date, context tier, service tier and region, in integers.

Each distinct (provider, model, tier, region, speed) is looked up once. The calls of one rate row
(model, period, context tier) are then multiplied together. What cannot be priced is named, never $0
and never another model's price. `meter_plain.py` says the same call by call and is the specification.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill, PriceStatus
from costopt.model.call import CallStatus, UsageState
from costopt.model.leaf import INPUT, LEAF_NAMES, N_LEAVES
from costopt.model.trace import NO_TIME, Categorical
from costopt.model.view import View
from costopt.prices.contract import (
    NO_RATE,
    ContextTier,
    DatedRates,
    PriceBook,
    RatePeriod,
    Unpriced,
)

Int = NDArray[np.int64]
At = Literal["call", "as_of"]
PPM = 1_000_000
MOST_PUSD = 4 * 10**18
"""A single call above $4 million is a broken count or price: it is refused, and no sum overflows."""
TOO_MUCH = "tokens x price is more than any call can cost"


def meter(view: View, prices: PriceBook, *, at: At = "call") -> Bill:
    """The bill of a view at list price and net of discounts; `as_of`: all at the book's own date.

    Charged: calls that were sent and succeeded, and failed ones whose usage the provider reported.
    """
    sheet = _Sheet.of(view, prices, at)
    sheet.price_all()
    sheet.add_extra()
    return sheet.bill()


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


@dataclass
class _Sheet:
    """A bill being filled in. Arrays are [call]."""

    view: View
    prices: PriceBook
    at_us: Int
    status: NDArray[np.int8]
    leaf: Int  # [call, leaf]
    fee: Int
    discount: Int
    equivalent: Int
    rate_row: NDArray[np.int32]
    reason_code: NDArray[np.int32]
    sources: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, view: View, prices: PriceBook, at: At) -> _Sheet:
        n = view.trace.n
        times = view.at_us if at == "call" else np.full(n, NO_TIME, np.int64)
        return cls(
            view,
            prices,
            at_us=np.where(times == NO_TIME, as_of_us(prices), times),
            status=charge_status(view),
            leaf=np.zeros((n, N_LEAVES), np.int64),
            fee=np.zeros(n, np.int64),
            discount=np.zeros(n, np.int64),
            equivalent=np.zeros(n, np.int64),
            rate_row=np.full(n, -1, np.int32),
            reason_code=np.full(n, -1, np.int32),
        )

    def price_all(self) -> None:
        charged = np.flatnonzero(self.status == PriceStatus.PRICED)
        columns = self.lookup_columns()
        for rows in _same(columns, charged):
            names = [c.values[c.codes[rows[0]]] for c in columns]
            rates = self.look_up(*names)
            if isinstance(rates, Unpriced):
                self.refuse(rows, PriceStatus.NO_MODEL, rates.reason)
            else:
                self.price_model(rows, rates)

    def lookup_columns(self) -> tuple[Categorical, ...]:
        view = self.view
        speed = view.trace.dims["speed"]
        return view.provider, view.model, view.service_tier, view.region, speed

    def look_up(
        self, provider: str, model: str, tier: str, region: str, speed: str
    ) -> DatedRates | Unpriced:
        return self.prices.rates(
            provider, model, tier=tier or "default", region=region, speed=speed
        )

    def price_model(self, rows: Int, rates: DatedRates) -> None:
        """Calls of one model: split by period, then by context tier."""
        begins = np.array([p.from_us for p in rates.periods], np.int64)
        which = np.searchsorted(begins, self.at_us[rows], side="right") - 1
        for part in _split(which):
            period, mine = rates.periods[which[part[0]]], rows[part]
            total = self.view.leaves[mine][:, INPUT].sum(axis=1)
            requests = self.view.trace.requests[mine].astype(np.int64)
            tier_of = np.zeros(len(mine), np.int64)
            for number, tier in enumerate(period.tiers[1:], 1):
                above = tier.above_input_tokens * requests
                tier_of[(total > above) | (tier.reaches & (total == above))] = number
            for same in _split(tier_of):
                self.price_rows(mine[same], rates, period, period.tiers[tier_of[same[0]]])

    def price_rows(
        self, rows: Int, rates: DatedRates, period: RatePeriod, tier: ContextTier
    ) -> None:
        """Calls that share one rate row: tokens x rates."""
        rows = self.without_gaps(rows, rates, period, tier)
        row = np.maximum(np.array(tier.rates, np.int64), 0)
        tokens = self.view.leaves[rows]
        searches = self.view.trace.web_searches[rows].astype(np.int64)
        search = max(period.web_search_pusd, 0)
        # Measured in floats first: the integer product is only formed where it fits.
        fits = tokens.astype(np.float64) @ row + searches.astype(np.float64) * search <= MOST_PUSD
        self.refuse(rows[~fits], PriceStatus.NO_UNIT, TOO_MUCH)
        rows, tokens, searches = rows[fits], tokens[fits], searches[fits]
        dollars, fees = tokens * row, searches * search
        self.rate_row[rows] = self.sources.setdefault(source_of(period, tier), len(self.sources))
        listed = dollars.sum(axis=1) + fees
        if rates.subscription:
            self.status[rows] = PriceStatus.SUBSCRIPTION
            self.equivalent[rows] = listed
            return
        self.leaf[rows], self.fee[rows] = dollars, fees
        if rates.discount_multiplier_ppm != PPM:
            self.discount[rows] = listed - _net(listed, rates.discount_multiplier_ppm)

    def without_gaps(
        self, rows: Int, rates: DatedRates, period: RatePeriod, tier: ContextTier
    ) -> Int:
        """Refuse calls that used a unit without a price; the others are returned."""
        open_rows = np.ones(len(rows), np.bool_)
        name = f"{rates.provider}/{rates.model}"
        for leaf in (i for i, rate in enumerate(tier.rates) if rate == NO_RATE):
            used = open_rows & (self.view.leaves[rows, leaf] > 0)
            self.refuse(rows[used], PriceStatus.NO_UNIT, no_unit(name, LEAF_NAMES[leaf]))
            open_rows &= ~used
        if period.web_search_pusd == NO_RATE:
            used = open_rows & (self.view.trace.web_searches[rows] > 0)
            self.refuse(rows[used], PriceStatus.NO_UNIT, no_unit(name, "web_search"))
            open_rows &= ~used
        return rows[open_rows]

    def refuse(self, rows: Int, status: PriceStatus, reason: str) -> None:
        if len(rows):
            self.status[rows] = status
            self.reason_code[rows] = self.reasons.setdefault(reason, len(self.reasons))

    def add_extra(self) -> None:
        """Tokens of other models inside a call, at their own prices; few, so one at a time."""
        for call, model, leaves in self.view.trace.extra:
            if self.status[call] not in (PriceStatus.PRICED, PriceStatus.SUBSCRIPTION):
                continue
            amount = self.extra_amount(call, model, leaves)
            so_far = int(self.leaf[call].sum() + self.fee[call] + self.equivalent[call])
            if isinstance(amount, str):
                self.drop(call, amount)
            elif so_far + amount[0] > MOST_PUSD:
                self.drop(call, TOO_MUCH)
            elif self.status[call] == PriceStatus.SUBSCRIPTION:
                self.equivalent[call] += amount[0]
            else:
                self.fee[call] += amount[0]
                self.discount[call] += amount[0] - amount[1]

    def extra_amount(self, call: int, model: str, leaves: tuple[int, ...]) -> tuple[int, int] | str:
        """(list, net) pico-dollars, or why there is no price."""
        provider, _, *rest = (c.values[c.codes[call]] for c in self.lookup_columns())
        rates = self.look_up(provider, model, *rest)
        if isinstance(rates, Unpriced):
            return rates.reason
        return extra_pusd(rates, int(self.at_us[call]), leaves)

    def drop(self, call: int, reason: str) -> None:
        """Unprice a call after all: a part of it has no price."""
        self.leaf[call], self.fee[call], self.discount[call] = 0, 0, 0
        self.equivalent[call], self.rate_row[call] = 0, -1
        self.refuse(np.array([call]), PriceStatus.NO_UNIT, reason)

    def bill(self) -> Bill:
        return Bill(
            leaf_pusd=self.leaf,
            fee_pusd=self.fee,
            list_pusd=self.leaf.sum(axis=1) + self.fee,
            discount_pusd=self.discount,
            status=self.status,
            rate_row=self.rate_row,
            sources=tuple(self.sources),
            reasons=tuple(self.reasons),
            reason_code=self.reason_code,
            equivalent_pusd=self.equivalent,
        )


def extra_pusd(rates: DatedRates, at_us: int, leaves: tuple[int, ...]) -> tuple[int, int] | str:
    """(list, net) of a further model's tokens inside a call, or why they have no price."""
    period = [p for p in rates.periods if p.from_us <= at_us][-1]
    tier = context_tier(period, sum(leaves[INPUT]))
    pairs = list(zip(leaves, tier.rates, strict=True))
    gap = next((i for i, (n, rate) in enumerate(pairs) if n and rate == NO_RATE), None)
    if gap is not None:
        return no_unit(f"{rates.provider}/{rates.model}", LEAF_NAMES[gap])
    listed = sum(n * rate for n, rate in pairs if n)
    if listed > MOST_PUSD:
        return TOO_MUCH
    return listed, net_of(listed, rates.discount_multiplier_ppm)


def no_unit(model: str, unit: str) -> str:
    """Why a call of a known model has no price."""
    return f"{model} has no price for {unit}"


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


def _same(columns: tuple[Categorical, ...], rows: Int) -> list[Int]:
    """Groups of rows that are equal in all columns, each in row order."""
    key = np.zeros(len(rows), np.int64)
    for column in columns:
        key = key * len(column.values) + column.codes[rows]
        if len(column.values) > 1:
            key = np.unique(key, return_inverse=True)[1].reshape(-1)
    return [rows[part] for part in _split(key)]


def _split(key: Int) -> list[Int]:
    """Positions of equal keys, each group in order."""
    if not len(key):
        return []
    order = np.argsort(key, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(key[order])) + 1)


def _net(listed: Int, ppm: int) -> Int:
    """`net_of` on arrays, without the product that would overflow."""
    whole, rest = np.divmod(listed, PPM)
    return whole * ppm + rest * ppm // PPM
