"""One replica of a routed fleet stepped to a moment by the core's own functions, and the router's books."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from costopt.serving.core.blocks_kernel import Pool
from costopt.serving.core.jit import jit
from costopt.serving.core.kernel import (
    cost_of,
    equal_steps,
    hand_out,
    hold,
    pass_time,
    scheduled,
    steps_to_time,
    sum_of,
    to_arrival,
)
from costopt.serving.core.paces import Paces
from costopt.serving.core.schedule_kernel import front
from costopt.serving.core.state import ARRIVED, ISSUED, LEFT, NOW, RUNNING, State
from costopt.serving.core.terms import Float, Int, Limits


class Books(NamedTuple):
    """What the router knows of its replicas; rows are replicas."""

    active: Int
    draining: Int
    late: Int
    """Requests that the last step ended; they count until its end."""
    left: Int
    """Requests not ended, as the replica's own counter says."""
    now_s: Float
    """When there is something to do for it again. Kept here because a look into a state is dear."""
    steps: Int
    """Planned ones that have not passed yet."""
    spent_s: Float
    slope_s: Float
    """Of the planned ones: seconds of the first, by how much each next is longer."""
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
def plan(
    s: State, pool: Pool, cost: Paces, limits: Limits, held: Int, books: Books, r: int
) -> None:
    """The next step, and how many equal ones follow on it; nothing has passed yet."""
    same = scheduled(s, pool, cost, limits, held)
    spent, slope, prompts = cost_of(s, cost)
    steps = 1
    if same and prompts == 0:
        steps = equal_steps(s, pool, cost, limits, spent, slope)
    books.steps[r], books.spent_s[r], books.slope_s[r] = steps, spent, slope


@jit
def carry_out(
    s: State, pool: Pool, cost: Paces, limits: Limits, books: Books, r: int, steps: int
) -> int:  # fmt: skip
    """The planned steps; how many requests the last of them ended."""
    left = s.n[LEFT]
    if books.steps[r] > 1:
        hold(s, pool, cost, limits, steps)
    books.steps[r] = 0
    pass_time(s, pool, limits, steps, books.spent_s[r], books.slope_s[r])
    hand_out(s, pool, cost, limits, steps, False)
    return int(left - s.n[LEFT])


@jit
def advance(
    s: State, pool: Pool, cost: Paces, limits: Limits, held: Int, books: Books, r: int, until: float,
    lazy: bool,
) -> None:  # fmt: skip
    """`plain.Server.until`, and what the router may know of it in its books.

    Lazy: equal steps that go on beyond that moment stay a plan, and are looked at again when they are
    over or a request cuts them short. Else the steps that began are carried out, as a router must know
    that looks into caches.
    """
    late = 0
    while s.n[LEFT] > 0:
        if books.steps[r] == 0:
            if s.n[RUNNING] == 0 and front(s) < 0:
                ready = s.ready[s.n[ARRIVED]]
                if ready >= until:
                    books.now_s[r] = s.x[NOW] if s.x[NOW] > until else ready
                    break
                s.x[NOW] = max(s.x[NOW], ready)
            books.now_s[r] = s.x[NOW]
            if s.x[NOW] >= until:
                break
            plan(s, pool, cost, limits, held, books, r)
        steps = books.steps[r]
        end = s.x[NOW] + sum_of(steps, books.spent_s[r], books.slope_s[r])
        if lazy and end > until:
            books.now_s[r] = end
            break
        if end > until:
            wait = until - s.x[NOW]
            steps = steps_to_time(wait, books.spent_s[r], books.slope_s[r], steps)
        late = carry_out(s, pool, cost, limits, books, r, steps)
        books.now_s[r] = s.x[NOW]
    books.left[r] = s.n[LEFT]
    books.late[r] = late if s.x[NOW] > until else 0


@jit
def cut_short(s: State, books: Books, r: int) -> None:
    """A request that has just come may be let in before the planned steps are over."""
    steps = books.steps[r]
    if steps > 1 and s.n[ARRIVED] + 1 == s.n[ISSUED]:
        steps = to_arrival(s, books.spent_s[r], books.slope_s[r], steps)
        books.steps[r] = steps
        books.now_s[r] = s.x[NOW] + sum_of(steps, books.spent_s[r], books.slope_s[r])


@jit
def settle(
    states: Any, pools: Any, cost: Any, limits: Any, books: Any, held: Any, moment: Any, lazy: Any
) -> None:
    """`plain.PlainFleet.settle`."""
    for r in range(len(states)):
        if books.left[r] and books.now_s[r] <= moment:
            advance(states[r], pools[r], cost, limits, held, books, r, moment, lazy)
        if books.ready_s[r] <= moment:
            books.active[r] = 1
            books.ready_s[r] = np.inf


@jit
def in_flight(books: Books, r: int, moment: float) -> int:
    """`plain.Server.in_flight`."""
    return int(books.left[r] + (books.late[r] if books.now_s[r] > moment else 0))
