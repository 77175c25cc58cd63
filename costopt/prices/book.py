"""The price book: genai-prices at each call's own date, our dated data over it, your overlay on top.

Rates are compiled on first use of a (provider, model, tier, region, speed) and kept. Nothing is
loaded before that, so asking for the version costs nothing.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from costopt.prices.cache_rules import NONE, rules_for
from costopt.prices.contract import CacheRules, DatedRates, Unpriced
from costopt.prices.names import bare, provider_id
from costopt.prices.resolve import Found, resolve
from costopt.prices.tiers import normal_tier
from costopt.prices.timeline import dated_rates
from costopt.prices.version import book_date, book_name

_SLOW = frozenset({"", "standard", "normal", "default"})


class Book:
    """Implements `contract.PriceBook`; pure after construction."""

    def __init__(self, as_of: dt.date) -> None:
        self.as_of = as_of
        self.version = book_name()
        self._rates: dict[tuple[str, str, str, str, str], DatedRates | Unpriced] = {}
        self._found: dict[tuple[str, str], Found | Unpriced] = {}

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        """Rates of a model as the log names it. Aliases resolve; nothing is guessed."""
        speed = "" if speed.strip().lower() in _SLOW else speed.strip().lower()
        key = (provider, model, normal_tier(tier), region, speed)
        if key not in self._rates:
            self._rates[key] = self._compile(*key)
        return self._rates[key]

    def _compile(
        self, provider: str, model: str, tier: str, region: str, speed: str
    ) -> DatedRates | Unpriced:
        found = self.find(provider, model)
        if isinstance(found, Unpriced):
            return found
        if speed not in ("", "fast"):
            return Unpriced(f"speed `{speed}` has no listed price")
        if found.charger == "openrouter" and tier != "default":
            found = self.find("openrouter", f"{bare(model).removeprefix('openrouter/')}:{tier}")
            if isinstance(found, Unpriced):
                return Unpriced(f"OpenRouter lists no {tier} price for `{model}`")
            tier = "default"
        return dated_rates(found, tier, region, speed)

    def find(self, provider: str, model: str) -> Found | Unpriced:
        """The book's row for a log's names, or why there is none."""
        key = (provider, model)
        if key not in self._found:
            self._found[key] = resolve(provider, model)
        return self._found[key]

    def canonical(self, provider: str, model: str) -> tuple[str, str] | None:
        """(provider id, model id) of the book for a log's names; None where unknown or ambiguous."""
        found = self.find(provider, model)
        return None if isinstance(found, Unpriced) else (found.row.provider, found.row.model)

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        """The provider's prompt-cache rules for this model at this time (mode `none` where it had none)."""
        found = self.find(provider, model)
        if isinstance(found, Unpriced):
            return _unknown_rules(provider, model, found.reason)
        return rules_for(found.row.provider, found.row.model, at_us)


def _unknown_rules(provider: str, model: str, reason: str) -> CacheRules:
    return CacheRules(
        provider_id(provider), model, NONE.mode, NONE.from_us, 0, 1, 0, False,
        1_000_000, 1_000_000, False, reason,
    )  # fmt: skip


def load_book(overlay: Path | None = None, as_of: dt.date | None = None) -> Book:
    """The book as of a date (default: its own data date, never the clock), under the user's overlay."""
    return Book(as_of or book_date())
