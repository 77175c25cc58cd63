"""Prices a view: every call at its own date, context tier, service tier and region, in integers.

Each distinct (provider, model, tier, region, speed) is looked up once. The calls of one rate row
(model, period, context tier) are then multiplied together. What cannot be priced is named, never $0
and never another model's price. `meter_plain.py` says the same call by call and is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import (
    MOST_PUSD,
    PPM,
    TOO_MUCH,
    At,
    as_of_us,
    charge_status,
    extra_pusd,
    no_unit,
    source_of,
)
from costopt.billing.prompt_cache.namespace import combined
from costopt.model.bill import Bill, PriceStatus
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
from costopt.prices.own_fleet import rates_of

Int = NDArray[np.int64]


def meter(view: View, prices: PriceBook, *, at: At = "call") -> Bill:
    """The bill of a view at list price and net of discounts; `as_of`: all at the book's own date.

    Charged: calls that were sent and succeeded, and failed ones whose usage the provider reported.
    """
    sheet = _Sheet.of(view, prices, at)
    sheet.price_all()
    sheet.add_extra()
    return sheet.bill()


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
        return rates_of(self.prices, provider, model, tier=tier, region=region, speed=speed)

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
        most = float(tokens.max(initial=0)) * float(row.sum())
        if most + float(searches.max(initial=0)) * search > MOST_PUSD:
            dollars = tokens.astype(np.float64) @ row + searches.astype(np.float64) * search
            fits = dollars <= MOST_PUSD
            self.refuse(rows[~fits], PriceStatus.NO_UNIT, TOO_MUCH)
            rows, tokens, searches = rows[fits], tokens[fits], searches[fits]
        by_leaf, fees = tokens * row, searches * search
        self.rate_row[rows] = self.sources.setdefault(source_of(period, tier), len(self.sources))
        listed = by_leaf.sum(axis=1) + fees
        if rates.subscription:
            self.status[rows] = PriceStatus.SUBSCRIPTION
            self.equivalent[rows] = listed
            return
        self.leaf[rows], self.fee[rows] = by_leaf, fees
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
            self.refuse(rows[used], PriceStatus.NO_UNIT, no_unit(name, LEAF_NAMES[leaf], period))
            open_rows &= ~used
        if period.web_search_pusd == NO_RATE:
            used = open_rows & (self.view.trace.web_searches[rows] > 0)
            self.refuse(rows[used], PriceStatus.NO_UNIT, no_unit(name, "web_search", period))
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


def _same(columns: tuple[Categorical, ...], rows: Int) -> list[Int]:
    """Groups of rows that are equal in all columns, each in row order."""
    if not len(rows):
        return []
    return [rows[part] for part in _split(combined([c.codes[rows] for c in columns], len(rows)))]


def _split(key: Int) -> list[Int]:
    """Positions of equal keys (not negative), each group in order."""
    if not len(key):
        return []
    most = int(key.max())
    if not most:
        return [np.arange(len(key))]
    # Keys are few and small: of 16 bits a radix sort, ten times as fast.
    key = key.astype(np.int16) if most < 2**15 else key
    order = np.argsort(key, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(key[order])) + 1)


def _net(listed: Int, ppm: int) -> Int:
    """`net_of` on arrays, without the product that would overflow."""
    whole, rest = np.divmod(listed, PPM)
    return whole * ppm + rest * ppm // PPM
