"""The simulation against what queueing theory knows exactly, and against plain conservation laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from costopt.serving.core.plain import PlainReplica, Seq
from costopt.serving.core.run import prefix_hits, simulate
from costopt.serving.core.terms import Limits, Pace, Run, StepCost, Workload
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


FINE = 1000
"""A size is a prompt of so many tokens on average, a step of that long."""
SIZED = StepCost(np.arange(2.0) / FINE, np.zeros(2), 0.5 / FINE, 0, 0, 0, 0, 0, 0, 0)


def exponential_sizes(rng: np.random.Generator, n: int) -> np.ndarray:
    """[request] prompt tokens."""
    return np.maximum(rng.exponential(FINE, n).astype(np.int64), 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exponential_sizes_wait_as_in_m_m_1(seed: int) -> None:
    """rho / (1 - rho) service times; and each single wait is Lindley's: what was in front, less the gap."""
    rng = np.random.default_rng(seed)
    arrive = rng.exponential(1 / RATE, N).cumsum()
    prompt = exponential_sizes(rng, N)
    run = simulate(Workload(arrive, prompt, np.ones(N, np.int64)), SIZED, ONE_AT_A_TIME)
    mean, half = waiting_s(run)
    assert mean == pytest.approx(RATE / (1 - RATE), abs=half)
    assert half < 0.5
    left = np.diff(arrive, prepend=0.0), (prompt + 0.5) / FINE
    np.testing.assert_allclose(run.start_s - run.arrive_s, lindley(*left), atol=1e-6)


def lindley(gap_s: np.ndarray, service_s: np.ndarray) -> np.ndarray:
    """[request] wait of a queue with one server, first come, first served."""
    wait, found = 0.0, []
    for gap, before in zip(gap_s[1:].tolist(), service_s[:-1].tolist(), strict=True):
        found.append(wait)
        wait = max(wait + before - gap, 0.0)
    return np.array([*found, wait])


def test_a_step_costs_the_sum_of_its_terms() -> None:
    """Two prompts of 3 and 5 tokens in one step, then a step that decodes both: by hand, all terms on."""
    tokens_s, head_s = 1e-3 * np.arange(20.0) ** 2, 1e-4 * np.arange(9.0)
    cost = StepCost(tokens_s, head_s, 0.5, 0.25, 0.125, 0.03, 0.007, 4, 0.01, 0.002)
    load = Workload(np.zeros(2), np.array([3, 5]), np.array([3, 3]))
    for fast in (False, True):
        run = simulate(load, cost, Limits(8, 64, 100), fast=fast)
        # pairs: 1 + 2 + 3 and 1 + ... + 5; within a window of 4: 6 and 1 + 2 + 3 + 4 + 4
        prompts = 0.5 + 0.25 + 2 * 0.125 + 0.064 + 2e-4 + 0.01 * 21 + 0.002 * 20
        # contexts: 3 + 1 and 5 + 1 tokens, of which 4 and 4 near; then one more each
        first = 0.5 + 2 * 0.125 + 0.004 + 2e-4 + 0.03 * (4 + 6) + 0.007 * (4 + 4)
        second = 0.5 + 2 * 0.125 + 0.004 + 2e-4 + 0.03 * (5 + 7) + 0.007 * (4 + 4)
        np.testing.assert_allclose(run.first_s, prompts)
        np.testing.assert_allclose(run.end_s, prompts + first + second)
        assert run.totals.busy_s == pytest.approx(prompts + first + second)


SHARED = Limits(4096, 1 << 20, 1 << 20, prefix_caching=False)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_step_that_costs_nothing_more_for_company_is_a_queue_with_endless_servers(
    seed: int,
) -> None:
    """M/G/oo: nobody waits but for the next step to begin, half a step on average, and the number
    inside is Poisson: its variance is its mean."""
    rng = np.random.default_rng(seed)
    n, step_s, rate = 30_000, 0.01, 20.0
    arrive = rng.exponential(1 / rate, n).cumsum()
    output = rng.geometric(1 / 80, n)
    run = simulate(Workload(arrive, np.ones(n, np.int64), output), flat_cost(step_s), SHARED)
    alone_s = output * step_s
    waits = run.end_s - run.arrive_s - alone_s
    assert waits.min() > -1e-9 and waits.max() < step_s + 1e-9
    assert waits.mean() == pytest.approx(step_s / 2, rel=0.05)
    moments = rng.uniform(arrive[n // 10], arrive[-1], 4000)
    inside = (arrive <= moments[:, None]).sum(1) - (np.sort(run.end_s) <= moments[:, None]).sum(1)
    assert inside.mean() == pytest.approx(rate * (80 * step_s + step_s / 2), rel=0.05)
    assert inside.var() == pytest.approx(inside.mean(), rel=0.15)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("load", [0.3, 0.7])
def test_a_step_that_costs_as_much_as_it_has_tokens_shares_the_processor(
    seed: int, load: float
) -> None:
    """M/G/1-PS: a request of size x stays x / (1 - rho), whatever the law of the sizes is."""
    rng = np.random.default_rng(seed)
    n, token_s = 30_000, 1e-3
    output = np.where(rng.random(n) < 0.8, 50, 400)
    arrive = rng.exponential(output.mean() * token_s / load, n).cumsum()
    line = StepCost(token_s * np.arange(2.0), np.zeros(2), 0.0, 0, 0, 0, 0, 0, 0, 0)
    run = simulate(Workload(arrive, np.ones(n, np.int64), output), line, SHARED)
    for size in (50, 400):
        stays = (run.end_s - run.arrive_s)[output == size] / (size * token_s)
        means = np.array([part.mean() for part in np.array_split(stays, BATCHES)])
        half = 2.71 * float(means.std(ddof=1)) / math.sqrt(BATCHES)
        assert means.mean() == pytest.approx(1 / (1 - load), abs=half + 0.03)
        assert half < 0.5


class Watched(PlainReplica):
    """Counts, step by step, who is in the engine and what it hands out: nothing of it goes into a `Run`."""

    inside_s, tokens = 0.0, 0.0

    def cost_of(self, work: list[tuple[Seq, int]]) -> float:
        spent = super().cost_of(work)
        self.inside_s += len(self.running) * spent
        for seq, tokens in work:
            last = not seq.decoding and seq.computed + tokens == seq.length
            self.tokens += self.pace.tokens_per_step if seq.decoding else last
        return spent


@pytest.mark.parametrize("seed", range(30))
def test_littles_law(seed: int) -> None:
    """Mean number inside x time = sum of everybody's time inside: the engine's own list, summed over its
    steps, against the columns that the compiled run reports."""
    load, cost, limits = world(seed)
    limits = limits._replace(kv_blocks=1 << 12)  # who is sent back to the queue is inside twice
    run = simulate(load, cost, limits)
    watched = Watched(load, cost, limits)
    watched.run()
    assert run.totals.preemptions == watched.preemptions == 0
    assert watched.inside_s == pytest.approx(float((run.end_s - run.start_s).sum()))
    asked = int(load.output_tokens.sum())
    if not limits.draft_tokens:
        assert watched.tokens == asked
    else:  # the last step of an answer may bring more than was left of it
        assert asked <= watched.tokens + 1e-6 <= asked + 3 * load.n


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


def doubled(cost: StepCost) -> StepCost:
    kept = ("window", "by_load")
    times = {name: 2 * getattr(cost, name) for name in cost._fields if name not in kept}
    by_load = tuple(pace._replace(cost=doubled(pace.cost)) for pace in cost.by_load)
    return cost._replace(**times, by_load=by_load)


@pytest.mark.parametrize("seed", range(10))
def test_a_slower_engine_is_never_faster(seed: int) -> None:
    """Twice the seconds for every step: the closed loop takes exactly twice as long."""
    load, cost, limits = world(seed)
    load = Workload(load.arrive_s, load.prompt_tokens, load.output_tokens, 5)
    limits = limits._replace(frontend_s=0.0, frontend_token_s=0.0)
    slow, fast = simulate(load, doubled(cost), limits), simulate(load, cost, limits)
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
    assert drafted.totals.steps == pytest.approx(bare.totals.steps / 2.4, rel=0.05)


def drafting(share: float, concurrency: int) -> tuple[Run, Run]:
    """Without and with drafts of 3 tokens in this share of the steps; each token of a step costs 1 ms."""
    load = Workload(np.zeros(0), np.ones(80, np.int64), np.full(80, 300), concurrency)
    line = StepCost(1e-3 * np.arange(9.0), np.zeros(9), 5e-3, 0, 0, 0, 0, 0, 0, 0)
    limits = Limits(64, 2048, 10_000)
    drafts = limits._replace(draft_tokens=3, drafted_share=share, tokens_per_step=1 + share)
    return simulate(load, line, limits), simulate(load, line, drafts)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("concurrency", [1, 5, 20])
def test_verification_is_paid_in_the_steps_that_have_a_draft(
    share: float, concurrency: int
) -> None:
    """The same arithmetic by hand: (5 + n) ms a step without, (5 + n (1 + 3 share)) ms with drafts."""
    bare, drafted = drafting(share, concurrency)
    wanted = (1 + share) * (5 + concurrency) / (5 + concurrency * (1 + 3 * share))
    assert bare.span_s / drafted.span_s == pytest.approx(wanted, rel=0.03)


def test_a_schedule_is_each_length_at_its_own_load() -> None:
    """A closed loop of n runs as the fixed length that the schedule has for n."""
    line = StepCost(1e-3 * np.arange(9.0), np.zeros(9), 5e-3, 0, 0, 0, 0, 0, 0, 0)
    paces = Pace(1, line, 3, 3.0, 2.5), Pace(5, line, 1, 1.0, 1.6), Pace(17, line, 0, 0.0, 1.0)
    for concurrency, (_, _, drafts, _, gained) in zip((1, 4, 5, 16, 17, 40), np.repeat(
        np.array(paces, object), 2, axis=0), strict=True):  # fmt: skip
        load = Workload(np.zeros(0), np.ones(400, np.int64), np.full(400, 50), concurrency)
        fixed = Limits(64, 2048, 10_000, draft_tokens=drafts, tokens_per_step=gained)
        alone = simulate(load, line, fixed)
        found = simulate(load, line._replace(by_load=paces), fixed._replace(draft_tokens=3))
        full = slice(0, 400 - concurrency)  # towards the end fewer run
        np.testing.assert_allclose(found.end_s[full], alone.end_s[full])


@pytest.mark.parametrize("fast", [False, True])
def test_one_process_reads_the_requests_one_after_another(fast: bool) -> None:
    """Three at once and a late one: 10 ms each and 1 ms a prompt token, then 1 s a step for who is there."""
    load = Workload(np.array([0.0, 0.0, 0.0, 9.0]), np.array([5, 20, 10, 5]), np.ones(4, np.int64))
    limits = Limits(8, 64, 100, frontend_s=0.01, frontend_token_s=0.001)
    run = simulate(load, flat_cost(1.0), limits, fast=fast)
    np.testing.assert_allclose(run.start_s, [0.015, 1.015, 1.015, 9.015])
    np.testing.assert_allclose(run.ttft_s, [1.015, 2.015, 2.015, 1.015])
    assert run.totals.steps == 3


@pytest.mark.parametrize("fast", [False, True])
def test_a_step_holds_no_more_tokens_than_its_budget(fast: bool) -> None:
    """100 and 60 tokens of prompt through steps of 64: 64, then 36 + 28, then 32 and the first's answer."""
    load = Workload(np.zeros(2), np.array([100, 60]), np.array([3, 1]))
    run = simulate(load, flat_cost(1.0), Limits(8, 64, 100), fast=fast)
    np.testing.assert_allclose(run.first_s, [2.0, 3.0])
    np.testing.assert_allclose(run.end_s, [4.0, 3.0])


@pytest.mark.parametrize("fast", [False, True])
def test_whole_blocks_of_a_prefix_are_found_but_never_all_of_a_prompt(fast: bool) -> None:
    """The same 64 tokens again: three of their four blocks, since one token has to be computed."""
    ids = np.tile(np.arange(4), 2)
    load = Workload(
        np.array([0.0, 9.0]), np.full(2, 64), np.ones(2, np.int64), 0, np.array([0, 4, 8]), ids
    )
    run = simulate(load, flat_cost(1.0), Limits(8, 64, 100), fast=fast)
    assert run.hit_tokens.tolist() == [0, 48] and run.totals.prefill_tokens == 64 + 16


@pytest.mark.parametrize("fast", [False, True])
def test_who_came_last_goes_first_when_blocks_run_out(fast: bool) -> None:
    """Two answers of 20 after 15 tokens need three blocks each, and there are four: the first one is never
    kept waiting, the second begins its prompt anew once the first has ended."""
    load = Workload(np.zeros(2), np.full(2, 15), np.full(2, 20))
    run = simulate(load, flat_cost(1.0), Limits(8, 64, 4), fast=fast)
    assert run.end_s[0] == pytest.approx(20.0) and run.end_s[1] > 20.0
    assert run.totals.preemptions == 1 and run.totals.prefill_tokens > 2 * 15


@pytest.mark.parametrize("fast", [False, True])
def test_what_was_used_longest_ago_is_forgotten_first(fast: bool) -> None:
    """A, B, C of two blocks through a cache of four: B is still there, A is not."""
    ids = np.array([0, 1, 2, 3, 4, 5, 2, 3, 0, 1])
    hits = prefix_hits(np.arange(0, 11, 2), ids, 4, fast=fast)
    assert hits.tolist() == [0, 0, 0, 2, 0]
