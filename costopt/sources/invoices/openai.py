"""OpenAI admin API: `organization/usage/completions` (tokens) and `organization/costs` (dollars).

Days are UTC. `input_tokens` includes cached and written tokens. Cost lines name model and unit in
`line_item` ("gpt-5-mini-2025-08-07, input") and, since 2026, a quantity.
Source: openai-python types/admin/organization, checked 2026-11-24.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.sources.invoices import buckets
from costopt.sources.invoices.amounts import amount, count

TIERS = ("batch", "flex", "priority")
# What is counted in one of these is no token.
SIZES = {"tokens": 1, "1000_tokens": 1000}


def fits(pages: list[dict[str, Any]]) -> bool:
    """True for pages of buckets with OpenAI's object names or unix start times."""
    return any(
        b.get("object") == "bucket" or isinstance(b.get("start_time"), int) for b in buckets(pages)
    )


def read(pages: list[dict[str, Any]], name: str, fx: Decimal | None) -> Invoice:
    """Lines of all buckets. Usage pages carry tokens, costs pages carry dollars."""
    lines: list[InvoiceLine] = []
    kinds = set()
    for number, bucket in enumerate(buckets(pages), 1):
        day = _day(bucket.get("start_time"))
        for result in bucket["results"]:
            is_cost = isinstance(result.get("amount"), dict)
            kinds.add("openai costs" if is_cost else "openai usage")
            where = f"{name}, bucket {number}"
            lines += [_cost(result, day, fx, where)] if is_cost else _usage(result, day)
    return Invoice(name, " and ".join(sorted(kinds)) or "openai (empty)", tuple(lines))


def _day(start: object) -> str:
    moment = dt.datetime.fromtimestamp(int(str(start)), dt.UTC)
    return moment.date().isoformat()


def _cost(result: dict[str, Any], day: str, fx: Decimal | None, where: str) -> InvoiceLine:
    item = str(result.get("line_item") or "")
    model, unit = split_item(item)
    money = result["amount"]
    value = amount(money.get("value"), str(money.get("currency") or "usd"), fx, where)
    leaf = leaf_of(unit) if result.get("quantity_unit") in (None, *SIZES) else ""
    by_token = bool(leaf) or not item
    return InvoiceLine(
        day, "openai", model if leaf else "", _kind(item, by_token), value, leaf,
        _quantity(result) if leaf else None, str(result.get("project_id") or ""),
        str(result.get("api_key_id") or ""), tier_of(item), item,
    )  # fmt: skip


def _kind(item: str, by_token: bool) -> LineKind:
    low = item.lower()
    for word, kind in (
        ("credit", LineKind.CREDIT),
        ("tax", LineKind.TAX),
        ("commit", LineKind.COMMITMENT),
    ):
        if word in low:
            return kind
    return LineKind.TOKENS if by_token else LineKind.NON_TOKEN


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


def _quantity(result: dict[str, Any]) -> int | None:
    size = SIZES.get(str(result.get("quantity_unit") or ""))
    if size is None or result.get("quantity") is None:
        return None
    return int((Decimal(str(result["quantity"])) * size).to_integral_value())


def _usage(result: dict[str, Any], day: str) -> list[InvoiceLine]:
    """One line a leaf; fresh is what is neither read nor written."""
    total, read_ = count(result.get("input_tokens")), count(result.get("input_cached_tokens"))
    w30, w12 = (
        count(result.get("input_cache_write_30m_tokens")),
        count(result.get("input_cache_write_12h_tokens")),
    )
    other = count(result.get("input_cache_write_tokens")) - w30 - w12
    tokens = {
        "input_fresh": total - read_ - w30 - w12 - max(other, 0),
        "cache_read": read_,
        "cache_write_30m": w30,
        "cache_write_12h": w12,
        "cache_write_other": max(other, 0),
        "output": count(result.get("output_tokens")),
    }
    tier = "batch" if result.get("batch") else str(result.get("service_tier") or "")
    return [
        InvoiceLine(
            day, "openai", str(result.get("model") or ""), LineKind.TOKENS, None, unit, n,
            str(result.get("project_id") or ""), str(result.get("api_key_id") or ""), tier,
        )
        for unit, n in tokens.items()
        if n
    ]  # fmt: skip
