"""From a row and the user's own prices to dated integer rates: every moment of change, then merged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from costopt.prices import tiers
from costopt.prices.contract import RatePeriod, Unpriced
from costopt.prices.overlay.apply import OwnPrice
from costopt.prices.own_data import START_US, day_text
from costopt.prices.regions import premium
from costopt.prices.resolve import Found
from costopt.prices.sheet import NO_PRICE, PER_USE, Sheet, Units, compiled, search_pusd, times
from costopt.prices.standard import boundaries, withdrawn
from costopt.prices.tiers import Tiered
from costopt.prices.version import book_name

FREE_UNITS = (
    "input", "cached_input", "cache_write", "cache_write_1h", "cache_write_12h", "input_audio",
    "cached_audio", "output", "output_audio", "output_image",
)  # fmt: skip
_FREE = Sheet(((0, dict.fromkeys(FREE_UNITS, Decimal(0))),))


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a row (None: only the overlay knows the model), tier, region and speed."""

    found: Found | None
    tier: str
    region: str
    speed: str
    own: tuple[OwnPrice, ...] = ()
    factors: dict[str, Decimal] = field(default_factory=dict)
    """The overlay's tier multipliers for models without an entry of their own."""

    def at(self, at_us: int) -> Wanted:
        """The same question as the name was meant at a moment."""
        if self.found is None or self.found.before is None:
            return self
        return replace(self, found=self.found.at(at_us))


def periods_of(wanted: Wanted) -> tuple[RatePeriod, ...] | Unpriced:
    """All periods. Unpriced where none has a price."""
    starts = {START_US} | {t for o in wanted.own for t in (o.from_us, o.to_us) if t < 2**63 - 1}
    found = wanted.found
    if found is not None:
        starts |= {found.before[0]} if found.before else set()
        for row in (found.row, found.at(START_US).row):
            starts |= boundaries(row)
            starts |= tiers.boundaries(row, found.charger, wanted.tier, wanted.speed)
    moments = [(at, _at(wanted, at)) for at in sorted(starts)]
    merged = [m for i, m in enumerate(moments) if i == 0 or m[1] != moments[i - 1][1]]
    if not any(_has_price(t) for _, t in merged):
        notes = [t.note for _, t in merged if t.note]
        name = found.row.model if found else "this model"
        return Unpriced(notes[-1] if notes else f"the book lists no price for `{name}`")
    ends = [at for at, _ in merged[1:]] + [None]
    return tuple(
        _period(wanted.at(at), at, end, t) for (at, t), end in zip(merged, ends, strict=True)
    )


def _at(wanted: Wanted, at_us: int) -> Tiered:
    wanted = wanted.at(at_us)
    for own in wanted.own:
        if own.active(at_us):
            return _own_at(wanted, own, at_us)
    return _book_at(wanted, at_us)


def _book_at(wanted: Wanted, at_us: int) -> Tiered:
    """The book's sheet, times the premium of the region."""
    found = wanted.found
    if found is None:
        return Tiered(
            None, "your prices.yaml has no price for this day, and the book does not know it"
        )
    if found.free:
        return Tiered(_FREE, "a :free slug, listed at $0")
    if found.also:
        return Tiered(None, f"`{found.row.model}` is not billed by its tokens alone: {found.also}")
    listed = _listed_at(wanted, found, at_us)
    factor, why = premium(found.row, found.charger, wanted.region, found.geo)
    if factor == 1 or listed.sheet is None:
        return listed
    return Tiered(times(listed.sheet, factor), "; ".join(n for n in (listed.note, why) if n))


def _listed_at(wanted: Wanted, found: Found, at_us: int) -> Tiered:
    if wanted.speed:
        if wanted.tier != "default":
            return Tiered(None, f"fast mode on the {wanted.tier} tier has no listed price")
        return tiers.fast(found.row, found.charger, at_us)
    listed = tiers.tiered(found.row, found.charger, wanted.tier, at_us)
    factor = wanted.factors.get(wanted.tier)
    if factor is None:
        return listed
    standard = tiers.tiered(found.row, found.charger, "default", at_us).sheet
    if standard is None:
        return listed
    sheet = times(standard, factor)
    return Tiered(_like(sheet, listed.sheet), f"{wanted.tier} x{factor} by prices.yaml")


def _own_at(wanted: Wanted, own: OwnPrice, at_us: int) -> Tiered:
    """The user's price; on another tier by the user's multiplier, else at the book's ratio."""
    what = "fast" if wanted.speed else wanted.tier
    if what == "default":
        return Tiered(own.sheet, own.source)
    if wanted.speed and wanted.tier != "default":
        return Tiered(None, f"fast mode on the {wanted.tier} tier has no listed price")
    listed = _listed_at(wanted, wanted.found, at_us).sheet if wanted.found else None
    factor = own.factors.get(what)
    if factor is not None:
        return Tiered(_like(times(own.sheet, factor), listed), f"{own.source}, {what} x{factor}")
    standard = (
        tiers.tiered(wanted.found.row, wanted.found.charger, "default", at_us).sheet
        if wanted.found
        else None
    )
    if listed is None or standard is None:
        return Tiered(None, f"{own.source} has no {what} price: give `{what}: 0.5` or the like")
    return Tiered(
        _by_ratio(own.sheet, listed.base, standard.base), f"{own.source}, {what} as in the book"
    )


def _like(sheet: Sheet, listed: Sheet | None) -> Sheet:
    """A tier on which the book's model loses its cache discount loses it at the user's price too."""
    base = listed.base if listed else {}
    lost = "cached_input" in base and base.get("cached_input") == base.get("input")
    return sheet.map(tiers.cached_as_input) if lost else sheet


def _by_ratio(sheet: Sheet, listed: Units, standard: Units) -> Sheet:
    """Own prices times (the book's tier price over its standard price), unit by unit."""
    general = listed["input"] / standard["input"] if standard.get("input") else None

    def ratio(unit: str) -> Decimal | None:
        own = standard.get(unit)
        return listed[unit] / own if own and unit in listed else general

    return sheet.map(lambda units: tiers.scaled(units, ratio))


def _has_price(t: Tiered) -> bool:
    return t.sheet is not None and any(name not in PER_USE for name in t.sheet.base)


def _period(wanted: Wanted, at: int, end: int | None, t: Tiered) -> RatePeriod:
    sheet = t.sheet or NO_PRICE
    days = f"{day_text(at) or 'start'} to {day_text(end) if end is not None else 'now'}"
    found = wanted.found
    name = f"{found.row.provider}/{found.row.model}, " if found else ""
    if found and found.charger != found.row.provider:
        name = name.replace(", ", f" via {found.charger}, ")
    source = f"{book_name()}: {name}{'fast ' if wanted.speed else ''}{wanted.tier}, {days}"
    source += f" ({t.note})" if t.note else ""
    why_none = "" if _has_price(t) else t.note or _why_none(found, at)
    return RatePeriod(at, compiled(sheet), search_pusd(sheet), source, why_none)


def _why_none(found: Found | None, at: int) -> str:
    if found is None:
        return ""
    name = f"{found.row.provider}/{found.row.model}"
    why = withdrawn(found.row, at)
    return f"{name}: {why}" if why else f"{name} has no price from {day_text(at) or 'the start'} on"
