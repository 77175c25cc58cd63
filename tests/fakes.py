"""A small price book with round rates, for tests that are not about prices."""

from __future__ import annotations

import datetime as dt

from costopt.model.leaf import INPUT, N_LEAVES, OUTPUT, Leaf
from costopt.prices.contract import (
    CacheRules,
    ContextTier,
    DatedRates,
    RatePeriod,
    Unpriced,
)

# Pico-dollars a token: $1 input, $0.10 cached, $1.25 written, $10 output a million tokens.
INPUT_RATE, READ_RATE, WRITE_RATE, OUTPUT_RATE = 1_000_000, 100_000, 1_250_000, 10_000_000
SEARCH_PUSD = 10_000_000_000


def rates(multiplier: float = 1.0) -> tuple[int, ...]:
    row = [0] * N_LEAVES
    for leaf in range(INPUT.start, INPUT.stop):
        row[leaf] = INPUT_RATE
    row[Leaf.CACHE_READ] = row[Leaf.CACHE_READ_AUDIO] = READ_RATE
    for leaf in range(Leaf.CACHE_WRITE_5M, Leaf.CACHE_WRITE_OTHER + 1):
        row[leaf] = WRITE_RATE
    for leaf in range(OUTPUT.start, OUTPUT.stop):
        row[leaf] = OUTPUT_RATE
    return tuple(round(r * multiplier) for r in row)


class FakeBook:
    """Knows every model whose name does not start with `unknown`; batch and flex are half."""

    as_of = dt.date(2026, 11, 1)
    version = "fake book of 2026-11-01"

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        if not model or model.startswith("unknown"):
            return Unpriced(f"no price for {model!r}")
        factor = 0.5 if tier in ("batch", "flex") else 1.0
        tiers = (ContextTier(0, False, rates(factor)),)
        period = RatePeriod(-(2**63), tiers, SEARCH_PUSD, f"fake/{model}")
        return DatedRates(provider, model, (period,))

    def canonical(self, provider: str, model: str) -> tuple[str, str] | None:
        return None if model.startswith("unknown") else (provider or "openai", model)

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        return CacheRules(
            provider, model, "automatic", -(2**63), 1024, 128, 300, True, 100_000, 1_000_000,
            False, "fake",
        )  # fmt: skip
