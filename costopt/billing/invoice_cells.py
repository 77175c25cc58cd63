"""The log's bill and an invoice cut into the same cells: UTC day, model, unit.

A cell is as fine as the invoice is: units and projects are kept only where both sides name them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from costopt.model.bill import Bill
from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.model.leaf import OUTPUT, Leaf
from costopt.model.trace import Trace
from costopt.prices.contract import PriceBook, Unpriced

DAY_US = 86_400_000_000
_UNITS: dict[str, tuple[int, ...]] = {
    "input_fresh": (Leaf.INPUT_FRESH, Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE),
    "cache_read": (Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO),
    **{leaf.name.lower(): (leaf,) for leaf in list(Leaf)[2:7]},
    "output": tuple(range(OUTPUT.start, OUTPUT.stop)),
}


class Key(NamedTuple):
    """Where a dollar stands; "" for a side that the invoice does not tell apart."""

    day: str
    provider: str
    model: str
    unit: str


@dataclass
class Side:
    """One side of a cell. `tokens` is None where that side does not count them."""

    pusd: int = 0
    tokens: int | None = None
    batch_pusd: int = 0
    """Of `pusd`, at a tier other than default."""
    lines: int = 0

    def add(self, pusd: int, tokens: int | None, special_tier: bool) -> None:
        self.pusd += pusd
        self.batch_pusd += pusd if special_tier else 0
        if tokens is not None:
            self.tokens = (self.tokens or 0) + tokens
        self.lines += 1


def canonical(prices: PriceBook, provider: str, model: str) -> tuple[str, str]:
    """The book's ids where it knows the model, else the names as they are."""
    return prices.canonical(provider, model) or (provider, model)


def log_cells(trace: Trace, bill: Bill, prices: PriceBook, by_unit: bool) -> dict[Key, Side]:
    """What the log says, net of discounts; calls without a time stand on day ""."""
    cells: dict[Key, Side] = defaultdict(Side)
    provider, model, tier = (trace.dims[n] for n in ("provider", "model", "service_tier"))
    names: dict[tuple[int, int], tuple[str, str]] = {}
    for row in np.flatnonzero(bill.priced).tolist():
        code = (int(provider.codes[row]), int(model.codes[row]))
        if code not in names:
            names[code] = canonical(prices, provider.values[code[0]], model.values[code[1]])
        day = utc_day(int(trace.at_us[row])) if trace.has_time[row] else ""
        special = tier.values[tier.codes[row]] not in ("", "default")
        for unit, pusd, tokens in _parts(trace, bill, row, by_unit):
            cells[Key(day, *names[code], unit)].add(pusd, tokens, special)
    return cells


def _parts(trace: Trace, bill: Bill, row: int, by_unit: bool) -> list[tuple[str, int, int]]:
    """(unit, net dollars, tokens) of a call. The discount goes over the units in proportion."""
    net = int(bill.list_pusd[row] - bill.discount_pusd[row])
    leaves = trace.leaves[row].tolist()
    if not by_unit:
        return [("", net - int(bill.fee_pusd[row]), sum(leaves))]
    listed = bill.leaf_pusd[row].tolist()
    whole = int(bill.list_pusd[row]) or 1
    parts = []
    for unit, members in _UNITS.items():
        tokens = sum(leaves[m] for m in members)
        amount = sum(listed[m] for m in members)
        if tokens or amount:
            parts.append((unit, amount * net // whole if net != whole else amount, tokens))
    return parts


def utc_day(at_us: int) -> str:
    """ISO date of a UTC microsecond time."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=at_us // DAY_US)).isoformat()


def invoice_cells(invoice: Invoice, prices: PriceBook, by_unit: bool) -> dict[Key, Side]:
    """Token lines of the invoice; lines without dollars are priced from the book."""
    cells: dict[Key, Side] = defaultdict(Side)
    for line in invoice.lines:
        if line.kind != LineKind.TOKENS:
            continue
        names = canonical(prices, line.provider, line.model)
        key = Key(line.day, *names, line.unit if by_unit else "")
        special = line.tier not in ("", "default")
        cells[key].add(priced(line, prices), line.tokens, special)
    return cells


def priced(line: InvoiceLine, prices: PriceBook) -> int:
    """Pico-dollars of a line: its own amount, else its tokens at the book's base rate that day."""
    if line.amount_pusd is not None:
        return int(line.amount_pusd)
    tier = line.tier if line.tier in ("batch", "flex", "priority") else "default"
    rates = prices.rates(line.provider, line.model, tier=tier)
    if isinstance(rates, Unpriced) or not line.tokens:
        return 0
    at = _noon_us(line.day)
    period = [p for p in rates.periods if p.from_us <= at][-1]
    leaf = Leaf.OUTPUT_TEXT if line.unit == "output" else Leaf[line.unit.upper()]
    rate = period.tiers[0].rates[leaf]
    if rate < 0:
        return 0
    return line.tokens * rate * rates.discount_multiplier_ppm // 1_000_000


def _noon_us(day: str) -> int:
    days = (dt.date.fromisoformat(day) - dt.date(1970, 1, 1)).days
    return days * DAY_US + DAY_US // 2
