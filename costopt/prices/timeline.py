"""From a row, tier, region and speed to dated integer rates: every moment of change, then merged."""

from __future__ import annotations

from decimal import Decimal

from costopt.prices import tiers
from costopt.prices.contract import DatedRates, RatePeriod, Unpriced
from costopt.prices.own_data import day_text
from costopt.prices.regions import premium
from costopt.prices.resolve import Found
from costopt.prices.sheet import NO_PRICE, PER_USE, Sheet, compiled, search_pusd, times
from costopt.prices.standard import boundaries
from costopt.prices.tiers import Tiered
from costopt.prices.version import book_name

FREE_UNITS = (
    "input", "cached_input", "cache_write", "cache_write_1h", "cache_write_12h", "input_audio",
    "cached_audio", "output", "output_audio", "output_image",
)  # fmt: skip
_FREE = Sheet(((0, dict.fromkeys(FREE_UNITS, Decimal(0))),))


def dated_rates(found: Found, tier: str, region: str, speed: str) -> DatedRates | Unpriced:
    """All periods of one row. Unpriced where no period has a price."""
    row, charger = found.row, found.charger
    factor, why = premium(row, charger, region, found.geo)
    starts = boundaries(row) | tiers.boundaries(row, charger, tier, speed)
    moments = [(at, _at(found, tier, speed, at)) for at in sorted(starts)]
    merged = [m for i, m in enumerate(moments) if i == 0 or m[1] != moments[i - 1][1]]
    if all(t.sheet is None or not _has_price(t.sheet) for _, t in merged):
        notes = [t.note for _, t in merged if t.note]
        return Unpriced(notes[-1] if notes else f"the book lists no price for `{row.model}`")
    ends = [at for at, _ in merged[1:]] + [None]
    periods = tuple(
        _period(found, tier, at, end, t, factor, why)
        for (at, t), end in zip(merged, ends, strict=True)
    )
    return DatedRates(row.provider, row.model, periods)


def _at(found: Found, tier: str, speed: str, at_us: int) -> Tiered:
    if found.free:
        return Tiered(_FREE, "a :free slug, listed at $0")
    if speed:
        if tier != "default":
            return Tiered(None, f"fast mode on the {tier} tier has no listed price")
        return tiers.fast(found.row, found.charger, at_us)
    return tiers.tiered(found.row, found.charger, tier, at_us)


def _has_price(sheet: Sheet) -> bool:
    return any(name not in PER_USE for name in sheet.base)


def _period(
    found: Found, tier: str, at: int, end: int | None, t: Tiered, factor: Decimal, why: str
) -> RatePeriod:
    sheet = t.sheet or NO_PRICE
    if factor != 1:
        sheet = times(sheet, factor)
    days = f"{day_text(at) or 'start'} to {day_text(end) if end is not None else 'now'}"
    via = f" via {found.charger}" if found.charger != found.row.provider else ""
    notes = "; ".join(n for n in (t.note, why) if n)
    source = f"{book_name()}: {found.row.provider}/{found.row.model}{via}, {tier}, {days}"
    source += f" ({notes})" if notes else ""
    return RatePeriod(at, compiled(sheet), search_pusd(sheet), source)
