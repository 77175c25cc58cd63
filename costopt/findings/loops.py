"""The same action again and again: an agent that is stuck, or waits by asking.

## Where the money goes
Each turn of a loop pays for the whole history once more and brings nothing new.

## How it is found
Consecutive calls of a session whose answers are equal block by block (the same tool with the same
arguments, or the same text of some length), the later request containing the earlier one. Patterns of up to
three alternating actions count as well. The first two rounds are granted; `usd` is what the others cost.

## What can go wrong
Waiting for a job by asking for its state is a loop too; it is cheaper to wait inside the tool. Without the
answers' text nothing is claimed.

## Fix
Stop a session after two equal actions and tell the model so; let tools wait instead of the model.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import per_call
from costopt.findings.lineage import lineage
from costopt.findings.places import Int, Mask, by_place, dearest, total
from costopt.findings.resent_requests import mixed
from costopt.model.bill import PriceStatus
from costopt.model.call import SegmentKind
from costopt.model.finding import Finding

NAME = "loops"
MOST_ACTIONS = 3
"""Longest pattern of alternating actions looked for."""
GRANTED_ROUNDS = 2
"""A first try and one retry are no loop."""
LEAST_TEXT_BYTES = 80
"""Of an answer without tool calls: short answers (yes, ok, a label) repeat without being a loop."""


def find(context: AuditContext) -> list[Finding]:
    """One finding a place."""
    looping = _in_loop(context) & (context.bill.status == PriceStatus.PRICED)
    net = context.bill.net_pusd
    found = []
    for label, rows in by_place(context, looping):
        sessions = len(np.unique(context.trace.session[rows]))
        found.append(Finding(
            NAME, f"{label}: the same action again and again in {sessions:,} "
            f"{'session' if sessions == 1 else 'sessions'}", total(net, rows), dearest(rows, net),
            "Stop after two equal actions, or wait inside the tool.", "session_budget",
            evidence={"calls_in_loops": len(rows), "sessions": sessions},
        ))  # fmt: skip
    return [f for f in found if f.usd > 0]


def _in_loop(context: AuditContext) -> Mask:  # [call]
    """Calls that repeat the action of some calls before, after as many granted rounds."""
    trace, line = context.trace, lineage(context)
    rows = np.arange(trace.n)
    action = mixed(trace.response.ids, trace.response.offsets, rows)
    # The request goes on from the one before: the loop is inside one conversation.
    goes_on = line.same_session & (line.same_uses == trace.request.lengths[line.previous])
    goes_on &= trace.request.lengths > line.same_uses
    counts = _is_action(context)
    out = np.zeros(trace.n, np.bool_)
    for period in range(1, MOST_ACTIONS + 1):
        equal = _equal_to(action, line.previous, goes_on, period) & counts
        run = _run(equal, line.previous, goes_on)
        out |= run > period * (GRANTED_ROUNDS - 1)
    return out


def _is_action(context: AuditContext) -> Mask:  # [call]
    """A tool call, or enough text."""
    block, segments = context.trace.response, context.trace.segments
    calls = per_call(block, (segments.kind == SegmentKind.TOOL_CALL)[block.ids].astype(np.int64))
    size = per_call(block, segments.n_bytes[block.ids])
    return (calls > 0) | (size >= LEAST_TEXT_BYTES)


def _equal_to(action: Int, previous: Int, goes_on: Mask, period: int) -> Mask:
    """The answer so many calls before was the same."""
    at, inside = np.arange(len(action)), np.ones(len(action), np.bool_)
    for _ in range(period):
        inside &= goes_on[at]
        at = np.where(inside, previous[at], at)
    return inside & (action == action[at])


def _run(equal: Mask, previous: Int, goes_on: Mask) -> Int:
    """How many calls in a row, this one included, are equal so."""
    run = equal.astype(np.int64)
    at, inside = np.arange(len(equal)), equal.copy()
    # As many steps as the longest loop; a call past the limit needs no more than that.
    for _ in range(MOST_ACTIONS * GRANTED_ROUNDS):
        inside &= goes_on[at]
        at = np.where(inside, previous[at], at)
        inside &= equal[at]
        run += inside
    return run
