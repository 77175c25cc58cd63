"""Most of what is paid for answers is reasoning that nobody reads.

## Where the money goes
Reasoning tokens are billed as output, five to ten times the price of input. A model at high effort can
spend thousands of them on a yes.

## How it is found
Agents whose reasoning is at least half of their output dollars. Among their calls with short answers (64
visible tokens or fewer) `usd` is what the reasoning cost beyond that of the leanest quarter of the same
calls: a hint of what a lower effort would give, from the log itself.

## What can go wrong
Thinking may be what makes the short answer right. Only a replay at the lower effort can tell. Where the log
does not report reasoning, nothing is claimed.

## Fix
Lower the reasoning effort for tasks with short answers, and replay a sample before it goes live.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.attribution import split_in_order
from costopt.billing.context import AuditContext
from costopt.billing.pools import pools_of
from costopt.findings.places import Int, by_place, dearest, total
from costopt.model.bill import PriceStatus
from costopt.model.finding import Finding
from costopt.model.leaf import Leaf
from costopt.money import usd_float

NAME = "reasoning_share"
LEAST_SHARE = 0.5
"""Of the output dollars: below half, the answers themselves are the larger part."""
SHORT_ANSWER_TOKENS = 64
"""A label, a number, one tool call."""
LEAST_CALLS = 20
"""Below this a quarter is under five calls."""
BASIS = "assumes that short answers need no more reasoning than the leanest quarter of them had"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place."""
    trace, pools = context.trace, pools_of(context.bill)
    priced = context.bill.status == PriceStatus.PRICED
    reasoning = trace.leaves[:, Leaf.OUTPUT_REASONING]
    found = []
    for label, rows in by_place(context, priced & (trace.output_tokens > 0)):
        thought, written = total(pools.reasoning, rows), total(pools.visible, rows)
        if thought == 0 or thought < LEAST_SHARE * (thought + written):
            continue
        short = rows[trace.output_tokens[rows] - reasoning[rows] <= SHORT_ANSWER_TOKENS]
        if len(short) < LEAST_CALLS:
            continue
        lean = int(np.quantile(reasoning[short], 0.25, method="lower"))
        above = np.zeros(trace.n, np.int64)
        more = np.maximum(reasoning[short] - lean, 0)
        above[short] = split_in_order(pools.reasoning[short], more, reasoning[short])
        found.append(_finding(label, short, above, lean, thought, written))
    return [f for f in found if f.usd > 0]


def _finding(label: str, short: Int, above: Int, lean: int, thought: int, written: int) -> Finding:
    share = thought / (thought + written)
    calls = short[above[short] > 0]
    return Finding(
        NAME, f"{label}: {100 * share:.0f} % of output dollars are reasoning", total(above, calls),
        dearest(calls, above), "Lower the reasoning effort where answers are short.", None,
        estimated=True,
        evidence={
            "reasoning_share": round(share, 4), "reasoning_usd": usd_float(thought),
            "short_answers": len(short), "lean_reasoning_tokens": lean, "basis": BASIS,
        },
    )  # fmt: skip
