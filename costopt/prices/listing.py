"""`costopt prices show`: one model's periods, tiers and cache rule as plain data and as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from costopt.model.leaf import LEAF_NAMES
from costopt.money import usd_text
from costopt.prices.book import Book
from costopt.prices.cache_rules import history
from costopt.prices.contract import NO_RATE, CacheRules, DatedRates, RatePeriod, Unpriced
from costopt.prices.own_data import day_text
from costopt.prices.standard import row_entries

TIERS = ("default", "batch", "flex", "priority")
# A model billed by the hour of the day has thousands of periods: each distinct price is shown once.
_MANY = 12


def listing(book: Book, provider: str, model: str) -> dict[str, Any] | Unpriced:
    """Everything the book says about a model, USD per million tokens as exact text."""
    standard = book.rates(provider, model)
    if isinstance(standard, Unpriced):
        return standard
    tiers = {t: _tier(book.rates(provider, model, tier=t)) for t in TIERS}
    fast = book.rates(provider, model, speed="fast")
    if isinstance(fast, DatedRates):
        tiers["fast mode"] = _tier(fast)
    rules = history(standard.provider, standard.model)
    return {
        "schema": "costopt.prices/1",
        "provider": standard.provider,
        "model": standard.model,
        "book": book.version,
        "net_multiplier": str(Decimal(standard.discount_multiplier_ppm) / 1_000_000),
        "subscription": standard.subscription,
        "tiers": tiers,
        "prompt_cache": [_rule(r) for r in rules],
        "own_data": [_own(i) for i in row_entries(standard.provider, standard.model)],
    }


def _own(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "from": item.get("from"),
        "to": item.get("to"),
        "what": item.get("why", "the book does not know this name"),
        "confirmed": item["confirmed"],
        "note": item.get("note", ""),
        "source": item["source"],
        "checked": item["checked"],
    }


def _tier(rates: DatedRates | Unpriced) -> dict[str, Any]:
    if isinstance(rates, Unpriced):
        return {"periods": [], "unpriced": rates.reason}
    shown = rates.periods if len(rates.periods) <= _MANY else _distinct(rates.periods)
    return {"periods": [_period(p) for p in shown]}


def _distinct(periods: tuple[RatePeriod, ...]) -> list[RatePeriod]:
    seen: dict[Any, RatePeriod] = {}
    for period in periods:
        seen.setdefault((period.tiers, period.web_search_pusd), period)
    return list(seen.values())


def _period(period: RatePeriod) -> dict[str, Any]:
    return {
        "from": day_text(period.from_us) or None,
        "context": [
            {
                "input_tokens": t.above_input_tokens,
                "reaches": t.reaches,
                "usd_per_mtok": {
                    name: usd_text(rate * 1_000_000)
                    for name, rate in zip(LEAF_NAMES, t.rates, strict=True)
                    if rate != NO_RATE
                },
            }
            for t in period.tiers
        ],
        "web_search_usd_per_thousand": None
        if period.web_search_pusd == NO_RATE
        else usd_text(period.web_search_pusd * 1000),
        "source": period.source,
    }


def _rule(rule: CacheRules) -> dict[str, Any]:
    return {
        "from": day_text(rule.from_us) or None,
        "mode": rule.mode,
        "min_tokens": rule.min_tokens,
        "step_tokens": rule.step_tokens,
        "lifetime_s": rule.lifetime_s,
        "refreshed_on_use": rule.refreshed_on_use,
        "read_multiplier": str(Decimal(rule.read_multiplier_ppm) / 1_000_000),
        "write_multiplier": str(Decimal(rule.write_multiplier_ppm) / 1_000_000),
        "batch_stacks": rule.batch_stacks,
        "source": rule.source,
    }


_COLUMNS = (
    ("input_fresh", "input"), ("cache_read", "cached"), ("cache_write_5m", "write 5m"),
    ("cache_write_1h", "write 1h"), ("output_text", "output"), ("input_audio", "audio in"),
    ("output_audio", "audio out"),
)  # fmt: skip


def listing_text(found: dict[str, Any]) -> str:
    """The same for people: USD per million tokens."""
    lines = [f"{found['provider']}/{found['model']}    USD per million tokens    {found['book']}"]
    if found["subscription"]:
        lines.append("  covered by a subscription: shown as API-equivalent, never in the bill")
    if found["net_multiplier"] != "1":
        lines.append(f"  your price is list x {found['net_multiplier']}")
    for name, tier in found["tiers"].items():
        lines += ["", *_tier_lines(name, tier)]
    lines += ["", "prompt cache", *_rule_lines(found["prompt_cache"])]
    if found["own_data"]:
        lines += ["", "our own data over the book", *_own_lines(found["own_data"])]
    return "\n".join(lines)


def _tier_lines(name: str, tier: dict[str, Any]) -> list[str]:
    if not tier["periods"]:
        return [f"{name}: {tier['unpriced']}"]
    head = "".join(f"{title:>10}" for _, title in _COLUMNS)
    lines = [f"{name:<40}{head}"]
    for period in tier["periods"]:
        since = f"from {period['from']}" if period["from"] else "from the start"
        source = period["source"].partition(": ")[2]
        if not any(c["usd_per_mtok"] for c in period["context"]):
            lines.append(f"  {since}: no price  {source}")
            continue
        lines += [f"  {since + _above(c):<38}{_row(c['usd_per_mtok'])}" for c in period["context"]]
        fee = period["web_search_usd_per_thousand"]
        lines.append(f"    {source}" + (f"; web search ${fee}/1,000" if fee else ""))
    return lines


def _above(context: dict[str, Any]) -> str:
    tokens = context["input_tokens"]
    return f", {'from' if context['reaches'] else 'above'} {tokens:,}" if tokens else ""


def _row(units: dict[str, str]) -> str:
    return "".join(f"{units.get(name, '-'):>10}" for name, _ in _COLUMNS)


def _own_lines(items: list[dict[str, Any]]) -> list[str]:
    lines = []
    for item in items[:_MANY]:
        since, until = item["from"] or "the start", item["to"] or "now"
        doubt = "" if item["confirmed"] else "not confirmed: "
        lines.append(f"  {since} to {until}: {item['what']}")
        lines.append(f"    source: {item['source']}")
        lines += [f"    {doubt}{item['note']}"] if item["note"] else []
    rest = len(items) - _MANY
    return lines + ([f"  and {rest} more (--json has all)"] if rest > 0 else [])


def _rule_lines(rules: list[dict[str, Any]]) -> list[str]:
    if not rules:
        return ["  none known"]
    return [
        f"  from {r['from'] or 'the start'}: {r['mode']}, at least {r['min_tokens']:,} tokens, "
        f"step {r['step_tokens']}, {r['lifetime_s']} s idle, read x{r['read_multiplier']}, "
        f"write x{r['write_multiplier']}, {'keeps' if r['batch_stacks'] else 'loses'} its discount "
        f"in batch\n    source: {r['source']}"
        for r in rules
    ]
