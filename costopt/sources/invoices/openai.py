"""OpenAI admin API: `organization/usage/completions` (tokens) and `organization/costs` (dollars).

Days are UTC. `input_tokens` includes cached and written tokens. Cost lines name model and unit in
`line_item` ("gpt-5-mini-2025-08-07, input") and, since 2026, a quantity.
Fields: openai-python `types/admin/organization`
(https://github.com/openai/openai-python, checked 2026-11-24).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from costopt.errors import InputError
from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.sources.invoices import buckets, results
from costopt.sources.invoices.amounts import amount, count, exact
from costopt.sources.invoices.days import day_of
from costopt.sources.invoices.kinds import kind_of

TIERS = ("batch", "flex", "priority")
# What is counted in one of these is no token.
SIZES = {"tokens": 1, "1000_tokens": 1000}
# Unit to field. The input and the cache writes hold what the lines below them count again.
_COUNTED = {
    "input_fresh": "input_tokens",
    "cache_read": "input_cached_tokens",
    "cache_write_other": "input_cache_write_tokens",
    "cache_write_30m": "input_cache_write_30m_tokens",
    "cache_write_12h": "input_cache_write_12h_tokens",
    "output": "output_tokens",
}


def fits(pages: list[dict[str, Any]]) -> bool:
    """True for pages of buckets with OpenAI's object names or unix start times."""
    return any(
        b.get("object") == "bucket" or isinstance(b.get("start_time"), int) for b in buckets(pages)
    )


def read(pages: list[dict[str, Any]], name: str, fx: Decimal | None) -> Invoice:
    """Lines of all buckets. Usage pages carry tokens, costs pages carry dollars."""
    lines: list[InvoiceLine] = []
    kinds = set()
    for bucket, result, where in results(pages, name):
        day = day_of(bucket.get("start_time"), where)
        is_cost = isinstance(result.get("amount"), dict)
        kinds.add("openai costs" if is_cost else "openai usage")
        lines += [_cost(result, day, fx, where)] if is_cost else _usage(result, day, where)
    return Invoice(name, " and ".join(sorted(kinds)) or "openai (empty)", tuple(lines))


def _cost(result: dict[str, Any], day: str, fx: Decimal | None, where: str) -> InvoiceLine:
    item = str(result.get("line_item") or "")
    model, unit = split_item(item)
    money = result["amount"]
    value = amount(money.get("value"), str(money.get("currency") or "usd"), fx, where)
    leaf = leaf_of(unit) if result.get("quantity_unit") in (None, *SIZES) else ""
    kind = kind_of(item)
    if kind == LineKind.TOKENS and item and not leaf:
        kind = LineKind.NON_TOKEN
    return InvoiceLine(
        day, "openai", model if leaf else "", kind, value, leaf,
        _quantity(result, where) if leaf else None, str(result.get("project_id") or ""),
        str(result.get("api_key_id") or ""), tier_of(item), item,
    )  # fmt: skip


def split_item(item: str) -> tuple[str, str]:
    """(model, unit) of a line item: "gpt-5-mini-2025-08-07, cached input"."""
    model, _, unit = item.partition(", ")
    return model.strip(), unit.strip().lower().replace("_", " ")


def leaf_of(unit: str) -> str:
    """The leaf of a unit's words, tier words aside; empty for what is not charged by the token."""
    words = [w for w in unit.split() if w not in (*TIERS, "api", "tokens", "text")]
    if words[-1:] == ["output"]:
        return "output"
    if "write" in words:
        return "cache_write_other"
    if words[-1:] == ["input"]:
        return "cache_read" if "cached" in words else "input_fresh"
    return ""


def tier_of(item: str) -> str:
    """Batch, flex or priority where the item says so."""
    low = item.lower()
    return next((t for t in TIERS if t in low), "")


def _quantity(result: dict[str, Any], where: str) -> int | None:
    size = SIZES.get(str(result.get("quantity_unit") or ""))
    if size is None or result.get("quantity") is None:
        return None
    return int((exact(result["quantity"], where, "a quantity") * size).to_integral_value())


def _usage(result: dict[str, Any], day: str, where: str) -> list[InvoiceLine]:
    """One line a leaf; fresh is what is neither read nor written."""
    tokens = {unit: count(result.get(name), where) for unit, name in _COUNTED.items()}
    by_lifetime = tokens["cache_write_30m"] + tokens["cache_write_12h"]
    tokens["cache_write_other"] = max(0, tokens["cache_write_other"] - by_lifetime)
    inside = sum(n for unit, n in tokens.items() if unit.startswith("cache_"))
    tokens["input_fresh"] -= inside
    if tokens["input_fresh"] < 0:
        raise InputError(
            f"cached and written tokens ({inside:,}) are more than the input that holds them.",
            where=where,
        )
    tier = "batch" if result.get("batch") else str(result.get("service_tier") or "")
    return [
        InvoiceLine(
            day, "openai", str(result.get("model") or ""), LineKind.TOKENS, None, unit, n,
            str(result.get("project_id") or ""), str(result.get("api_key_id") or ""), tier,
        )
        for unit, n in tokens.items()
        if n
    ]  # fmt: skip
