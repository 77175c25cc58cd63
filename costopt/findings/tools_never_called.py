"""Tool schemas that travel with every call and are never called.

## Where the money goes
Each tool costs 100 to 1,000 tokens of schema in every request, cached or not. An agent with 40 tools that
uses six pays for 34.

## How it is found
Tools by name, over all calls of an agent that send them: a tool that no answer and no history of that
agent calls, in at least 20 calls. `usd` is what was paid for its schema, `already_saved` what the
provider's cache took off.

## What can go wrong
A tool for rare cases is not useless because this log has no such case. A smaller prompt may fall under the
provider's minimum for caching.

## Fix
Leave the tool out, or offer it only in the step that needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import group_sums
from costopt.findings.places import Int, dearest, places, shown_name, total
from costopt.findings.what_if import cache_saving_of
from costopt.model.bill import PriceStatus
from costopt.model.call import SegmentKind
from costopt.model.finding import Finding
from costopt.model.trace import Ragged

NAME = "tools_never_called"
LEAST_CALLS = 20
"""Below this "never" says little: an agent's rarer tools show once in some tens of calls."""
NAMES_SHOWN = 8


def find(context: AuditContext) -> list[Finding]:
    """One finding a place, over all its idle tools."""
    trace, where = context.trace, places(context)
    sent = _uses(context, trace.request, SegmentKind.TOOLS)
    if not len(sent.call):
        return []
    idle = ~np.isin(sent.key, _called_keys(context)) & (
        _calls_with(context, sent)[sent.key] >= LEAST_CALLS
    )
    idle &= sent.name > 0
    place = where.code[sent.call]
    found = []
    for code in np.unique(place[idle]).tolist():
        mine = idle & (place == code)
        found.append(_finding(context, where.labels[code], sent, np.flatnonzero(mine)))
    return [f for f in found if f.usd > 0]


@dataclass(frozen=True, slots=True)
class _Uses:
    """Segment uses of one kind; every array is [use of that kind]."""

    use: Int
    call: Int
    name: Int
    key: Int
    """Place and tool name in one code."""


def _uses(context: AuditContext, block: Ragged, kind: SegmentKind) -> _Uses:
    segments, where = context.trace.segments, places(context)
    use = np.flatnonzero((segments.kind == kind)[block.ids])
    call = np.searchsorted(block.offsets, use, side="right") - 1
    name = segments.name.codes[block.ids[use]].astype(np.int64)
    return _Uses(use, call, name, where.code[call] * len(segments.name.values) + name)


def _called_keys(context: AuditContext) -> Int:
    """Keys of tools that an answer calls, or that stand as called in a request's history."""
    blocks = (context.trace.request, context.trace.response)
    return np.unique(np.concatenate([_uses(context, b, SegmentKind.TOOL_CALL).key for b in blocks]))


def _calls_with(context: AuditContext, sent: _Uses) -> Int:  # [key]
    """How many priced, answered calls sent the tool."""
    priced = context.bill.status[sent.call] == PriceStatus.PRICED
    size = len(places(context).labels) * len(context.trace.segments.name.values)
    return np.bincount(sent.key[priced], minlength=size)


def _finding(context: AuditContext, label: str, sent: _Uses, rows: Int) -> Finding:
    at, trace = context.attribution, context.trace
    use, call = sent.use[rows], sent.call[rows]
    pusd = group_sums(at.use_pusd[use], call, trace.n)
    cached = cache_saving_of(context, call, at.use_cached_tokens[use])
    names, count = np.unique(sent.name[rows], return_counts=True)
    which = np.searchsorted(names, sent.name[rows])
    tokens = group_sums(at.use_tokens[use], which, len(names))
    calls = np.unique(call)
    ordered = np.argsort(-tokens, kind="stable")[:NAMES_SHOWN].tolist()
    shown = [shown_name(trace.segments.name.values[int(names[i])]) for i in ordered]
    what = f"tool {shown[0]}" if len(names) == 1 else f"{len(names)} tools"
    return Finding(
        NAME, f"{label}: {what} sent with every call, never called", total(pusd, calls),
        dearest(calls, pusd), f"Leave out {', '.join(shown)}{' …' if len(names) > len(shown) else ''}.",
        None, total(cached, np.arange(len(cached))),
        evidence={
            "tools": shown, "tools_idle": len(names), "tokens": int(tokens.sum()),
            "calls_of_the_tool": int(count.max()),
        },
    )  # fmt: skip
