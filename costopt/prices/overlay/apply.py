"""Lay a checked overlay over the book: which entries, discounts and seats a call falls under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from costopt.prices.contract import Unpriced
from costopt.prices.names import bare, claude_version, provider_id
from costopt.prices.overlay.content import UNITS, Overlay, Own
from costopt.prices.own_data import START_US, moment_us
from costopt.prices.resolve import Found
from costopt.prices.sheet import Sheet, Units
from costopt.prices.standard import claude_writes

if TYPE_CHECKING:
    from costopt.prices.overlay.schema import Entry
    from costopt.prices.overlay.schema import Units as Listed

PPM = 1_000_000
_FOREVER = 2**63 - 1
# Writes cost what plain input costs where neither the entry nor the book gives them a price.
_WRITES = (
    "cache_write", "cache_write_5m", "cache_write_1h", "cache_write_30m", "cache_write_12h",
)  # fmt: skip
Find = Callable[[str, str], Found | Unpriced]


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """One overlay entry as a dated sheet."""

    from_us: int
    to_us: int
    """Not included."""
    sheet: Sheet
    factors: dict[str, Decimal]
    """Tier (or `fast`) to multiplier, as far as the overlay gives them."""
    source: str

    def active(self, at_us: int) -> bool:
        return self.from_us <= at_us < self.to_us


def aliased(overlay: Overlay, provider: str, model: str) -> tuple[str, str]:
    """The names after the overlay's `aliases` (`azure/prod-chat` or `prod-chat`)."""
    name = bare(model)
    for key in (f"{provider.strip().lower()}/{name}", f"{provider_id(provider)}/{name}", name):
        target = overlay.aliases.get(key)
        if target:
            head, _, rest = target.partition("/")
            return (head, rest) if rest and provider_id(head) == provider_id(provider) else (
                provider, target
            )  # fmt: skip
    return provider, model


def own_entries(overlay: Overlay, provider: str, model: str, find: Find) -> list[Own]:
    """Entries for this call: by the name as logged, else by the book's row that both names mean."""
    named = [o for o in overlay.models if _same_name(o, model) and _same_provider(o, provider)]
    if named:
        return named
    found = find(provider, model)
    if isinstance(found, Unpriced):
        return []
    return [
        o for o in overlay.models if _same_provider(o, provider) and _same_row(o, found, find)
    ]  # fmt: skip


def _same_name(own: Own, model: str) -> bool:
    return bare(own.name) == bare(model)


def _same_provider(own: Own, provider: str) -> bool:
    wanted = own.entry.provider
    return not wanted or not provider or provider_id(wanted) == provider_id(provider)


def _same_row(own: Own, found: Found, find: Find) -> bool:
    other = find(own.entry.provider, own.name)
    return isinstance(other, Found) and other.row == found.row


def own_price(own: Own, overlay: Overlay, charger: str, listed: Units) -> OwnPrice:
    """An entry as a dated sheet. `listed`: the book's standard units of this model, empty if unknown."""
    entry = own.entry
    tiers = [(0, _units(own.name, entry, listed))]
    for start, units in sorted(entry.above.items()):
        tiers.append((start, {**tiers[0][1], **_given(units)}))
    end = moment_us(entry.to + timedelta(days=1)) if entry.to else _FOREVER
    return OwnPrice(
        moment_us(entry.from_, START_US), end, Sheet(tuple(tiers)),
        _factors(entry, overlay, charger), f"{overlay.path}:{own.line} model {own.name}",
    )  # fmt: skip


def _given(units: Listed) -> Units:
    return {n: v for n in UNITS if (v := getattr(units, n)) is not None}


def _units(name: str, entry: Entry, listed: Units) -> Units:
    if entry.self_hosted:
        return dict.fromkeys(UNITS, Decimal(0))
    units = dict(_given(entry))
    if "input" not in units:
        return units
    if "cached_input" not in listed:
        units.setdefault("cached_input", units["input"])
    if claude_version(name):
        # Anthropic's writes are multiples of the base price, whatever that was negotiated to.
        for unit, factor in claude_writes().items():
            units.setdefault(unit, units["input"] * factor)
    charged = listed.get("cache_write", listed.get("input")) != listed.get("input")
    if not charged and not any(unit in units for unit in _WRITES):
        units.update(dict.fromkeys(_WRITES, units["input"]))
    return units


def _factors(entry: Entry, overlay: Overlay, charger: str) -> dict[str, Decimal]:
    found = provider_factors(overlay, charger)
    for tier in ("batch", "flex", "priority", "fast"):
        value = getattr(entry, tier)
        if value is not None:
            found[tier] = value
    return found


def provider_factors(overlay: Overlay, charger: str) -> dict[str, Decimal]:
    """Tier to multiplier of a provider, from the overlay's `batch:`, `flex:`, `priority:`."""
    return {
        tier: factor
        for tier, by_provider in overlay.tiers.items()
        for provider, factor in by_provider.items()
        if provider_id(provider) == charger
    }


def discount_ppm(overlay: Overlay, charger: str, names: tuple[str, ...]) -> int:
    """Net over list in millionths: the most special discount that fits."""
    fits = [
        d for d in overlay.discounts
        if provider_id(d.provider) == charger and _fits(d.model, names)
    ]  # fmt: skip
    if not fits:
        return PPM
    best = max(fits, key=lambda d: (d.model != "*", "*" not in d.model, len(d.model)))
    return int(best.multiplier * PPM)


def is_seat(overlay: Overlay, charger: str, names: tuple[str, ...]) -> bool:
    """Whether a subscription covers this model."""
    return any(provider_id(s.provider) == charger and _fits(s.model, names) for s in overlay.seats)


def _fits(pattern: str, names: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in names)
