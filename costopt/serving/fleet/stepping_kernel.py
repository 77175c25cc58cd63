"""One replica of a routed fleet stepped to a moment by the core's own functions, and the router's books."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from costopt.serving.core.blocks_kernel import Pool
from costopt.serving.core.jit import jit
from costopt.serving.core.kernel import (
    cost_of,
    hand_out,
    hold,
    pass_time,
    scheduled,
    steps_in_blocks,
    steps_to_event,
    steps_to_time,
)
from costopt.serving.core.schedule_kernel import front
from costopt.serving.core.state import (
    ARRIVED,
    ISSUED,
    LEFT,
    NOW,
    PUSHED,
    RUNNING,
    State,
)
from costopt.serving.core.terms import Float, Int, Limits, StepCost


class Books(NamedTuple):
    """What the router knows of its replicas; rows are replicas."""

    active: Int
    draining: Int
    late: Int
    """Requests that the last step ended; they count until its end."""
    left: Int
    """Requests not ended, as the replica's own counter says."""
    now_s: Float
    """Until when it has been simulated. Both are kept here because a look into a state is dear."""
    ready_s: Float
    paid_from: Float
    paid_s: Float
    turn: Int
    """[1] who was chosen last."""
    wish_s: Float
    wishes: Int
    """[decision] of the last ones, a ring; `wish_s` is when."""
    n: Int
    """[2] decisions made, moves written."""
    moves: Float
    """[move, 2] second, replicas rented."""


@jit
def jump(s: State, pool: Pool, cost: StepCost, limits: Limits, spent: float, slope: float,
         until: float) -> int:  # fmt: skip
    """`core.kernel.jump`, no further than the first step that ends at or after `until`."""
    most = steps_in_blocks(s, pool, limits, steps_to_event(s, cost, limits))
    wait = until - s.x[NOW]
    if s.n[ARRIVED] < s.n[ISSUED] and s.n[PUSHED] == 0 and s.ready[s.n[ARRIVED]] > s.x[NOW]:
        wait = min(wait, s.ready[s.n[ARRIVED]] - s.x[NOW])
    most = steps_to_time(wait, spent, slope, most)
    hold(s, pool, limits, most)
    return most


@jit
def step(s: State, pool: Pool, cost: StepCost, limits: Limits, held: Int, until: float) -> None:
    """One turn of `core.kernel.run_all`."""
    same = scheduled(s, pool, limits, held)
    spent, slope, prompts = cost_of(s, cost, limits)
    steps = 1
    if same and prompts == 0:
        steps = jump(s, pool, cost, limits, spent, slope, until)
    pass_time(s, pool, limits, steps, spent, slope)
    hand_out(s, pool, limits, steps, False)


@jit
def advance(s: State, pool: Pool, cost: StepCost, limits: Limits, held: Int, until: float) -> int:
    """`plain.Server.until`; requests that the last step ended, -1 where no step began."""
    late = -1
    while s.n[LEFT] > 0:
        if s.n[RUNNING] == 0 and front(s) < 0:
            ready = s.ready[s.n[ARRIVED]]
            if ready >= until:
                break
            s.x[NOW] = max(s.x[NOW], ready)
        if s.x[NOW] >= until:
            break
        left = s.n[LEFT]
        step(s, pool, cost, limits, held, until)
        late = left - s.n[LEFT]
    return late


@jit
def settle(
    states: Any, pools: Any, cost: Any, limits: Any, books: Any, held: Any, moment: Any
) -> None:
    """`plain.PlainFleet.settle`."""
    for r in range(len(states)):
        if books.left[r] and books.now_s[r] < moment:
            s = states[r]
            late = advance(s, pools[r], cost, limits, held, moment)
            if late >= 0:
                books.late[r], books.left[r], books.now_s[r] = late, s.n[LEFT], s.x[NOW]
        if books.ready_s[r] <= moment:
            books.active[r] = 1
            books.ready_s[r] = np.inf


@jit
def in_flight(books: Books, r: int, moment: float) -> int:
    """`plain.Server.in_flight`."""
    return int(books.left[r] + (books.late[r] if books.now_s[r] > moment else 0))
