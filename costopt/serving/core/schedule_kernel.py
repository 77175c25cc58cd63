"""One step's scheduling, compiled: `plain.PlainReplica.schedule_running` and `schedule_waiting`."""

from __future__ import annotations

import math

import numpy as np

from costopt.serving.core.blocks_kernel import Pool, find, give_back, hold, name, take
from costopt.serving.core.jit import jit
from costopt.serving.core.paces import Paces
from costopt.serving.core.state import (
    ARRIVED,
    BUDGET,
    ISSUED,
    LEVEL,
    NOW,
    PREEMPTIONS,
    PUSHED,
    RUNNING,
    SEATS,
    WORK,
    State,
)
from costopt.serving.core.terms import Limits

_DONE = 1e-9  # as `plain.DONE`


@jit
def length(s: State, row: int) -> int:
    """Tokens known: the prompt and what was produced."""
    return int(s.prompt[row] + math.floor(s.produced[row] + _DONE))


@jit
def remember(s: State, pool: Pool, row: int, tokens: int, size: int) -> None:
    full = min(tokens // size, s.offsets[row + 1] - s.offsets[row])
    for i in range(min(full, s.held[row])):
        name(pool, s.table[s.seat[row], i], s.ids[s.offsets[row] + i])


@jit
def grow(s: State, pool: Pool, row: int, tokens: int, limits: Limits) -> bool:
    """Blocks for so many tokens; False where there are not enough."""
    new = -(-tokens // limits.block_tokens) - s.held[row]
    if new > pool.idle[0]:
        return False
    if s.table.shape[1] == 0:
        pool.idle[0] -= max(new, 0)
        s.held[row] += max(new, 0)
        return True
    for _ in range(new):
        s.table[s.seat[row], s.held[row]] = take(pool)
        s.held[row] += 1
    if not s.decoding[row]:
        remember(s, pool, row, tokens, limits.block_tokens)
    return True


@jit
def release(s: State, pool: Pool, row: int, limits: Limits) -> None:
    """All blocks and the seat go back; what of the answer was computed can be found."""
    if s.table.shape[1] == 0:
        pool.idle[0] += s.held[row]
    else:
        if s.decoding[row]:
            remember(s, pool, row, length(s, row) - 1, limits.block_tokens)
        for i in range(s.held[row] - 1, -1, -1):
            give_back(pool, s.table[s.seat[row], i])
    s.held[row] = s.computed[row] = s.decoding[row] = 0
    s.seats[s.n[SEATS]] = s.seat[row]
    s.n[SEATS] += 1


@jit
def preempt(s: State, pool: Pool, limits: Limits) -> int:
    """The last admitted goes back to the front of the queue; its row."""
    s.n[RUNNING] -= 1
    row = s.running[s.n[RUNNING]]
    release(s, pool, row, limits)
    s.pushed[s.n[PUSHED]] = row
    s.n[PUSHED] += 1
    s.n[PREEMPTIONS] += 1
    return int(row)


@jit
def draft_share(decodes: int, verified: float) -> int:
    """`plain.draft_share`."""
    each = 1.0 + verified
    return int(math.ceil((decodes + 1) * each - _DONE) - math.ceil(decodes * each - _DONE))


@jit
def schedule_running(s: State, pool: Pool, cost: Paces, limits: Limits) -> bool:
    """Tokens for those that run already; True where one of them had to go."""
    s.n[BUDGET], s.n[WORK] = limits.max_num_batched_tokens, 0
    s.n[LEVEL] = cost.level[min(s.n[RUNNING], len(cost.level) - 1)]
    drafted, verified = cost.draft_tokens[s.n[LEVEL]], cost.verified[s.n[LEVEL]]
    preempted, decodes = False, 0
    while s.n[WORK] < s.n[RUNNING]:
        row = s.running[s.n[WORK]]
        known = int(s.prompt[row] + math.floor(s.produced[row] + _DONE))
        if s.decoding[row]:
            tokens, upto = draft_share(decodes, verified), known + drafted
            stop = tokens > s.n[BUDGET]
        else:
            tokens = known - s.computed[row]
            if limits.chunked:
                tokens = min(tokens, s.n[BUDGET])
            upto, stop = s.computed[row] + tokens, tokens == 0
        if stop:
            break
        gone = False
        if upto > s.held[row] * limits.block_tokens or not s.decoding[row]:
            while not gone and not grow(s, pool, row, upto, limits):
                gone = preempt(s, pool, limits) == row
                preempted = True
        if gone:
            break
        s.share[s.n[WORK]] = tokens
        s.n[WORK] += 1
        s.n[BUDGET] -= tokens
        decodes += s.decoding[row]
    return preempted


@jit
def front(s: State) -> int:
    """Who is next in the queue; -1: nobody."""
    if s.n[PUSHED] > 0:
        return int(s.pushed[s.n[PUSHED] - 1])
    if s.n[ARRIVED] < s.n[ISSUED] and s.ready[s.n[ARRIVED]] <= s.x[NOW]:
        return int(s.n[ARRIVED])
    return -1


@jit
def known_blocks(s: State, pool: Pool, row: int, held: np.ndarray, size: int) -> tuple[int, int]:
    """Cached blocks of a waiting request, and how many of them nobody holds."""
    if s.table.shape[1] == 0:
        return 0, 0
    start = s.offsets[row]
    end = min(s.offsets[row + 1], start + (length(s, row) - 1) // size)
    return find(pool, s.ids, start, end, held)


@jit
def admit(s: State, pool: Pool, row: int, found: int, held: np.ndarray, size: int) -> None:
    """Out of the queue, with what the cache has of it."""
    if s.n[PUSHED] > 0:
        s.n[PUSHED] -= 1
    else:
        s.n[ARRIVED] += 1
    s.n[SEATS] -= 1
    s.seat[row] = s.seats[s.n[SEATS]]
    for i in range(found):
        hold(pool, held[i])
        s.table[s.seat[row], i] = held[i]
    s.held[row], s.computed[row] = found, found * size
    s.running[s.n[RUNNING]] = row
    s.n[RUNNING] += 1
    if np.isnan(s.start[row]):
        s.start[row], s.hits[row] = s.x[NOW], s.computed[row]


@jit
def schedule_waiting(s: State, pool: Pool, limits: Limits, held: np.ndarray) -> None:
    """Admit in order while tokens, seats and blocks last; the first that cannot stops the rest."""
    size = limits.block_tokens
    while s.n[BUDGET] > 0 and s.n[RUNNING] < len(s.running):
        row = front(s)
        if row < 0:
            return
        found, idle = known_blocks(s, pool, row, held, size)
        tokens = length(s, row) - found * size
        if limits.chunked:
            tokens = min(tokens, s.n[BUDGET])
        elif tokens > s.n[BUDGET] and s.n[WORK] > 0:
            return
        new = -(-(found * size + tokens) // size) - found
        if new > pool.idle[0] - idle:
            return
        admit(s, pool, row, found, held, size)
        grow(s, pool, row, found * size + tokens, limits)
        s.share[s.n[WORK]] = tokens
        s.n[WORK] += 1
        s.n[BUDGET] -= tokens
