"""Calls that failed and were charged, or were answered and then sent again.

## Where the money goes
A stream cut in the middle is charged for its input. A client that times out and repeats the request pays
twice: the first answer was written and thrown away.

## How it is found
Failed calls with a price, and calls whose very same request is the next one of the session (an answer that
was used would stand in the next request). Four or more in a row are taken for sampling or a loop and left
out. `usd` is what the calls in vain cost.

## What can go wrong
Without text only charged failures are seen. Two answers may be wanted on purpose, to compare them.

## Fix
Retry on errors only, with a timeout above the slowest good answer; keep what a stream has sent.
"""

from __future__ import annotations

from costopt.billing.context import AuditContext
from costopt.findings.places import by_place, dearest, places, total
from costopt.findings.resent_requests import sent_again
from costopt.model.bill import PriceStatus
from costopt.model.call import CallStatus
from costopt.model.finding import Finding

NAME = "failed_and_retried"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place."""
    trace, net = context.trace, context.bill.net_pusd
    failed = trace.status == CallStatus.FAILED
    charged = (context.bill.status == PriceStatus.PRICED) & (net > 0)
    again = sent_again(context) & ~failed
    where, found = places(context).code, []
    for label, rows in by_place(context, charged & (failed | again)):
        broken, repeated = int(failed[rows].sum()), int(again[rows].sum())
        what = f"{repeated:,} answered and sent again" if repeated else ""
        what = f"{broken:,} failed but charged{', ' if what else ''}{what}" if broken else what
        found.append(Finding(
            NAME, f"{label}: calls in vain: {what}", total(net, rows), dearest(rows, net),
            "Retry on errors only, with a timeout above the slowest good answer.", "exact_cache",
            evidence={
                "failed_charged": broken, "answered_and_sent_again": repeated,
                "failed_free": int((failed & (net == 0) & (where == where[rows[0]])).sum()),
            },
        ))  # fmt: skip
    return found
