"""What billing asks of any price book, with one rule in front: tokens on a policy's own fleet cost nothing.

The rent is charged as a fee by the layer that moves calls there. The provider's name is reserved
(`model/own_fleet.py`), so no logged call is priced by this rule.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from costopt.model.leaf import N_LEAVES
from costopt.model.own_fleet import OWN_FLEET
from costopt.prices.contract import (
    CacheRules,
    ContextTier,
    DatedRates,
    PriceBook,
    RatePeriod,
    Unpriced,
)

_SOURCE = "own fleet: the rent is the price"
_FROM = int(np.iinfo(np.int64).min)


class Rules(Protocol):
    """The part of a book that the prompt cache reads."""

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules: ...


def rates_of(
    prices: PriceBook, provider: str, model: str, *, tier: str, region: str, speed: str
) -> DatedRates | Unpriced:
    """The book's rates; of a call on the own fleet $0 for every unit, in any tier and region."""
    if provider == OWN_FLEET:
        free = ContextTier(0, False, (0,) * N_LEAVES)
        return DatedRates(provider, model, (RatePeriod(_FROM, (free,), 0, _SOURCE),))
    return prices.rates(provider, model, tier=tier or "default", region=region, speed=speed)


def rules_of(book: Rules, provider: str, model: str, at_us: int | None) -> CacheRules:
    """The book's prompt-cache rules; the own fleet has none: its engine's cache is simulated there."""
    if provider == OWN_FLEET:
        return CacheRules(
            provider, model, "none", _FROM, 0, 1, 0, False, 1_000_000, 1_000_000, False, _SOURCE
        )  # fmt: skip
    return book.cache_rules(provider, model, at_us)
