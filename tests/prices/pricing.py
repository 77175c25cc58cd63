"""Helpers: price a few counts with the book, in exact pico-dollars."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

from costopt.model.leaf import INPUT, N_LEAVES, Leaf
from costopt.prices.book import Book, load_book
from costopt.prices.contract import ContextTier, DatedRates, Unpriced
from costopt.prices.own_data import moment_us


@cache
def book() -> Book:
    return load_book()


def overlay(tmp_path: Path, text: str) -> Book:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    return load_book(path)


def leaves(**counts: int) -> list[int]:
    row = [0] * N_LEAVES
    for name, count in counts.items():
        row[Leaf[name.upper()]] = count
    return row


def tier_at(rates: DatedRates, day: str, tokens: int = 0) -> ContextTier:
    """The context tier that a request of this size falls into on a day (or at a moment)."""
    at = moment_us(dt.datetime.fromisoformat(day))
    period = [p for p in rates.periods if p.from_us <= at][-1]
    fits = [
        t
        for t in period.tiers
        if tokens > t.above_input_tokens or (t.reaches and tokens == t.above_input_tokens)
    ]
    return (fits or [period.tiers[0]])[-1]


def dated(found: DatedRates | Unpriced) -> DatedRates:
    assert isinstance(found, DatedRates), found
    return found


def cost(found: DatedRates | Unpriced, day: str, **counts: int) -> int:
    """Pico-dollars of these counts; every used unit must have a price."""
    row = leaves(**counts)
    tier = tier_at(dated(found), day, sum(row[INPUT]))
    for count, rate, leaf in zip(row, tier.rates, Leaf, strict=True):
        assert not count or rate >= 0, f"no price for {leaf.name}"
    return sum(count * rate for count, rate in zip(row, tier.rates, strict=True) if count)


def usd_per_mtok(found: DatedRates | Unpriced, day: str, leaf: Leaf, tokens: int = 0) -> float:
    """USD per million tokens, -1 where there is no price."""
    rate = tier_at(dated(found), day, tokens).rates[leaf]
    return rate if rate < 0 else rate / 1_000_000
