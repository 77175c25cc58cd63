"""The log's bill and an invoice cut into the same cells: UTC day, provider, model, project, unit.

A cell is as fine as the invoice is: units and projects are kept only where both sides name them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import net_of
from costopt.model.bill import Bill
from costopt.model.invoice import InvoiceLine
from costopt.model.leaf import OUTPUT, Leaf
from costopt.model.trace import Trace
from costopt.money import exact_group_sum
from costopt.prices.contract import NO_RATE, PriceBook, Unpriced

Int = NDArray[np.int64]
DAY_US = 86_400_000_000
LATE_US = 3_600_000_000
"""A call this close to midnight may be counted on the next day."""
SPECIAL_TIERS = ("batch", "flex", "priority")
SEARCH = "web_search"
_UNITS: dict[str, tuple[int, ...]] = {
    "input_fresh": (Leaf.INPUT_FRESH, Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE),
    "cache_read": (Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO),
    **{leaf.name.lower(): (leaf,) for leaf in list(Leaf)[2:7]},
    "output": tuple(range(OUTPUT.start, OUTPUT.stop)),
}


class Key(NamedTuple):
    """Where a dollar stands; "" for a side that is not told apart."""

    day: str
    provider: str
    model: str
    unit: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Grain:
    """What is told apart."""

    day: bool = True
    model: bool = True
    unit: bool = False
    project: bool = False

    def of(self, key: Key) -> Key:
        """The cell that a finer one falls into."""
        return Key(
            key.day if self.day else "",
            key.provider if self.model else "",
            key.model if self.model else "",
            key.unit if self.unit else "",
            key.project if self.project else "",
        )


@dataclass
class Side:
    """One side of a cell. `tokens` is None where that side does not count them."""

    pusd: int = 0
    tokens: int | None = None
    special_pusd: int = 0
    """Of `pusd`, at a tier other than default."""
    special_tokens: int = 0
    late_pusd: int = 0
    """Of `pusd`, what the provider may count on the next day: begun near midnight, or in a batch."""
    lines: int = 0

    def add(self, other: Side) -> None:
        self.pusd += other.pusd
        self.special_pusd += other.special_pusd
        self.special_tokens += other.special_tokens
        self.late_pusd += other.late_pusd
        self.lines += other.lines
        if other.tokens is not None:
            self.tokens = (self.tokens or 0) + other.tokens


def canonical(prices: PriceBook, provider: str, model: str) -> tuple[str, str]:
    """The book's ids where it knows the model, else the names as they are."""
    return prices.canonical(provider, model) or (provider, model)


def log_cells(
    trace: Trace, bill: Bill, rows: Int, prices: PriceBook, grain: Grain
) -> dict[Key, Side]:
    """Token dollars of these calls, net of discounts and without fees, in the cells of `grain`."""
    keys, group = _keys(trace, prices, rows)
    special, late = _special(trace, rows), _late(trace, rows)
    cells: dict[Key, Side] = defaultdict(Side)
    for unit, pusd, tokens in _amounts(trace, bill, rows, grain.unit):
        columns = [
            exact_group_sum(values, group, len(keys))
            for values in (
                pusd, tokens, np.where(special, pusd, 0), np.where(special, tokens, 0),
                np.where(late, pusd, 0),
            )
        ]  # fmt: skip
        used = np.unique(group[(pusd != 0) | (tokens != 0)])
        for g in used.tolist():
            dollars, count, at_tier, count_at_tier, near = (int(c[g]) for c in columns)
            side = Side(dollars, count, at_tier, count_at_tier, near, 1)
            cells[grain.of(keys[g]._replace(unit=unit))].add(side)
    return dict(cells)


def fees_of(bill: Bill, rows: Int) -> int:
    """Net dollars of these calls that are not for tokens: searches, other charges per use."""
    rows = rows[bill.fee_pusd[rows] != 0]
    return sum(
        fee * net // listed
        for fee, net, listed in zip(
            bill.fee_pusd[rows].tolist(), bill.net_pusd[rows].tolist(),
            bill.list_pusd[rows].tolist(), strict=True,
        )
    )  # fmt: skip


def _keys(trace: Trace, prices: PriceBook, rows: Int) -> tuple[list[Key], Int]:
    """Distinct (day, provider, model, project) of these calls, and which one each call has."""
    provider, model = trace.dims["provider"], trace.dims["model"]
    days = np.where(trace.has_time[rows], trace.at_us[rows] // DAY_US, -1)
    columns = np.stack(
        [days, provider.codes[rows], model.codes[rows], trace.dims["project"].codes[rows],
         trace.dims["workspace"].codes[rows]], axis=1,
    )  # fmt: skip
    distinct, group = np.unique(columns, axis=0, return_inverse=True)
    keys = []
    for day, p, m, project, workspace in distinct.tolist():
        names = canonical(prices, provider.values[p], model.values[m])
        where = trace.dims["project"].values[project] or trace.dims["workspace"].values[workspace]
        keys.append(Key(utc_day(day * DAY_US) if day >= 0 else "", *names, "", where))
    return keys, group.reshape(-1)


def _special(trace: Trace, rows: Int) -> NDArray[np.bool_]:
    tier = trace.dims["service_tier"]
    special = np.array([t in SPECIAL_TIERS for t in tier.values], np.bool_)
    return special[tier.codes[rows]]


def _late(trace: Trace, rows: Int) -> NDArray[np.bool_]:
    """Begun in the last hour of its day, answered after midnight, or run in a batch."""
    tier = trace.dims["service_tier"]
    batch = np.array([t == "batch" for t in tier.values], np.bool_)[tier.codes[rows]]
    latency_us = np.nan_to_num(trace.latency_ms[rows]).clip(0, 1e9) * 1000
    since_midnight = trace.at_us[rows] % DAY_US
    near = since_midnight + np.maximum(latency_us, LATE_US) >= DAY_US
    return trace.has_time[rows] & (batch | near)


def _amounts(trace: Trace, bill: Bill, rows: Int, by_unit: bool) -> list[tuple[str, Int, Int]]:
    """(unit, net dollars, tokens) of each call; one entry for all units unless `by_unit`."""
    leaves, listed = trace.leaves[rows], bill.leaf_pusd[rows]
    units = _UNITS if by_unit else {"": tuple(range(listed.shape[1]))}
    out = []
    for unit, members in units.items():
        amount = listed[:, list(members)].sum(axis=1)
        off = np.flatnonzero(bill.discount_pusd[rows])
        if len(off):
            net, whole = bill.net_pusd[rows][off], bill.list_pusd[rows][off]
            shares = amount[off].astype(object) * net // np.maximum(whole, 1)
            amount[off] = shares.astype(np.int64)
        out.append((unit, amount, leaves[:, list(members)].sum(axis=1)))
    return out


def utc_day(at_us: int) -> str:
    """ISO date of a UTC microsecond time."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=at_us // DAY_US)).isoformat()


def next_day(day: str) -> str:
    """The ISO date after this one."""
    return (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()


@dataclass(frozen=True, slots=True)
class Paid:
    """What the log paid for its tokens, as fine as it can be: prices a usage export."""

    grain: Grain
    cells: dict[Key, Side]

    def of(self, key: Key) -> Side | None:
        return self.cells.get(self.grain.of(key))


def invoice_cells(
    lines: Iterable[InvoiceLine], prices: PriceBook, grain: Grain, paid: Paid
) -> dict[Key, Side]:
    """Token lines of the invoice. A line without dollars has the price that the log's tokens had."""
    cells: dict[Key, Side] = defaultdict(Side)
    for line in lines:
        names = canonical(prices, line.provider, line.model)
        key = Key(line.day, *names, line.unit, line.project)
        pusd = line_pusd(line, prices, paid.of(key))
        special = line.tier in SPECIAL_TIERS
        at_tier = (pusd, line.tokens or 0) if special else (0, 0)
        cells[grain.of(key)].add(Side(pusd, line.tokens, *at_tier, 0, 1))
    return dict(cells)


def line_pusd(line: InvoiceLine, prices: PriceBook, log: Side | None = None) -> int:
    """Its own amount; else its tokens at what the log paid for such tokens, else at the book's rate.

    0 where the book has none: `invoice_scope.unpriced_lines` says which lines these are.
    """
    if line.amount_pusd is not None:
        return int(line.amount_pusd)
    if log is not None and log.tokens and line.tokens and line.unit != SEARCH:
        special = line.tier in SPECIAL_TIERS
        tokens = log.special_tokens if special else log.tokens - log.special_tokens
        pusd = log.special_pusd if special else log.pusd - log.special_pusd
        if tokens:
            return line.tokens * pusd // tokens
    return listed_pusd(line, prices) or 0


def listed_pusd(line: InvoiceLine, prices: PriceBook) -> int | None:
    """A usage line at the book's base rate of its day; None: the book has no price for it."""
    tier = line.tier if line.tier in SPECIAL_TIERS else "default"
    rates = prices.rates(line.provider, line.model, tier=tier)
    if isinstance(rates, Unpriced):
        return None
    noon_us = (dt.date.fromisoformat(line.day) - dt.date(1970, 1, 1)).days * DAY_US + DAY_US // 2
    period = rates.at(noon_us)
    tokens = line.tokens or 0
    if line.unit == SEARCH:
        return None if period.web_search_pusd == NO_RATE else tokens * period.web_search_pusd
    leaf = Leaf.OUTPUT_TEXT if line.unit == "output" else Leaf[line.unit.upper()]
    rate = period.tiers[0].rates[leaf]
    return None if rate == NO_RATE else net_of(tokens * rate, rates.discount_multiplier_ppm)
