"""What a session costs: mean and percentiles over sessions with a priced call, and the dearest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill
from costopt.model.result import SessionDollars
from costopt.model.trace import Trace
from costopt.money import exact_group_sum, usd_float


def session_pusd(trace: Trace, bill: Bill) -> tuple[NDArray[np.int64], list[int]]:
    """(session codes with a priced call, their pico-dollars), in order of first appearance."""
    count = len(trace.sessions)
    sums = exact_group_sum(bill.net_pusd, trace.session, count)
    priced = np.zeros(count, np.bool_)
    priced[trace.session[bill.priced]] = True
    codes = np.flatnonzero(priced)
    return codes, [int(sums[s]) for s in codes.tolist()]


def session_dollars(trace: Trace, bill: Bill) -> SessionDollars:
    """Percentiles by nearest rank: the cost that this share of sessions does not exceed."""
    costs = sorted(session_pusd(trace, bill)[1])
    if not costs:
        return SessionDollars(0.0, 0.0, 0.0, 0.0, 0.0)
    ranks = [costs[max(0, math.ceil(q * len(costs)) - 1)] for q in (0.5, 0.95, 0.99, 1.0)]
    mean = usd_float(sum(costs)) / len(costs)
    return SessionDollars(mean, *(usd_float(c) for c in ranks))


def dearest_sessions(trace: Trace, bill: Bill, count: int) -> list[tuple[int, int]]:
    """(session code, pico-dollars) of the dearest; ties in order of first appearance."""
    codes, costs = session_pusd(trace, bill)
    ranked = sorted(zip(codes.tolist(), costs, strict=True), key=lambda item: (-item[1], item[0]))
    return ranked[:count]
