"""Service tiers and speed: the book's dated rows, and before them our data's launch dates and ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costopt.prices.catalog import Row
from costopt.prices.own_data import START_US, as_moment, cited, data, moment_us
from costopt.prices.sheet import PER_USE, Sheet, Units, from_book, times
from costopt.prices.standard import active, complete, constraint_starts, sheet_at

STANDARD = frozenset({"", "default", "standard", "auto", "on_demand", "on-demand"})
_CONTEXT = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
_FAST = {"speed": "fast"}


@dataclass(frozen=True, slots=True)
class Tiered:
    """A tier's sheet at one moment and where it comes from; `sheet` None: no price, `note` says why."""

    sheet: Sheet | None
    note: str


def normal_tier(tier: str) -> str:
    """`default` for every word of the standard tier; OpenAI's `fast` is priority."""
    word = tier.strip().lower()
    return "default" if word in STANDARD else {"fast": "priority"}.get(word, word)


def boundaries(row: Row, charger: str, tier: str, speed: str) -> set[int]:
    """Moments at which a tier's price may start or change, beyond those of the standard tier."""
    found: set[int] = set()
    for variant in _variants(row, _FAST if speed else _CONTEXT.get(tier, {})):
        found |= constraint_starts(variant.constraint)
    for rule in _rules(charger, tier) + _speeds(row):
        found |= {moment_us(rule.get("from")), moment_us(rule.get("to"))}
    return found


def tiered(row: Row, charger: str, tier: str, at_us: int) -> Tiered:
    """The sheet of a service tier at a moment."""
    if tier == "default":
        return Tiered(sheet_at(row, at_us), "")
    when = _CONTEXT.get(tier)
    if when is None:
        words: Mapping[str, str] = data("tiers")["words"]
        return Tiered(None, words.get(tier, f"service tier `{tier}` has no listed price"))
    rules = [r for r in _rules(charger, tier) if _covers(r, row, when)]
    listed = charger == row.provider and _listed_at(row, when, at_us)
    if listed:
        policy = rules[0]["cached"] if rules else "standard"
        return Tiered(_variant_sheet(row, when, at_us, policy), f"{tier}, listed")
    for rule in rules:
        if active(rule, at_us):
            return Tiered(_ratio_sheet(row, when, rule, at_us), f"{tier} by {cited(rule)}")
    return Tiered(None, _why_not(row, charger, tier, rules))


def fast(row: Row, charger: str, at_us: int) -> Tiered:
    """Fast mode's sheet: its own base price, with the cache factors on top."""
    if charger == row.provider and _listed_at(row, _FAST, at_us):
        return Tiered(_variant_sheet(row, _FAST, at_us, "standard"), "fast mode, listed")
    for rule in _speeds(row):
        if charger == row.provider and active(rule, at_us):
            sheet = times(sheet_at(row, at_us), Decimal(rule["multiplier"]))
            return Tiered(sheet, f"fast mode by {cited(rule)}")
    return Tiered(None, f"fast mode of `{row.model}` has no listed price at this time")


def _why_not(row: Row, charger: str, tier: str, rules: list[dict[str, Any]]) -> str:
    contract = data("tiers")["contracts"].get(f"{charger} {tier}")
    if contract:
        return str(contract)
    first = min((r for r in rules if r.get("from")), key=lambda r: str(r["from"]), default=None)
    if first is not None:
        known = f": {first['before']}" if "before" in first else ""
        return f"`{row.model}` had no {tier} price before {first['from']}{known}"
    return f"no {tier} price is listed for `{row.model}` at {charger}"


def _rules(charger: str, tier: str) -> list[dict[str, Any]]:
    return [r for r in data("tiers")["tiers"] if r["provider"] == charger and r["tier"] == tier]


def _speeds(row: Row) -> list[dict[str, Any]]:
    return [
        r for r in data("tiers").get("speeds", ())
        if r["provider"] == row.provider and row.model in r["models"]
    ]  # fmt: skip


def _covers(rule: dict[str, Any], row: Row, when: dict[str, str]) -> bool:
    models = rule["models"]
    if models == "listed":
        return bool(_variants(row, when))
    if isinstance(models, list):
        return row.model in models
    if models == "batch":
        return bool(_variants(row, _CONTEXT["batch"]))
    return models == "all" or models in row.model


def _all_variants(row: Row) -> tuple[Any, ...]:
    return tuple(getattr(row.info, "price_variants", None) or ())


def _variants(row: Row, when: dict[str, str]) -> list[Any]:
    return [v for v in _all_variants(row) if when and v.when == when]


def _listed_at(row: Row, when: dict[str, str], at_us: int) -> bool:
    moment = as_moment(at_us)
    return any(v.constraint is None or v.constraint.active(moment) for v in _variants(row, when))


def _variant_sheet(row: Row, when: dict[str, str], at_us: int, cached: str) -> Sheet:
    """The book's own tier price; a unit that it does not list follows the policy for cached reads."""
    moment = as_moment(at_us)
    sheet = from_book(row.info.get_prices(moment, when))
    live = [v for v in _variants(row, when) if v.constraint is None or v.constraint.active(moment)]
    lists_cached = any(getattr(v.prices, "cache_read_mtok", None) is not None for v in live)
    lists_anything = any(from_book(v.prices).base for v in live)
    if cached == "input" and lists_anything and not lists_cached:
        sheet = sheet.map(cached_as_input)
    return complete(row, sheet, at_us)


def cached_as_input(units: Units) -> Units:
    """No cached price on this tier: a cached read costs what fresh input costs there."""
    if "cached_input" not in units or "input" not in units:
        return units
    return {**units, "cached_input": units["input"]}


def _ratio_sheet(row: Row, when: dict[str, str], rule: dict[str, Any], at_us: int) -> Sheet:
    """The standard sheet of that day, at the ratio that the tier's first listed price has to standard."""
    standard = sheet_at(row, at_us)
    variants = _variants(row, when)
    if "multiplier" in rule:
        return _multiplied(row, when, rule, standard)
    first = min((s for v in variants for s in constraint_starts(v.constraint)), default=START_US)
    listed = _variant_sheet(row, when, first, rule["cached"]).base
    base = sheet_at(row, first).base
    return standard.map(
        lambda u: scaled(u, lambda n: listed[n] / base[n] if base.get(n) and n in listed else None)
    )


def _multiplied(row: Row, when: dict[str, str], rule: dict[str, Any], standard: Sheet) -> Sheet:
    sheet = times(standard, Decimal(rule["multiplier"]))
    lists = any(
        getattr(v.prices, "cache_read_mtok", None) is not None for v in _variants(row, when)
    )
    if rule["cached"] == "input" and not lists:
        return sheet.map(cached_as_input)
    if rule["cached"] == "standard":
        kept = zip(sheet.tiers, standard.tiers, strict=True)
        return Sheet(
            tuple((start, _with_cached(u, whole)) for (start, u), (_, whole) in kept),
            sheet.inclusive,
        )
    return sheet


def _with_cached(units: Units, standard: Units) -> Units:
    """Cached reads at the standard tier's price."""
    kept = {n: standard[n] for n in ("cached_input", "cached_audio") if n in standard}
    return {**units, **kept}


def scaled(units: Units, factor: Any) -> Units:
    """Units times a factor per unit; a unit without a factor drops out, fees per use stay."""
    found = {}
    for name, value in units.items():
        by = Decimal(1) if name in PER_USE else factor(name)
        if by is not None:
            found[name] = value * by
    return found
