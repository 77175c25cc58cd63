"""A price book in which models differ: `big` costs ten times `small`, `cheap` half of it."""

from __future__ import annotations

from dataclasses import replace

from costopt.model.leaf import Leaf
from costopt.prices.contract import NO_RATE, DatedRates, Unpriced
from tests.fakes import FakeBook

TIMES = {"big": 10.0, "middle": 4.0, "cheap": 0.5}


class TwoPrices(FakeBook):
    """`small` is sold at the fake book's rates: $1 in, $10 out a million tokens; it has no batch."""

    def __init__(self, pictures: bool = True) -> None:
        self.pictures = pictures

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        if model == "small" and tier == "batch":
            return Unpriced("no batch price for small")
        found = super().rates(provider, model, tier=tier, region=region, speed=speed)
        if isinstance(found, Unpriced):
            return found
        period = found.periods[0]
        row = [round(r * TIMES.get(model, 1.0)) for r in period.tiers[0].rates]
        if model == "small" and not self.pictures:
            row[Leaf.INPUT_IMAGE] = NO_RATE
        tiers = (replace(period.tiers[0], rates=tuple(row)),)
        return replace(found, periods=(replace(period, tiers=tiers),))
