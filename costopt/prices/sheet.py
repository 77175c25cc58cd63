"""A price sheet: dollars per unit and context tier at one moment, before it becomes integer rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from costopt.model.leaf import N_LEAVES, Leaf
from costopt.money import pico, rate_pusd
from costopt.prices.contract import NO_RATE, ContextTier

# Units are dollars per million tokens, named as the overlay names them; `web_search` is dollars per
# thousand searches.
BOOK_UNITS = {
    "input_mtok": "input", "cache_read_mtok": "cached_input", "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write_5m", "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output", "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "input_audio", "cache_audio_read_mtok": "cached_audio",
    "output_audio_mtok": "output_audio", "input_image_mtok": "input_image",
    "output_image_mtok": "output_image", "web_searches_kcount": "web_search",
}  # fmt: skip
# For each leaf the units that price it, the leaf's own first. Further fall-backs are the sheet's.
LEAF_UNITS: dict[Leaf, tuple[str, ...]] = {
    Leaf.INPUT_FRESH: ("input",),
    Leaf.CACHE_READ: ("cached_input",),
    Leaf.CACHE_WRITE_5M: ("cache_write_5m", "cache_write"),
    Leaf.CACHE_WRITE_1H: ("cache_write_1h",),
    Leaf.CACHE_WRITE_30M: ("cache_write_30m", "cache_write"),
    Leaf.CACHE_WRITE_12H: ("cache_write_12h",),
    Leaf.CACHE_WRITE_OTHER: ("cache_write", "cache_write_5m"),
    Leaf.INPUT_AUDIO: ("input_audio",),
    # Image input is tokens of the prompt at the input price unless a price of its own is listed.
    Leaf.INPUT_IMAGE: ("input_image", "input"),
    Leaf.CACHE_READ_AUDIO: ("cached_audio",),
    Leaf.OUTPUT_TEXT: ("output",),
    # Reasoning tokens are output tokens; one model of the book lists its own price for them.
    Leaf.OUTPUT_REASONING: ("reasoning", "output"),
    Leaf.OUTPUT_AUDIO: ("output_audio",),
    Leaf.OUTPUT_IMAGE: ("output_image",),
}
PER_USE = frozenset({"web_search"})
Units = Mapping[str, Decimal]


@dataclass(frozen=True)
class Sheet:
    """Units of every context tier, ascending; the first is the base tier (0)."""

    tiers: tuple[tuple[int, Units], ...]
    inclusive: frozenset[int] = field(default=frozenset())
    """Thresholds that a request already reaches at exactly that many tokens."""

    @property
    def base(self) -> Units:
        return self.tiers[0][1]

    def map(self, change: Callable[[Units], Units]) -> Sheet:
        """The same tiers with other units."""
        return Sheet(tuple((start, change(units)) for start, units in self.tiers), self.inclusive)


def from_book(prices: Any) -> Sheet:
    """genai-prices' ModelPrice as a sheet. A negative or endless number is no price."""
    listed = {
        BOOK_UNITS[k]: v for k, v in vars(prices).items() if k in BOOK_UNITS and v is not None
    }
    starts = sorted({t.start for v in listed.values() for t in getattr(v, "tiers", ())})
    tiers = [(start, _at(listed, start)) for start in (0, *starts)]
    # The book writes "reaches 200,000" as "above 199,999".
    rounded = {s: s + 1 for s in starts if s % 1000 == 999}
    named = tuple((rounded.get(start, start), units) for start, units in tiers)
    return Sheet(named, frozenset(rounded.values()))


def _at(listed: Mapping[str, Any], start: int) -> Units:
    found = {name: _tier_price(value, start) for name, value in listed.items()}
    return {name: value for name, value in found.items() if value.is_finite() and value >= 0}


def _tier_price(value: Any, start: int) -> Decimal:
    price = value.base if hasattr(value, "tiers") else value
    for tier in getattr(value, "tiers", ()):
        if tier.start <= start:
            price = tier.price
    return Decimal(price)


def times(sheet: Sheet, factor: Decimal) -> Sheet:
    """Every token unit times a factor; fees per use stay."""
    return sheet.map(lambda u: {n: v if n in PER_USE else v * factor for n, v in u.items()})


def compiled(sheet: Sheet) -> tuple[ContextTier, ...]:
    """Integer pico-dollars a token for every leaf; a leaf without a price is NO_RATE."""
    return tuple(
        ContextTier(start, start in sheet.inclusive, _rates(units)) for start, units in sheet.tiers
    )


def _rates(units: Units) -> tuple[int, ...]:
    row = [NO_RATE] * N_LEAVES
    for leaf, names in LEAF_UNITS.items():
        price = next((units[n] for n in names if n in units), None)
        if price is not None:
            row[leaf] = rate_pusd(price)
    return tuple(row)


def search_pusd(sheet: Sheet) -> int:
    """Pico-dollars of one hosted search, NO_RATE where unknown."""
    price = sheet.base.get("web_search")
    return NO_RATE if price is None else pico(price / 1_000)


NO_PRICE = Sheet(((0, {}),))
