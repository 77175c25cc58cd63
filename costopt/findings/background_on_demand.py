"""Work that nobody waits for is paid at the on-demand price instead of the batch price.

## Where the money goes
The batch APIs of the large providers cost half and answer within 24 hours.

## How it is found
Calls at the default tier whose agent, task, workflow or tags are named like background work (nightly, cron,
backfill, digest, ...), or whose starts fall into the same two hours of the day on five days or more, in
sessions in which no person replies and no call is built on the answer before it: the calls that the layer
`batch` would move by itself. `usd` is the bill difference at the batch price; where a cached read loses
its discount in a batch, that is taken off.

## What can go wrong
A name does not prove that nobody waits: it is a hint. A batch may take up to 24 hours.

## Fix
Collect these requests and send them through the batch API.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.background import background_work, session_depth
from costopt.billing.context import AuditContext
from costopt.billing.edits import in_batch
from costopt.billing.labels import named_background
from costopt.findings.places import Int, Mask, by_place, dearest, total
from costopt.findings.what_if import saved
from costopt.model.bill import PriceStatus
from costopt.model.finding import Finding
from costopt.model.view import View

NAME = "background_on_demand"
BASIS = "assumes that nobody waits for these answers: by name, or by the hours of the day"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place."""
    trace = context.trace
    on_demand = np.array(
        [v in ("", "default") for v in trace.dims["service_tier"].values], np.bool_
    )
    view = View.of(trace)
    background = on_demand[trace.dims["service_tier"].codes] & background_work(view)
    background &= (context.bill.status == PriceStatus.PRICED) & (trace.requests == 1)
    background &= session_depth(view) == 1
    named = named_background(trace)
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


def _saved_in_batch(context: AuditContext, chosen: Mask) -> Int:
    tier, leaves = in_batch(context.trace, context.prices, chosen)
    return np.where(chosen, saved(context, service_tier=tier, leaves=leaves), 0)
