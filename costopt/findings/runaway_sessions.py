"""A few sessions cost many times what the others do.

## Where the money goes
An agent without a limit goes on until its context is full. One session in a hundred can cost as much as
the other ninety-nine.

## How it is found
Per agent, where there are at least 20 sessions: those above eight times the median and above the 95th
percentile. `usd` is what they spent after they had passed the larger of the two.

## What can go wrong
A long session may be the most valuable one. The dollars are exact, what would have been lost is not known:
it is a hint until a budget is projected with `session_budget`.

## Fix
Set a hard budget a session, with a warning at half of it.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import group_sums
from costopt.findings.places import Int, by_place, dearest, places, total
from costopt.model.bill import PriceStatus
from costopt.model.finding import Finding
from costopt.money import show, usd_float

NAME = "runaway_sessions"
LEAST_SESSIONS = 20
"""Below this there is no 95th percentile to speak of."""
TIMES_MEDIAN = 8
"""The cost of a session grows with the square of its length: eight times is nearly thrice as long."""
BASIS = "assumes that the session could have stopped at this budget without harm"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place; a session belongs to the place of its first priced call."""
    trace, net = context.trace, context.bill.net_pusd
    priced = (context.bill.status == PriceStatus.PRICED) & trace.session_known
    if not priced.any():
        return []
    home = _home(context, priced)
    found = []
    for label, rows in by_place(context, priced):
        code = places(context).code[rows[0]]
        own = np.flatnonzero(priced & (home[trace.session] == code))
        finding = _of_place(context, label, own, net)
        found += [finding] if finding else []
    return found


def _home(context: AuditContext, priced: np.ndarray) -> Int:  # [session]
    out = np.full(len(context.trace.sessions), -1, np.int64)
    rows = np.flatnonzero(priced)[::-1]
    out[context.trace.session[rows]] = places(context).code[rows]
    return out


def _of_place(context: AuditContext, label: str, rows: Int, net: Int) -> Finding | None:
    sessions, where = np.unique(context.trace.session[rows], return_inverse=True)
    if len(sessions) < LEAST_SESSIONS:
        return None
    cost = group_sums(net[rows], where, len(sessions))
    usual = int(np.quantile(cost, 0.5, method="higher"))
    limit = max(TIMES_MEDIAN * usual, int(np.quantile(cost, 0.95, method="higher")))
    if usual <= 0 or not (cost > limit).any():
        return None
    order = rows[np.argsort(where, kind="stable")]
    # What a session had spent before and with each of its calls.
    group = np.sort(where)
    spent = np.cumsum(net[order]) - np.concatenate(([0], np.cumsum(cost)))[group]
    beyond = np.zeros(len(net), np.int64)
    beyond[order] = np.clip(spent - limit, 0, net[order])
    late = order[beyond[order] > 0]
    many = int((cost > limit).sum())
    return Finding(
        NAME, f"{label}: {many:,} runaway {'session' if many == 1 else 'sessions'} over"
        f" {TIMES_MEDIAN} times the median", total(beyond, late), dearest(late, beyond),
        f"Set a hard budget of {show(limit)} a session.", "session_budget", estimated=True,
        evidence={
            "sessions": len(sessions), "runaway": many, "median_usd": usd_float(usual),
            "limit_usd": usd_float(limit), "dearest_usd": usd_float(int(cost.max())), "basis": BASIS,
        },
    )  # fmt: skip
