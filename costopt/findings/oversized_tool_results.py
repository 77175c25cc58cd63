"""Tool results of thousands of tokens enter the context once and are paid for in every later call.

## Where the money goes
A 12,000-token page in step 3 of a session of 20 steps is 216,000 input tokens. Most of it is never used
again.

## How it is found
Tool results above 2,000 tokens, by agent and tool, in every call that carries them. `usd` is what was paid
for the part above 1,000 tokens, at the price really paid: what the cache has taken off stands in
`already_saved`.

## What can go wrong
The part that is cut may be needed. The dollars are exact, the risk to the answers is not measured here:
project it with `trim_tools` and replay it.

## Fix
Cut the result when it enters the context, not later (that would break the cache): head and tail, or the
matching lines.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.attribution import split_in_order
from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import group_sums
from costopt.findings.places import Int, by_code, dearest, places, shown_name, total
from costopt.findings.what_if import cache_saving_of
from costopt.model.call import SegmentKind
from costopt.model.finding import Finding

NAME = "oversized_tool_results"
OVERSIZED_TOKENS = 2_000
"""About 8 KB of text, twice what it would be trimmed to: below, trimming saves less than half."""
TRIMMED_TOKENS = 1_000
"""Head and tail of about 2 KB each: an error message with its surroundings fits."""


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and tool."""
    trace, at = context.trace, context.attribution
    block, segments = trace.request, trace.segments
    big = (segments.kind == SegmentKind.TOOL_RESULT)[block.ids] & (at.use_tokens > OVERSIZED_TOKENS)
    use = np.flatnonzero(big)
    call = np.searchsorted(block.offsets, use, side="right") - 1
    name = segments.name.codes[block.ids[use]].astype(np.int64)
    code = places(context).code[call] * len(segments.name.values) + name
    found = [
        _finding(context, use[rows], call[rows], int(name[rows[0]]))
        for _, rows in by_code(code, np.ones(len(use), np.bool_))
    ]
    return [f for f in found if f.usd > 0]


def _finding(context: AuditContext, use: Int, call: Int, name: int) -> Finding:
    at, trace = context.attribution, context.trace
    tokens = at.use_tokens[use]
    above = tokens - TRIMMED_TOKENS
    pusd = group_sums(split_in_order(at.use_pusd[use], above, tokens), call, trace.n)
    cached = np.minimum(at.use_cached_tokens[use], above)
    kept = cache_saving_of(context, call, cached)
    label = places(context).labels[int(places(context).code[call[0]])]
    tool = shown_name(trace.segments.name.values[name]) if name else "tool"
    calls = np.unique(call)
    return Finding(
        NAME, f"{label}: {tool} results over {OVERSIZED_TOKENS:,} tokens", total(pusd, calls),
        dearest(calls, pusd),
        f"Trim {tool} results to {TRIMMED_TOKENS:,} tokens when they enter the context.",
        "trim_tools", total(kept, np.arange(len(kept))),
        evidence={
            "results": len(np.unique(trace.request.ids[use])), "largest_tokens": int(tokens.max()),
            "sent_times": len(use), "risk_to_answers": "not measured here",
        },
    )  # fmt: skip
