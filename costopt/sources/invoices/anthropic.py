"""Anthropic admin API: `usage_report/messages` (tokens) and `cost_report` (dollars).

**`amount` of the cost report is a decimal string in cents**: "123.45" is $1.2345. Priority-tier
cost is not in it. Usage counts are disjoint: `uncached_input_tokens` excludes reads and writes.
Source: platform.claude.com/docs/en/api/admin-api/usage-cost, checked 2026-11-24.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.money import PicoUsd
from costopt.sources.invoices import buckets
from costopt.sources.invoices.amounts import amount, count

UNITS = {
    "uncached_input_tokens": "input_fresh",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}
TIERS = {"standard": "default", "batch": "batch", "priority": "priority"}
CENTS = 100


def fits(pages: list[dict[str, Any]]) -> bool:
    """True for pages of buckets with ISO start times."""
    return any(isinstance(b.get("starting_at"), str) for b in buckets(pages))


def read(pages: list[dict[str, Any]], name: str, fx: Decimal | None) -> Invoice:
    """Lines of all buckets."""
    lines: list[InvoiceLine] = []
    kinds = set()
    for number, bucket in enumerate(buckets(pages), 1):
        day = str(bucket["starting_at"])[:10]
        for result in bucket["results"]:
            is_cost = "amount" in result
            kinds.add("anthropic costs" if is_cost else "anthropic usage")
            where = f"{name}, bucket {number}"
            lines += [_cost(result, day, fx, where)] if is_cost else _usage(result, day)
    notes = ("Anthropic's cost report leaves out priority-tier cost.",)
    kind = " and ".join(sorted(kinds)) or "anthropic (empty)"
    return Invoice(name, kind, tuple(lines), notes if "anthropic costs" in kinds else ())


def _cost(result: dict[str, Any], day: str, fx: Decimal | None, where: str) -> InvoiceLine:
    cents = amount(result["amount"], str(result.get("currency") or "USD"), fx, where)
    # Exact: a cent is 10**10 pico-dollars and amounts carry at most a few decimals of a cent.
    value = PicoUsd(round(Decimal(cents) / CENTS))
    unit = UNITS.get(str(result.get("token_type") or ""), "")
    is_tokens = result.get("cost_type") in (None, "tokens")
    return InvoiceLine(
        day, "anthropic", str(result.get("model") or ""),
        LineKind.TOKENS if is_tokens else LineKind.NON_TOKEN, value, unit, None,
        str(result.get("workspace_id") or ""), "",
        TIERS.get(str(result.get("service_tier") or ""), ""), str(result.get("description") or ""),
    )  # fmt: skip


def _usage(result: dict[str, Any], day: str) -> list[InvoiceLine]:
    written = result.get("cache_creation") or {}
    tokens = {
        "input_fresh": count(result.get("uncached_input_tokens")),
        "cache_read": count(result.get("cache_read_input_tokens")),
        "cache_write_5m": count(written.get("ephemeral_5m_input_tokens")),
        "cache_write_1h": count(written.get("ephemeral_1h_input_tokens")),
        "output": count(result.get("output_tokens")),
    }
    searches = count((result.get("server_tool_use") or {}).get("web_search_requests"))
    tier = TIERS.get(str(result.get("service_tier") or ""), "")
    return [
        InvoiceLine(
            day, "anthropic", str(result.get("model") or ""), kind, None, unit, n,
            str(result.get("workspace_id") or ""), str(result.get("api_key_id") or ""), tier,
            "web searches" if kind == LineKind.NON_TOKEN else "",
        )
        for kind, unit, n in [
            *((LineKind.TOKENS, unit, n) for unit, n in tokens.items()),
            (LineKind.NON_TOKEN, "web_search", searches),
        ]
        if n
    ]  # fmt: skip
