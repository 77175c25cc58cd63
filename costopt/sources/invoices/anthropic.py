"""Anthropic admin API: `usage_report/messages` (tokens) and `cost_report` (dollars).

**`amount` of the cost report is a decimal string in cents**: "123.45" is $1.2345. Priority-tier
cost is not in it. Usage counts are disjoint: `uncached_input_tokens` excludes reads and writes.
https://platform.claude.com/docs/en/api/admin-api/usage-cost, checked 2026-11-24.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.money import PicoUsd
from costopt.sources.bodies.parts import mapping
from costopt.sources.invoices import buckets, results
from costopt.sources.invoices.amounts import amount, count
from costopt.sources.invoices.days import day_of

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
    for bucket, result, where in results(pages, name):
        day, is_cost = day_of(bucket.get("starting_at"), where), "amount" in result
        kinds.add("anthropic costs" if is_cost else "anthropic usage")
        lines += [_cost(result, day, fx, where)] if is_cost else _usage(result, day, where)
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


def _usage(result: dict[str, Any], day: str, where: str) -> list[InvoiceLine]:
    found = [
        (LineKind.TOKENS, unit, count(_nested(result, name), where)) for name, unit in UNITS.items()
    ]
    searches = mapping(result.get("server_tool_use")).get("web_search_requests")
    found.append((LineKind.NON_TOKEN, "web_search", count(searches, where)))
    tier = TIERS.get(str(result.get("service_tier") or ""), "")
    return [
        InvoiceLine(
            day, "anthropic", str(result.get("model") or ""), kind, None, unit, n,
            str(result.get("workspace_id") or ""), str(result.get("api_key_id") or ""), tier,
            "web searches" if kind == LineKind.NON_TOKEN else "",
        )
        for kind, unit, n in found
        if n
    ]  # fmt: skip


def _nested(result: dict[str, Any], name: str) -> object:
    """A field by its dotted name, as the cost report writes it."""
    outer, _, inner = name.rpartition(".")
    return (mapping(result.get(outer)) if outer else result).get(inner)
