"""Work that nobody waits for is paid at the on-demand price instead of the batch price.

## Where the money goes
The batch APIs of the large providers cost half and answer within 24 hours.

## How it is found
Calls at the default tier whose agent, task, workflow or tags are named like background work (nightly, cron,
backfill, digest, ...), or whose starts fall into the same two hours of the day on five days or more. Only
calls that do not build on the answer before them. `usd` is the bill difference at the batch price; where a
cached read loses its discount in a batch, that is taken off.

## What can go wrong
A name does not prove that nobody waits: it is a hint. A batch may take up to 24 hours.

## Fix
Collect these requests and send them through the batch API.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.edits import in_batch
from costopt.billing.labels import named_background
from costopt.findings.lineage import lineage
from costopt.findings.places import Int, Mask, by_code, by_place, dearest, places, total
from costopt.findings.what_if import saved
from costopt.model.bill import PriceStatus
from costopt.model.finding import Finding

NAME = "background_on_demand"
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
LEAST_DAYS, LEAST_CALLS = 5, 50
"""A working week, and ten calls a day: fewer starts meet in two hours by chance."""
WINDOW_HOURS, IN_WINDOW_SHARE = 2, 0.95
BASIS = "assumes that nobody waits for these answers: by name, or by the hours of the day"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place."""
    trace = context.trace
    on_demand = np.array(
        [v in ("", "default") for v in trace.dims["service_tier"].values], np.bool_
    )
    open_calls = on_demand[trace.dims["service_tier"].codes] & _stands_alone(context)
    open_calls &= (context.bill.status == PriceStatus.PRICED) & (trace.requests == 1)
    named = named_background(trace)
    background = open_calls & (named | _scheduled(context))
    if not background.any():
        return []
    worth = _saved_in_batch(context, background)
    found = []
    for label, rows in by_place(context, background):
        found.append(Finding(
            NAME, f"{label}: background work not on the batch API", total(worth, rows),
            dearest(rows, worth), "Send these requests through the batch API.", "batch",
            estimated=True,
            evidence={"calls": len(rows), "named_background": int(named[rows].sum()), "basis": BASIS},
        ))  # fmt: skip
    return [f for f in found if f.usd > 0]


def _stands_alone(context: AuditContext) -> Mask:
    """Does not carry on a conversation: a chain of steps would wait a batch for each."""
    trace, line = context.trace, lineage(context)
    longer = trace.request.lengths > line.same_uses
    goes_on = line.same_session & longer
    goes_on &= line.same_uses == trace.request.lengths[line.previous]
    alone = np.bincount(trace.session, minlength=len(trace.sessions))[trace.session] == 1
    return alone | (trace.has_content & ~goes_on & ~_is_followed(line.previous, goes_on))


def _is_followed(previous: Int, goes_on: Mask) -> Mask:
    out = np.zeros(len(previous), np.bool_)
    out[previous[goes_on]] = True
    return out


def _scheduled(context: AuditContext) -> Mask:
    """Calls of places whose starts keep to the same hours of the day."""
    trace = context.trace
    out = np.zeros(trace.n, np.bool_)
    for _, rows in by_code(places(context).code, trace.has_time):
        at = trace.at_us[rows]
        if len(rows) < LEAST_CALLS or len(np.unique(at // DAY_US)) < LEAST_DAYS:
            continue
        # Half-hour bins around the clock; the busiest window may go past midnight.
        bins = np.bincount((at % DAY_US) // (HOUR_US // 2), minlength=48)
        around = np.concatenate((bins, bins))
        width = 2 * WINDOW_HOURS
        windows = np.convolve(around, np.ones(width, np.int64), "valid")[:48]
        out[rows] = windows.max() >= IN_WINDOW_SHARE * len(rows)
    return out


def _saved_in_batch(context: AuditContext, chosen: Mask) -> Int:
    tier, leaves = in_batch(context.trace, context.prices, chosen)
    return np.where(chosen, saved(context, service_tier=tier, leaves=leaves), 0)
