"""What billing needs of the price book: dated integer rates and dated cache rules.

`PriceBook` (in `prices/book.py`) implements it over `genai-prices`, our own dated data file and the
user's overlay. Rates are integer pico-dollars a token, one for each `Leaf`; -1 means no price.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

NO_RATE = -1


@dataclass(frozen=True, slots=True)
class ContextTier:
    """Rates of a whole request whose input is above `above_input_tokens` (strictly, unless `reaches`)."""

    above_input_tokens: int
    """0 for the base tier."""
    reaches: bool
    """True: the tier starts at the threshold itself (xAI), not above it."""
    rates: tuple[int, ...]
    """[leaf] pico-dollars a token, NO_RATE where the book has no price for the unit."""


@dataclass(frozen=True, slots=True)
class RatePeriod:
    """Rates from a moment on (UTC microseconds; the first period starts at the minimum int64)."""

    from_us: int
    tiers: tuple[ContextTier, ...]
    """Ascending thresholds; the first is the base tier."""
    web_search_pusd: int
    """Per hosted search; NO_RATE where unknown."""
    source: str
    """Book, model id, tier and dates: printed by `prices show` and in the ledger's `price_source`."""
    why_none: str = ""
    """Why no unit has a price in this period (a tier that was not sold yet); empty where one has."""


@dataclass(frozen=True, slots=True)
class DatedRates:
    """All periods of one (provider, model, service tier, region, speed), ascending in time."""

    provider: str
    model: str
    """Canonical ids."""
    periods: tuple[RatePeriod, ...]
    discount_multiplier_ppm: int = 1_000_000
    """Net = list x this / 1e6 (the overlay's negotiated discounts)."""
    subscription: bool = False

    def at(self, at_us: int) -> RatePeriod:
        """The period that holds at a moment (UTC microseconds)."""
        return [p for p in self.periods if p.from_us <= at_us][-1]


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No price, and why: never another model's price."""

    reason: str
    ambiguous: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CacheRules:
    """How a provider's prompt cache behaves for a model from a date on. Sources stand in the data."""

    provider: str
    model: str
    mode: str
    """`automatic` (longest prefix), `breakpoint` (Anthropic marks), `none`."""
    from_us: int
    min_tokens: int
    step_tokens: int
    """Granularity of the cached count; 1: not known to have one."""
    lifetime_s: int
    """Idle time after which an entry is gone (typical value; the fit refines it)."""
    refreshed_on_use: bool
    read_multiplier_ppm: int
    """Of the fresh input rate, in millionths (documentation; billing uses the book's own rates)."""
    write_multiplier_ppm: int
    batch_stacks: bool
    """True: a cached read keeps its discount on the batch tier."""
    source: str


class PriceBook(Protocol):
    """Looks up rates and rules; pure after construction."""

    as_of: dt.date
    """Date whose prices both arms of a projection use, and calls without a time."""
    version: str
    """Name and version of the data, printed by `costopt --version`."""

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        """Rates of a model as the log names it. Aliases resolve; nothing is guessed."""
        ...

    def canonical(self, provider: str, model: str) -> tuple[str, str] | None:
        """(provider id, model id) of the book for a log's names; None where unknown or ambiguous."""
        ...

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        """The provider's prompt-cache rules for this model at this time (mode `none` where it had none)."""
        ...


def own_rents(prices: PriceBook) -> Mapping[str, object]:
    """The overlay's own prices of GPU-hours, as it writes them; empty where a book has none."""
    found: Mapping[str, object] = getattr(prices, "rents", {})
    return found
