"""The compiled kernel and the step-by-step twin: the same run, counts exactly and times to rounding."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.errors import InputError
from costopt.serving.core.run import prefix_hits, simulate
from costopt.serving.core.terms import Workload
from tests.serving.worlds import flat_cost, trees, world

numba = pytest.importorskip("numba")
SEEDS = range(80)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_give_the_same_run(seed: int) -> None:
    plain = simulate(*world(seed), fast=False)
    fast = simulate(*world(seed), fast=True)
    for column in ("arrive_s", "start_s", "first_s", "end_s"):
        np.testing.assert_allclose(
            getattr(fast, column), getattr(plain, column), rtol=1e-9, atol=1e-9
        )
    np.testing.assert_array_equal(fast.hit_tokens, plain.hit_tokens)
    assert fast.totals.steps == plain.totals.steps
    assert fast.totals[2:5] == plain.totals[2:5]
    assert fast.totals.events <= plain.totals.events


def test_the_worlds_reach_what_they_are_for() -> None:
    runs = [simulate(*world(seed), fast=True) for seed in SEEDS]
    assert sum(run.totals.preemptions for run in runs) > 100
    assert sum(run.hit_tokens.sum() for run in runs) > 10_000
    assert sum(run.totals.steps - run.totals.events for run in runs) > 10_000
    assert any(not run.served.all() for run in runs)
    drafting = [(cost, limits) for _, cost, limits in map(world, SEEDS) if limits.draft_tokens]
    assert sum(limits.drafted_share < 1 for _, limits in drafting) > 5
    assert sum(len(cost.by_load) > 1 for cost, _ in drafting) > 5


@pytest.mark.parametrize("blocks", [1, 7, 40, 200, 5000])
def test_prefix_caches_agree_block_for_block(blocks: int) -> None:
    rng = np.random.default_rng(blocks)
    prompt = rng.integers(1, 900, 400)
    offsets, ids = (np.array(c, np.int64) for c in trees(rng, prompt, prompt))
    plain = prefix_hits(offsets, ids, blocks, fast=False)
    np.testing.assert_array_equal(prefix_hits(offsets, ids, blocks, fast=True), plain)


def test_more_blocks_never_find_less() -> None:
    rng = np.random.default_rng(5)
    prompt = rng.integers(1, 900, 400)
    offsets, ids = (np.array(c, np.int64) for c in trees(rng, prompt, prompt))
    found = [int(prefix_hits(offsets, ids, blocks).sum()) for blocks in (64, 256, 1024, 8192)]
    assert found == sorted(found)
    assert found[-1] > found[0]


def test_what_can_never_fit_is_told_and_the_rest_is_served() -> None:
    load, cost, limits = world(3)
    load = Workload(load.arrive_s, load.prompt_tokens.copy(), load.output_tokens)
    load.prompt_tokens[7] = 10_000
    run = simulate(load, cost, limits._replace(kv_blocks=100), fast=False)
    assert np.flatnonzero(~run.served).tolist() == [7]


def test_a_request_without_tokens_is_refused() -> None:
    load, _, limits = world(3)
    empty = Workload(load.arrive_s, load.prompt_tokens * 0, load.output_tokens)
    with pytest.raises(InputError):
        simulate(empty, flat_cost(1.0), limits)
