"""`plain.PlainFleet`, compiled: replicas are the core's own states, stepped by the core's own functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from costopt.serving.core.blocks_kernel import find
from costopt.serving.core.jit import jit
from costopt.serving.core.kernel import issue
from costopt.serving.core.state import ISSUED, LEFT
from costopt.serving.fleet.scaling_kernel import scale_until
from costopt.serving.fleet.stepping_kernel import advance, cut_short, in_flight, settle


@jit
def choose(
    states: Any,
    pools: Any,
    limits: Any,
    books: Any,
    routing: Any,
    share: Any,
    gap: Any,
    ratio: Any,
    load: Any,
    row: Any,
    held: Any,
    moment: Any,
) -> int:
    """`plain.PlainFleet.choose`."""
    prompt, start, end = load[0][row], load[2][row], load[2][row + 1]
    end = min(end, start + (prompt - 1) // limits.block_tokens)
    count = len(states)
    calm, least, largest = -1, 0, 0
    best, hits, load_of_best = -1, -1, 0
    for i in range(count):
        r = (books.turn[0] + 1 + i) % count
        if not books.active[r] or books.draining[r]:
            continue
        flying = in_flight(books, r, moment)
        if calm < 0 or (routing > 0 and flying < least):
            calm, least = r, flying
        largest = max(largest, flying)
        if routing == 2:
            found, _ = find(pools[r], load[3], start, end, held)
            if found > hits or (found == hits and flying < load_of_best):
                best, hits, load_of_best = r, found, flying
    uneven = largest - least > gap and largest > ratio * least
    if routing == 2 and not uneven and hits * limits.block_tokens >= share * prompt:
        calm = best
    books.turn[0] = calm
    return calm


@jit
def send(s: Any, limits: Any, load: Any, row: Any, moment: Any) -> bool:
    """`plain.Server.send`; False where the replica's columns are full."""
    own, start = s.n[ISSUED], load[2][row]
    count = load[2][row + 1] - start
    offset = s.offsets[own]
    if own + 1 >= len(s.prompt) or offset + count > len(s.ids):
        return False
    s.prompt[own], s.output[own], s.offsets[own + 1] = load[0][row], load[1][row], offset + count
    for i in range(count):
        s.ids[offset + i] = load[3][start + i]
    issue(s, moment, limits)
    s.n[LEFT] += 1
    return True


@jit
def route_all(
    states: Any,
    pools: Any,
    cost: Any,
    limits: Any,
    books: Any,
    scaling: Any,
    load: Any,
    rows: Any,
    arrive_s: Any,
    until_s: Any,
    routing: Any,
    thresholds: Any,
    place: Any,
) -> int:
    """`plain.PlainFleet.run`; the number of requests sent, fewer than all where columns were full.

    `load`: (prompt, output, block offsets, block ids); `place`: [request, 2] replica and its row there.
    """
    held = np.zeros(states[0].table.shape[1] + 1, np.int64)
    lazy = routing != 2
    share, gap, ratio = thresholds
    next_s = scaling.period_s
    for k in range(len(rows)):
        row = rows[k]
        moment = arrive_s[row]
        next_s = scale_until(
            states, pools, cost, limits, books, scaling, held, next_s, moment, lazy
        )
        settle(states, pools, cost, limits, books, held, moment, lazy)
        r = choose(
            states, pools, limits, books, routing, share, gap, ratio, load, row, held, moment
        )
        place[row, 0], place[row, 1] = r, states[r].n[ISSUED]
        if not send(states[r], limits, load, row, moment):
            return k
        books.left[r] += 1
        cut_short(states[r], books, r)
    scale_until(states, pools, cost, limits, books, scaling, held, next_s, until_s, lazy)
    for r in range(len(states)):
        advance(states[r], pools[r], cost, limits, held, books, r, np.inf, lazy)
        if not np.isnan(books.paid_from[r]):
            last = 0.0
            for own in range(states[r].n[ISSUED]):
                last = max(last, states[r].end[own])
            books.paid_s[r] += max(until_s, last) - books.paid_from[r]
    return len(rows)
