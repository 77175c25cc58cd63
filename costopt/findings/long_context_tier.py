"""A few tokens above a context threshold make the whole request dearer.

## Where the money goes
Some models charge up to twice the price for every token of a request, output included, once its input
passes a threshold (200,000 tokens, or 272,000). A request of 201,000 tokens costs about twice one of 199,000.

## How it is found
Calls whose input is at most a tenth above the threshold of the tier that they were billed in. `usd` is the
bill difference if the tokens above it had been left out.

## What can go wrong
What is left out may be needed. The dollars are exact, the risk is that of trimming a tenth of the context.

## Fix
Trim tool results or old turns so that the request stays below the threshold.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.edits import shorter
from costopt.billing.prompt_cache.namespace import combined
from costopt.findings.places import Int, Mask, by_code, dearest, places, total
from costopt.findings.what_if import saved
from costopt.model.bill import PriceStatus
from costopt.model.finding import Finding
from costopt.prices.contract import Unpriced

NAME = "long_context_tier"
FEW_SHARE = 0.1
"""Of the threshold: a tenth of a context can be trimmed without another design."""


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and threshold."""
    above, threshold = _above(context)
    few = (above > 0) & (above <= FEW_SHARE * threshold)
    few &= context.bill.status == PriceStatus.PRICED
    if not few.any():
        return []
    worth = saved(context, leaves=shorter(context.trace.leaves, np.where(few, above, 0)))
    code = places(context).code * (int(threshold.max()) + 1) + threshold
    found = []
    for _, rows in by_code(code, few & (worth > 0)):
        label, limit = (
            places(context).labels[int(places(context).code[rows[0]])],
            int(threshold[rows[0]]),
        )
        found.append(Finding(
            NAME, f"{label}: {len(rows):,} calls just over the {limit:,}-token price tier",
            total(worth, rows), dearest(rows, worth),
            f"Keep requests under {limit:,} input tokens.", "trim_tools",
            evidence={"threshold_tokens": limit, "median_above_tokens": int(np.median(above[rows]))},
        ))  # fmt: skip
    return found


def _above(context: AuditContext) -> tuple[Int, Int]:
    """([call]: tokens to leave out to reach the next lower tier, the tier's threshold); 0: base tier."""
    trace = context.trace
    above, limit = np.zeros(trace.n, np.int64), np.zeros(trace.n, np.int64)
    columns = [trace.dims[d] for d in ("provider", "model", "service_tier", "region", "speed")]
    key = combined([column.codes for column in columns], trace.n)
    single: Mask = trace.requests == 1
    for _, rows in by_code(key, single):
        names = [c.values[c.codes[rows[0]]] for c in columns]
        for threshold, reaches in _thresholds(context, *names):
            # The last whole number of tokens that is still in the lower tier.
            most = threshold - 1 if reaches else threshold
            mine = rows[trace.input_tokens[rows] > most]
            above[mine] = trace.input_tokens[mine] - most
            limit[mine] = threshold
    return above, limit


def _thresholds(
    context: AuditContext, provider: str, model: str, tier: str, region: str, speed: str
) -> list[tuple[int, bool]]:
    """Ascending thresholds that any period of the model has."""
    rates = context.prices.rates(
        provider, model, tier=tier or "default", region=region, speed=speed
    )
    if isinstance(rates, Unpriced):
        return []
    tiers = {(t.above_input_tokens, t.reaches) for p in rates.periods for t in p.tiers}
    return sorted(t for t in tiers if t[0] > 0)
