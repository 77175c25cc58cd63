"""A batch job's lines: what they cost beside the same tokens at once, and how long they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from costopt.replay.compare.known import Price
from costopt.replay.compare.measured import Row
from costopt.replay.compare.quantities.base import Asked, Found, median, quantity

TIER = "batch"


def batch(asked: Asked) -> Found:
    """The price is a rule of the provider; what is measured is that it served the tier, and when."""
    lines = [r for r in asked.rows if r.item.request.service_tier == TIER]
    if not lines:
        return Found()
    took = median([r.completion.latency_ms / 1000 for r in lines])
    served = sum(r.completion.answer.service_tier == TIER for r in lines)
    rows = [
        quantity("turnaround_s", None, took, "s", len(lines)),
        quantity("served_as_batch", float(len(lines)), float(served), "lines", len(lines)),
    ]
    factor = price_multiplier(lines, asked.known.price)
    if factor is not None:
        rows.append(quantity("price_multiplier", factor, None, "ratio", len(lines)))
    return Found(rows, f"price rule, {len(lines):,} lines in {took:,.0f} s")


def price_multiplier(lines: Sequence[Row], price: Price | None) -> float | None:
    """The measured tokens at the batch price over the same at once: a rule applied, no bill seen."""
    counted = [(r.item, r.leaves) for r in lines if r.leaves is not None]
    if price is None or not counted:
        return None
    once = [
        price(replace(item, request=replace(item.request, service_tier="default")), leaves)
        for item, leaves in counted
    ]
    whole = sum(once)
    return sum(price(item, leaves) for item, leaves in counted) / whole if whole else None
