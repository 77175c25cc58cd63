"""The simulation against what queueing theory knows exactly, and against plain conservation laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Limits, Run, StepCost, Workload
from tests.serving.worlds import flat_cost, world

ONE_AT_A_TIME = Limits(1, 1 << 20, 1 << 20, prefix_caching=False)
RATE, SERVICE_S, N, BATCHES = 0.7, 1.0, 40_000, 40


def waiting_s(run: Run) -> tuple[float, float]:
    """Mean wait and the half-width of its 99 % interval, by batch means after a warm-up."""
    wait = (run.start_s - run.arrive_s)[N // 10 :]
    means = np.array([part.mean() for part in np.array_split(wait, BATCHES)])
    return float(means.mean()), 2.71 * float(means.std(ddof=1)) / math.sqrt(BATCHES)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fixed_service_times_wait_as_in_m_d_1(seed: int) -> None:
    """Pollaczek-Khinchine with no variance: rho / (2 (1 - rho)) service times."""
    rng = np.random.default_rng(seed)
    arrive = rng.exponential(1 / RATE, N).cumsum()
    ones = np.ones(N, np.int64)
    run = simulate(Workload(arrive, ones, ones), flat_cost(SERVICE_S), ONE_AT_A_TIME)
    mean, half = waiting_s(run)
    assert mean == pytest.approx(RATE / (2 * (1 - RATE)), abs=half)
    assert half < 0.15


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exponential_sizes_wait_as_in_m_m_1(seed: int) -> None:
    """rho / (1 - rho) service times; a size is a prompt of that many tokens, a step of that long."""
    rng = np.random.default_rng(seed)
    arrive = rng.exponential(1 / RATE, N).cumsum()
    fine = 1000
    prompt = np.maximum(rng.exponential(fine, N).astype(np.int64), 1)
    line = StepCost(np.arange(2.0) / fine, np.zeros(2), 0.5 / fine, 0, 0, 0, 0, 0, 0, 0)
    run = simulate(Workload(arrive, prompt, np.ones(N, np.int64)), line, ONE_AT_A_TIME)
    mean, half = waiting_s(run)
    assert mean == pytest.approx(RATE / (1 - RATE), abs=half)
    assert half < 0.5


@pytest.mark.parametrize("seed", range(20))
def test_littles_law(seed: int) -> None:
    """Mean number in the system = rate x mean time in it, over the time until all have left."""
    run = simulate(*world(seed))
    served = run.served
    arrive, end = run.arrive_s[served], run.end_s[served]
    moments = np.concatenate((arrive, end))
    order = np.argsort(moments, kind="stable")
    inside = np.cumsum(np.repeat((1, -1), len(arrive))[order])
    area = float((np.diff(moments[order]) * inside[:-1]).sum())
    assert area == pytest.approx(float((end - arrive).sum()))


@pytest.mark.parametrize("seed", range(20))
def test_work_is_conserved(seed: int) -> None:
    """All tokens come out; nothing is computed twice without a preemption; the engine never idles
    while somebody is there."""
    load, cost, limits = world(seed)
    run = simulate(load, cost, limits)
    served = run.served
    asked = int(load.prompt_tokens[served].sum() - run.hit_tokens.sum())
    assert run.totals.prefill_tokens >= asked
    if not run.totals.preemptions:
        assert run.totals.prefill_tokens == asked
    assert (run.start_s[served] >= run.arrive_s[served]).all()
    assert (run.first_s[served] > run.start_s[served]).all()
    assert (run.end_s[served] >= run.first_s[served]).all()
    reading = limits.frontend_s * load.n + limits.frontend_token_s * int(load.prompt_tokens.sum())
    covered = _union_s(run.arrive_s[served], run.end_s[served])
    assert covered - reading - 1e-9 <= run.totals.busy_s <= covered + 1e-9


def _union_s(start: np.ndarray, end: np.ndarray) -> float:
    """Time in which at least one request is in the system."""
    total, reach = 0.0, -np.inf
    for a, b in sorted(zip(start.tolist(), end.tolist(), strict=True)):
        total += max(b - max(a, reach), 0.0)
        reach = max(reach, b)
    return total


@pytest.mark.parametrize("seed", range(10))
def test_a_slower_engine_is_never_faster(seed: int) -> None:
    """Twice the seconds for every step: the closed loop takes exactly twice as long."""
    load, cost, limits = world(seed)
    load = Workload(load.arrive_s, load.prompt_tokens, load.output_tokens, 5)
    limits = limits._replace(frontend_s=0.0, frontend_token_s=0.0)
    twice = cost._replace(**{k: 2 * getattr(cost, k) for k in cost._fields if k != "window"})
    slow, fast = simulate(load, twice, limits), simulate(load, cost, limits)
    np.testing.assert_allclose(slow.end_s, 2 * fast.end_s)


def test_more_load_waits_longer_and_yields_no_less() -> None:
    rng = np.random.default_rng(0)
    prompt, output = rng.integers(100, 900, 800), rng.integers(10, 200, 800)
    cost = StepCost(2e-5 * np.arange(2.0), np.zeros(2), 0.008, 0, 1e-5, 2e-9, 0, 0, 0, 0)
    limits = Limits(256, 2048, 4000, prefix_caching=False)
    runs = [
        simulate(Workload(np.zeros(0), prompt, output, c), cost, limits) for c in (1, 4, 16, 64)
    ]
    assert [r.tokens_per_s for r in runs] == sorted(r.tokens_per_s for r in runs)
    tpot = [float(np.nanmean(r.tpot_s)) for r in runs]
    assert tpot == sorted(tpot)


def test_speculation_takes_fewer_steps_in_the_same_order() -> None:
    load = Workload(np.zeros(0), np.full(40, 100), np.full(40, 120), 4)
    limits = Limits(64, 2048, 1000, draft_tokens=3, tokens_per_step=2.4)
    bare = simulate(load, flat_cost(0.01), limits._replace(draft_tokens=0, tokens_per_step=1.0))
    drafted = simulate(load, flat_cost(0.01), limits)
    assert drafted.totals.steps < 0.5 * bare.totals.steps
