"""`max_tokens` far above what answers need, or so low that it cuts them.

## Where the money goes
A cut answer is paid for and often asked for again: that money is lost. A limit far above the need costs
nothing by itself (providers bill what is written), but it reserves rate limit and lets a run-away answer
run.

## How it is found
Answers that ended at the limit (finish reason `length` or `max_tokens`). `usd` is what was paid for those
whose request was then sent again unchanged; the others may have been used. A limit is called far above the
need where the 99th percentile of 50 or more answers is under a quarter of it.

## What can go wrong
Reasoning counts towards the limit: too low a limit leaves a paid answer without text.

## Fix
Set the limit per task a little above the 99th percentile of its answers.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.labels import cut_by_limit
from costopt.findings.places import Int, Mask, by_place, dearest, total
from costopt.findings.resent_requests import sent_again
from costopt.model.bill import PriceStatus
from costopt.model.finding import Finding
from costopt.money import PicoUsd, usd_float

NAME = "token_limits"
FAR_ABOVE = 4
"""Times the 99th percentile: room for any answer of the task twice over, twice."""
LEAST_CALLS = 50
"""Below this the 99th percentile is the largest answer and says little."""
MARGIN = 1.5
"""Over the 99th percentile, as the proposed limit."""


def find(context: AuditContext) -> list[Finding]:
    """Cut answers and wide limits, one finding a place each."""
    priced = context.bill.status == PriceStatus.PRICED
    cut = cut_by_limit(context.trace) & priced
    found = [_cut(context, label, rows, priced) for label, rows in by_place(context, cut)]
    limited = priced & ~cut & (context.trace.max_tokens > 0)
    for label, rows in by_place(context, limited):
        wide = _wide(context, label, rows)
        found += [wide] if wide else []
    return found


def _cut(context: AuditContext, label: str, rows: Int, priced: Mask) -> Finding:
    net = context.bill.net_pusd
    again = rows[sent_again(context)[rows]]
    shown = again if len(again) else rows
    limit = int(context.trace.max_tokens[rows].max())
    return Finding(
        NAME, f"{label}: {len(rows):,} {'reply' if len(rows) == 1 else 'replies'} cut by max_tokens",
        total(net, again), dearest(shown, net),
        "Raise max_tokens for this task, or ask for a shorter answer.", "output",
        evidence={
            "cut": len(rows), "sent_again": len(again),
            "spent_on_cut_usd": usd_float(total(net, rows)),
        } | ({"largest_limit": limit} if limit > 0 else {}),
    )  # fmt: skip


def _wide(context: AuditContext, label: str, rows: Int) -> Finding | None:
    trace = context.trace
    if len(rows) < LEAST_CALLS:
        return None
    need = int(np.quantile(trace.output_tokens[rows], 0.99, method="higher"))
    limit = int(np.median(trace.max_tokens[rows]))
    if need * FAR_ABOVE >= limit:
        return None
    wide = rows[trace.max_tokens[rows] > FAR_ABOVE * max(need, 1)]
    return Finding(
        NAME, f"{label}: max_tokens {limit:,}, 99 % of replies need {need:,}", PicoUsd(0),
        dearest(wide, trace.max_tokens.astype(np.int64)),
        f"Set max_tokens to {max(16, int(need * MARGIN)):,}.", "output",
        evidence={
            "limit": limit, "p99_output_tokens": need, "calls": len(wide),
            "basis": "no direct saving: providers bill what is written",
        },
    )  # fmt: skip
