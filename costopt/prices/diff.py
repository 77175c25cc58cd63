"""`costopt prices diff OLD NEW`: what changed between two overlays, or between two days of the book."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from costopt.model.leaf import LEAF_NAMES
from costopt.money import usd_text
from costopt.prices.book import Book
from costopt.prices.catalog import catalog
from costopt.prices.contract import NO_RATE, DatedRates, RatePeriod, Unpriced
from costopt.prices.own_data import moment_us
from costopt.prices.resolve import FIRST_PARTY

SHOWN = ("input_fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output_text")


@dataclass(frozen=True, slots=True)
class Change:
    """One unit of one model; None: no price on that side. USD per million tokens, net of discounts."""

    provider: str
    model: str
    context: str
    """`base`, or `above 200000`."""
    unit: str
    old: str | None
    new: str | None

    @property
    def change_pct(self) -> Decimal | None:
        """How much dearer, in percent."""
        if self.old is None or self.new is None or Decimal(self.old) == 0:
            return None
        return (Decimal(self.new) / Decimal(self.old) - 1) * 100


Name = tuple[str, str]


def changes(
    old: Book, old_day: dt.date, new: Book, new_day: dt.date, names: Iterable[Name]
) -> list[Change]:
    """Every unit of these (provider, model) whose net price differs between the two sides."""
    found = []
    for provider, model in dict.fromkeys(names):
        before = _side(old.rates(provider, model), old_day)
        after = _side(new.rates(provider, model), new_day)
        found += [
            Change(provider, model, *key, before.get(key), after.get(key))
            for key in dict.fromkeys((*before, *after))
            if before.get(key) != after.get(key)
        ]
    return found


def _side(rates: DatedRates | Unpriced, day: dt.date) -> dict[tuple[str, str], str]:
    """(context, unit) to net USD per million tokens at noon of a day."""
    if isinstance(rates, Unpriced):
        return {}
    noon_us = moment_us(day) + 12 * 3_600_000_000
    return dict(_units(rates.at(noon_us), rates.discount_multiplier_ppm))


def _units(period: RatePeriod, ppm: int) -> Iterator[tuple[tuple[str, str], str]]:
    for tier in period.tiers:
        start = tier.above_input_tokens
        context = f"above {start}" if start else "base"
        for name, rate in zip(LEAF_NAMES, tier.rates, strict=True):
            if rate != NO_RATE and name in SHOWN:
                yield (context, name), usd_text(rate * ppm)
    if period.web_search_pusd != NO_RATE:
        yield (
            ("base", "web_search_per_thousand"),
            usd_text(period.web_search_pusd * 1000 * ppm // 10**6),
        )


def first_party_names() -> list[Name]:
    """All models of the makers' own shelves."""
    return [(s, m) for s in FIRST_PARTY if s in catalog() for m in catalog()[s].names()]


def overlay_names(*books: Book) -> list[Name]:
    """All models that one of these overlays names, discounts' models included."""
    named = [(o.entry.provider, o.name) for b in books for o in b.overlay.models]
    discounted = {d.provider for b in books for d in b.overlay.discounts}
    shelves = [catalog()[p] for p in discounted if p in catalog()]
    return named + [(s.id, m) for s in shelves for m in s.names()]
