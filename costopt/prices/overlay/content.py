"""A checked `prices.yaml` as plain data; nothing here loads pydantic, so `--version` stays instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from costopt.prices.overlay.schema import Discount, Entry, Seat

UNITS = (
    "input", "cached_input", "cache_write", "cache_write_5m", "cache_write_1h", "cache_write_30m",
    "cache_write_12h", "output", "reasoning", "input_audio", "cached_audio", "output_audio",
    "input_image", "output_image", "web_search",
)  # fmt: skip
"""Names of prices: the fields of `schema.Units`, and of a `Sheet`."""


@dataclass(frozen=True, slots=True)
class Own:
    """A model entry and where it stands."""

    name: str
    entry: Entry
    line: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """A checked `prices.yaml`."""

    path: str = ""
    models: tuple[Own, ...] = ()
    discounts: tuple[Discount, ...] = ()
    seats: tuple[Seat, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    tiers: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """Tier to provider to multiplier."""
    rents: dict[str, object] = field(default_factory=dict)
    """GPU to USD per hour, or terms to that; one price or a list, as decimal texts."""
