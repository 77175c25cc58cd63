"""The compiled fleet's replicas as the core's states, grown until every request has found room."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from costopt.serving.core.blocks_kernel import make_pool
from costopt.serving.core.paces import stacked
from costopt.serving.core.run import as_numbers
from costopt.serving.core.state import LEFT, State, counts, has_ids, make_state
from costopt.serving.core.terms import Int, Limits, StepCost, Totals, Workload
from costopt.serving.fleet.kernel import route_all
from costopt.serving.fleet.stepping_kernel import Books
from costopt.serving.fleet.terms import Scaling

_NEVER = Scaling(period_s=math.inf)


def routed(
    load: Workload, rows: Int, most: int, cost: StepCost, limits: Limits, routing: int,
    scaling: Scaling | None, until_s: float, thresholds: tuple[float, float, float],
) -> tuple[list[tuple[State, Totals]], Books, Int]:  # fmt: skip
    """Each replica's columns and counts, the books, and [request, 2] replica and row in it (-1: none)."""
    from numba.typed import List

    terms = _typed(scaling or _NEVER)
    columns = (
        load.prompt_tokens.astype(np.int64), load.output_tokens.astype(np.int64),
        load.offsets(), load.block_ids.astype(np.int64),
    )  # fmt: skip
    room = 2.0 / most
    while True:
        states, pools = List(), List()
        for _ in range(most):
            states.append(_empty(load, limits, len(rows), min(room, 1.0)))
            pools.append(make_pool(limits.kv_blocks, _ids(load, limits)))
        books = _books(most, scaling, until_s)
        place = np.full((load.n, 2), -1, np.int64)
        sent = route_all(
            states, pools, stacked(cost, limits), as_numbers(limits), books, terms, columns, rows,
            load.arrive_s.astype(np.float64), until_s, routing, thresholds, place,
        )  # fmt: skip
        if sent == len(rows):
            return [(state, counts(state)) for state in states], books, place
        room *= 2.0


def _ids(load: Workload, limits: Limits) -> int:
    return int(load.block_ids.max(initial=-1)) + 1 if has_ids(load, limits) else 0


def _empty(load: Workload, limits: Limits, requests: int, share: float) -> State:
    """A replica without requests, its columns as long as a share of them needs."""
    rows = math.ceil(requests * share) + 2
    longest = int((load.prompt_tokens + load.output_tokens).max(initial=1))
    ids = math.ceil(len(load.block_ids) * share) + int(np.diff(load.offsets()).max(initial=0))
    state = make_state(
        Workload(
            np.zeros(rows), np.full(rows, longest), np.zeros(rows, np.int64), 0,
            np.zeros(rows + 1, np.int64), np.zeros(ids if len(load.block_ids) else 0, np.int64),
        ),
        limits,
    )  # fmt: skip
    state.n[LEFT] = 0
    return state


def _books(most: int, scaling: Scaling | None, until_s: float) -> Books:
    first = scaling.minimum if scaling else most
    active = (np.arange(most) < first).astype(np.int64)
    kept = max(math.ceil(scaling.settle_s / scaling.period_s), 1) if scaling else 1
    looks = math.ceil(until_s / scaling.period_s) + 2 if scaling else 1
    draining, late, left, steps = (np.zeros(most, np.int64) for _ in range(4))
    now_s, paid_s, spent_s, slope_s = (np.zeros(most) for _ in range(4))
    return Books(
        active, draining, late, left, now_s, steps, spent_s, slope_s, np.full(most, np.inf),
        np.where(active, 0.0, np.nan), paid_s,
        np.array([most - 1], np.int64), np.full(kept, -np.inf), np.zeros(kept, np.int64),
        np.zeros(2, np.int64), np.zeros((looks, 2)),
    )  # fmt: skip


def _typed(scaling: Scaling) -> Any:
    """One type a field, so that the kernel is compiled once."""
    numbers = (float(getattr(scaling, name)) for name in Scaling._fields)
    typed: Any = Scaling._make(numbers)
    return typed._replace(signal=int(scaling.signal), minimum=int(scaling.minimum))
