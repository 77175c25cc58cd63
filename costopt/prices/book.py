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
from costopt.prices.overlay import apply
from costopt.prices.overlay.content import Overlay
from costopt.prices.own_data import moment_us
from costopt.prices.resolve import Found, resolve
from costopt.prices.self_hosted import GpuPrice
from costopt.prices.tiers import normal_tier, tiered
from costopt.prices.timeline import Wanted, periods_of
from costopt.prices.version import book_date, book_name

_SLOW = frozenset({"", "standard", "normal", "default"})


class Book:
    """Implements `contract.PriceBook`; pure after construction."""

    def __init__(self, as_of: dt.date, overlay: Overlay | None = None) -> None:
        self.as_of = as_of
        self.overlay = overlay or Overlay()
        self.rents = self.overlay.rents
        self.version = book_name() + (f", {self.overlay.path}" if overlay else "")
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
        provider, model = apply.aliased(self.overlay, provider, model)
        found = self.find(provider, model)
        entries = apply.own_entries(self.overlay, provider, model, self.find)
        if isinstance(found, Unpriced) and not any(
            e.entry.priced or e.entry.self_hosted for e in entries
        ):
            return found
        if speed not in ("", "fast"):
            return Unpriced(f"speed `{speed}` has no listed price")
        row = None if isinstance(found, Unpriced) else found
        charger = row.charger if row else provider_id(provider)
        if charger == "openrouter" and tier != "default" and not entries:
            return self._openrouter_tier(model, tier, region, speed)
        listed = tiered(row.row, charger, "default", moment_us(self.as_of)).sheet if row else None
        own = tuple(
            apply.own_price(e, self.overlay, charger, listed.base if listed else {})
            for e in entries
            if e.entry.priced or e.entry.self_hosted
        )
        factors = apply.provider_factors(self.overlay, charger)
        periods = periods_of(Wanted(row, tier, region, speed, own, factors))
        if isinstance(periods, Unpriced):
            return periods
        names = (bare(model), row.row.model if row else model)
        seat = any(e.entry.billing == "subscription" for e in entries)
        return DatedRates(
            row.row.provider if row else charger,
            row.row.model if row else model,
            periods,
            apply.discount_ppm(self.overlay, charger, names),
            seat or apply.is_seat(self.overlay, charger, names),
        )

    def _openrouter_tier(
        self, model: str, tier: str, region: str, speed: str
    ) -> DatedRates | Unpriced:
        """OpenRouter lists other tiers as slugs of their own (`:batch`)."""
        slug = f"{bare(model).removeprefix('openrouter/')}:{tier}"
        if isinstance(self.find("openrouter", slug), Unpriced):
            return Unpriced(f"OpenRouter lists no {tier} price for `{model}`")
        return self.rates("openrouter", slug, region=region, speed=speed)

    def find(self, provider: str, model: str) -> Found | Unpriced:
        """The book's row for a log's names, or why there is none."""
        key = (provider, model)
        if key not in self._found:
            self._found[key] = resolve(provider, model)
        return self._found[key]

    def canonical(self, provider: str, model: str) -> tuple[str, str] | None:
        """(provider id, model id) of the book for a log's names; None where unknown or ambiguous."""
        provider, model = apply.aliased(self.overlay, provider, model)
        found = self.find(provider, model)
        if isinstance(found, Found):
            return found.row.provider, found.row.model
        own = apply.own_entries(self.overlay, provider, model, self.find)
        return (provider_id(own[0].entry.provider or provider), own[0].name) if own else None

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        """The provider's prompt-cache rules for this model at this time (mode `none` where it had none)."""
        provider, model = apply.aliased(self.overlay, provider, model)
        found = self.find(provider, model)
        if isinstance(found, Unpriced):
            return _unknown_rules(provider, model, found.reason)
        return rules_for(found.row, at_us)

    @property
    def self_hosted(self) -> tuple[GpuPrice, ...]:
        """The overlay's models on own GPUs: `self_hosted_rows` turns them into rows of the bill."""
        return tuple(
            GpuPrice(
                o.name, o.entry.provider, o.entry.gpu_hour_usd, o.entry.gpus or 1, o.entry.hours
            )
            for o in self.overlay.models
            if o.entry.gpu_hour_usd is not None
        )


def _unknown_rules(provider: str, model: str, reason: str) -> CacheRules:
    return CacheRules(
        provider_id(provider), model, NONE.mode, NONE.from_us, 0, 1, 0, False,
        1_000_000, 1_000_000, False, reason,
    )  # fmt: skip


def load_book(overlay: Path | None = None, as_of: dt.date | None = None) -> Book:
    """The book as of a date (default: its own data date, never the clock), under the user's overlay."""
    if overlay is None:
        return Book(as_of or book_date())
    from costopt.prices.overlay.read import read_overlay  # loads pydantic, only where it is needed

    return Book(as_of or book_date(), read_overlay(overlay))
