"""`plain.PlainFleet`'s autoscaling, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from costopt.serving.core.jit import jit
from costopt.serving.core.state import ARRIVED, ISSUED, PUSHED
from costopt.serving.fleet.stepping_kernel import Books, in_flight, settle


@jit
def note(books: Books, moment: float) -> None:
    """How many are rented, where that has changed."""
    rented = 0
    for r in range(len(books.active)):
        rented += not np.isnan(books.paid_from[r])
    last = books.n[1] - 1
    if last < 0 or books.moves[last, 1] != rented:
        books.moves[last + 1, 0], books.moves[last + 1, 1] = moment, rented
        books.n[1] += 1


@jit
def fewer(books: Books, count: int, moment: float) -> None:
    """`plain.PlainFleet.shrink`."""
    for r in range(len(books.active) - 1, -1, -1):
        if count > 0 and not np.isnan(books.paid_from[r]) and not books.draining[r]:
            count -= 1
            books.draining[r] = books.active[r]
            if not books.active[r]:
                books.paid_s[r] += moment - books.paid_from[r]
                books.paid_from[r], books.ready_s[r] = np.nan, np.inf


@jit
def more(books: Books, count: int, ready_s: float, moment: float) -> None:
    """`plain.PlainFleet.grow`."""
    for r in range(len(books.active)):
        if count > 0 and books.draining[r]:
            books.draining[r] = 0
            count -= 1
    for r in range(len(books.active)):
        if count > 0 and np.isnan(books.paid_from[r]):
            books.paid_from[r], books.ready_s[r] = moment, ready_s
            count -= 1


@jit
def decide(states: Any, books: Any, scaling: Any, moment: Any) -> None:
    """`plain.PlainFleet.decide`."""
    staying, total = 0, 0
    for r in range(len(states)):
        flying = in_flight(books, r, moment)
        if books.draining[r] and flying == 0:
            books.paid_s[r] += moment - books.paid_from[r]
            books.paid_from[r], books.draining[r], books.active[r] = np.nan, 0, 0
        if scaling.signal == 1:
            flying = states[r].n[ISSUED] - states[r].n[ARRIVED] + states[r].n[PUSHED]
        total += flying
        staying += not np.isnan(books.paid_from[r]) and not books.draining[r]
    wanted = total / scaling.target
    wish = staying
    if abs(wanted / staying - 1.0) > scaling.tolerance:
        wish = min(max(int(math.ceil(wanted)), scaling.minimum), len(states))
    place = books.n[0] % len(books.wishes)
    books.wish_s[place], books.wishes[place] = moment, wish
    books.n[0] += 1
    largest = wish
    for i in range(len(books.wishes)):
        if books.wish_s[i] > moment - scaling.settle_s:
            largest = max(largest, books.wishes[i])
    if wish > staying:
        more(books, wish - staying, moment + scaling.start_s, moment)
    else:
        fewer(books, staying - largest, moment)
    note(books, moment)


@jit
def scale_until(
    states: Any,
    pools: Any,
    cost: Any,
    limits: Any,
    books: Any,
    scaling: Any,
    held: Any,
    next_s: Any,
    moment: Any,
    lazy: Any,
) -> float:
    """`plain.PlainFleet.scale_until`; a period of infinity never decides."""
    while next_s < moment:
        settle(states, pools, cost, limits, books, held, next_s, lazy)
        decide(states, books, scaling, next_s)
        next_s += scaling.period_s
    return next_s
