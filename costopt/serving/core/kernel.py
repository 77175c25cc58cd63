"""One replica, compiled: `plain.PlainReplica` with runs of equal steps taken at once.

Between two events (an arrival that can be admitted, an end, blocks running out, a window filled)
every step has the same sequences, and its time grows linearly with their contexts: the sum over k
steps is a closed form, so that a turn of the loop may stand for thousands of steps.
"""

from __future__ import annotations

import math

import numpy as np

from costopt.serving.core.blocks_kernel import Pool
from costopt.serving.core.jit import jit
from costopt.serving.core.paces import Paces
from costopt.serving.core.schedule_kernel import (
    front,
    grow,
    length,
    release,
    schedule_running,
    schedule_waiting,
)
from costopt.serving.core.state import (
    ARRIVED,
    BUSY,
    EVENTS,
    ISSUED,
    LEFT,
    LEVEL,
    NOW,
    PEAK,
    PREFILLED,
    PUSHED,
    READER_FREE,
    RUNNING,
    STEPS,
    WORK,
    State,
)
from costopt.serving.core.terms import Float, Int, Limits

_DONE = 1e-9  # as `plain.DONE`


@jit
def at(table: Float, level: int, index: float) -> float:
    """`plain.at` of a pace's table."""
    low = min(int(index), table.shape[1] - 2)
    first = table[level, low]
    return float(first + (index - low) * (table[level, low + 1] - first))


@jit
def pairs_of(before: int, tokens: int, window: int) -> int:
    """`plain.windowed_pairs`."""
    growing = min(tokens, max(window - before, 0))
    return growing * before + growing * (growing + 1) // 2 + (tokens - growing) * window


@jit
def cost_of(s: State, cost: Paces) -> tuple[float, float, int]:
    """Seconds of the scheduled step, by how much each next equal one is longer, prompts in it."""
    decodes = prompts = ends = tokens = growing = pairs = near_pairs = 0
    context = near = 0.0
    for i in range(s.n[WORK]):
        row, n = s.running[i], s.share[i]
        if s.decoding[row]:
            own = s.prompt[row] + s.produced[row]
            decodes += 1
            context += own
            near += min(own, cost.window)
            growing += own < cost.window
        else:
            prompts += 1
            tokens += n
            ends += s.computed[row] + n == length(s, row)
            pairs += n * s.computed[row] + n * (n + 1) // 2
            near_pairs += pairs_of(s.computed[row], n, cost.window)
    level = s.n[LEVEL]
    positions = decodes * (1.0 + cost.verified[level])
    spent = (
        cost.base_s[level]
        + (cost.mixed_s[level] if prompts else 0.0)
        + cost.seq_s[level] * s.n[WORK]
        + at(cost.tokens_s, level, positions + tokens)
        + at(cost.head_s, level, positions + ends)
        + cost.kv_s[level] * context
        + cost.kv_window_s[level] * near
        + cost.pair_s[level] * pairs
        + cost.pair_window_s[level] * near_pairs
    )
    slope = cost.kv_s[level] * decodes + cost.kv_window_s[level] * growing
    slope *= cost.tokens_per_step[level]
    return spent, slope, prompts


@jit
def steps_to_event(s: State, cost: Paces) -> int:
    """Steps until a sequence ends or fills its window."""
    gain = cost.tokens_per_step[s.n[LEVEL]]
    windowed = cost.kv_window_s[s.n[LEVEL]] > 0.0
    left = to_window = np.inf
    for i in range(s.n[RUNNING]):
        row = s.running[i]
        left = min(left, s.output[row] - s.produced[row] - _DONE)
        if windowed and s.prompt[row] + s.produced[row] < cost.window:
            to_window = min(to_window, cost.window - s.prompt[row] - s.produced[row])
    return max(int(math.ceil(min(left, to_window) / gain)), 1)


@jit
def new_blocks(s: State, cost: Paces, limits: Limits, more: int) -> int:
    """Blocks that the running ones need on top for `more` steps after this one."""
    total = 0
    gained = more * cost.tokens_per_step[s.n[LEVEL]] + _DONE
    drafted = cost.draft_tokens[s.n[LEVEL]]
    for i in range(s.n[RUNNING]):
        row = s.running[i]
        tokens = int(s.prompt[row] + math.floor(s.produced[row] + gained)) + drafted
        beyond = tokens - s.held[row] * limits.block_tokens
        if beyond > 0:
            total += (beyond + limits.block_tokens - 1) // limits.block_tokens
    return total


@jit
def steps_in_blocks(s: State, pool: Pool, cost: Paces, limits: Limits, most: int) -> int:
    """The same, no more than the free blocks last for."""
    if new_blocks(s, cost, limits, most - 1) <= pool.idle[0]:
        return most
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        if new_blocks(s, cost, limits, middle - 1) <= pool.idle[0]:
            low = middle
        else:
            high = middle
    return low


@jit
def sum_of(steps: int, spent: float, slope: float) -> float:
    return steps * spent + slope * (steps * (steps - 1) / 2.0)


@jit
def steps_to_time(wait: float, spent: float, slope: float, most: int) -> int:
    """The first step that ends at or after `wait` seconds, at most `most`."""
    if sum_of(most, spent, slope) < wait:
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if sum_of(middle, spent, slope) < wait:
            low = middle
        else:
            high = middle
    return high


@jit
def hold(s: State, pool: Pool, cost: Paces, limits: Limits, steps: int) -> None:
    """Blocks for all that so many equal steps will write."""
    gained = (steps - 1) * cost.tokens_per_step[s.n[LEVEL]] + _DONE
    drafted = cost.draft_tokens[s.n[LEVEL]]
    for i in range(s.n[RUNNING]):
        row = s.running[i]
        tokens = int(s.prompt[row] + math.floor(s.produced[row] + gained)) + drafted
        if tokens > s.held[row] * limits.block_tokens:
            grow(s, pool, row, tokens, limits)


@jit
def to_arrival(s: State, spent: float, slope: float, most: int) -> int:
    """No more steps than until the next in the queue could be let in."""
    waits = s.n[ARRIVED] < s.n[ISSUED] and s.n[PUSHED] == 0 and s.n[RUNNING] < len(s.running)
    if waits and s.ready[s.n[ARRIVED]] > s.x[NOW]:
        return steps_to_time(s.ready[s.n[ARRIVED]] - s.x[NOW], spent, slope, most)
    return most


@jit
def equal_steps(
    s: State, pool: Pool, cost: Paces, limits: Limits, spent: float, slope: float
) -> int:  # fmt: skip
    """How many steps equal to the scheduled one follow on each other, itself included."""
    most = steps_in_blocks(s, pool, cost, limits, steps_to_event(s, cost))
    return to_arrival(s, spent, slope, most)


@jit
def prefilled(s: State, row: int, tokens: int) -> None:
    """What a step gives a prompt; its last chunk comes with the first token."""
    s.computed[row] += tokens
    s.n[PREFILLED] += tokens
    if s.computed[row] == length(s, row):
        s.decoding[row] = 1
        s.produced[row] += 1.0
        if np.isnan(s.first[row]):
            s.first[row] = s.x[NOW]


@jit
def issue(s: State, moment: float, limits: Limits) -> None:
    """The next request leaves its client; the one process in front of the engine reads it."""
    row = s.n[ISSUED]
    reading = limits.frontend_s + limits.frontend_token_s * s.prompt[row]
    s.x[READER_FREE] = max(moment, s.x[READER_FREE]) + reading
    s.arrive[row], s.ready[row] = moment, s.x[READER_FREE]
    s.n[ISSUED] += 1


@jit
def hand_out(
    s: State, pool: Pool, cost: Paces, limits: Limits, steps: int, closed: bool
) -> None:  # fmt: skip
    """Tokens to everyone in the step; who is done leaves and, in a closed loop, calls the next."""
    stay = 0
    gained = steps * cost.tokens_per_step[s.n[LEVEL]]
    for i in range(s.n[RUNNING]):
        row = s.running[i]
        if i < s.n[WORK]:
            if s.decoding[row]:
                s.produced[row] += gained
            else:
                prefilled(s, row, s.share[i])
        if s.produced[row] >= s.output[row] - _DONE:
            s.end[row] = s.x[NOW]
            release(s, pool, row, limits)
            s.n[LEFT] -= 1
            if closed and s.n[ISSUED] < len(s.prompt):
                issue(s, s.x[NOW], limits)
        else:
            s.running[stay] = row
            stay += 1
    s.n[RUNNING] = stay


@jit
def scheduled(s: State, pool: Pool, cost: Paces, limits: Limits, held: Int) -> bool:
    """Choose the next step's work; whether all that runs is in it and nobody new, so that it may repeat."""
    kept = not schedule_running(s, pool, cost, limits) and s.n[WORK] == s.n[RUNNING]
    before = s.n[WORK]
    if kept:
        schedule_waiting(s, pool, limits, held)
    return bool(kept and s.n[WORK] == before)


@jit
def pass_time(
    s: State, pool: Pool, limits: Limits, steps: int, spent: float, slope: float
) -> None:  # fmt: skip
    """The clock and the counts move by so many equal steps."""
    s.n[PEAK] = max(s.n[PEAK], limits.kv_blocks - pool.idle[0])
    total = sum_of(steps, spent, slope)
    s.x[NOW] += total
    s.x[BUSY] += total
    s.n[STEPS] += steps
    s.n[EVENTS] += 1


@jit
def run_all(
    s: State, pool: Pool, cost: Paces, limits: Limits, arrive: Float, concurrency: int
) -> None:  # fmt: skip
    """Until every request has ended."""
    for i in range(min(concurrency, len(s.prompt)) if concurrency else len(s.prompt)):
        issue(s, 0.0 if concurrency else arrive[i], limits)
    held = np.zeros(s.table.shape[1] + 1, np.int64)
    while s.n[LEFT] > 0:
        if s.n[RUNNING] == 0 and front(s) < 0:
            s.x[NOW] = max(s.x[NOW], s.ready[s.n[ARRIVED]])
        same = scheduled(s, pool, cost, limits, held)
        spent, slope, prompts = cost_of(s, cost)
        steps = 1
        if same and prompts == 0:
            steps = equal_steps(s, pool, cost, limits, spent, slope)
            hold(s, pool, cost, limits, steps)
        pass_time(s, pool, limits, steps, spent, slope)
        hand_out(s, pool, cost, limits, steps, concurrency > 0)
