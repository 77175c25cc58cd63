"""A price book in which models differ: `big` costs ten times `small`, `cheap` half of it."""

from __future__ import annotations

from dataclasses import replace

from costopt.prices.contract import DatedRates, Unpriced
from tests.fakes import FakeBook

TIMES = {"big": 10.0, "middle": 4.0, "cheap": 0.5}


class TwoPrices(FakeBook):
    """`small` is sold at the fake book's rates: $1 in, $10 out a million tokens; it has no batch."""

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        if model == "small" and tier == "batch":
            return Unpriced("no batch price for small")
        found = super().rates(provider, model, tier=tier, region=region, speed=speed)
        if isinstance(found, Unpriced) or model not in TIMES:
            return found
        period = found.periods[0]
        tiers = tuple(
            replace(t, rates=tuple(round(r * TIMES[model]) for r in t.rates)) for t in period.tiers
        )
        return replace(found, periods=(replace(period, tiers=tiers),))
