"""Several replicas: routed as specified, nobody lost, money and time accounted for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from costopt.errors import UsageError
from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Limits, StepCost, Workload
from costopt.serving.fleet.run import part, serve
from costopt.serving.fleet.terms import FleetRun, Routing, Scaling, Signal
from tests.serving.test_core_theory import SIZED, exponential_sizes
from tests.serving.worlds import flat_cost, world

SCALINGS = [
    None,
    Scaling(target=4.0, start_s=3.0, period_s=1.0, settle_s=4.0),
    Scaling(int(Signal.QUEUE), 2.0, 2, 2.0, 0.7, 0.1, 3.0),
]


def crowded(seed: int, n: int = 60) -> tuple[Workload, StepCost, Limits]:
    """A world of `worlds.py` with arrivals for several replicas."""
    load, cost, limits = world(seed, n)
    return replace(load, concurrency=0, arrive_s=0.3 * load.arrive_s), cost, limits


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("routing", list(Routing))
@pytest.mark.parametrize("seed", range(8))
def test_the_compiled_fleet_is_the_plain_one(
    seed: int, routing: Routing, scaling: Scaling | None
) -> None:
    load, cost, limits = crowded(seed)
    fast, plain = (
        serve(load, 4, cost, limits, routing, scaling=scaling, window_s=50.0, fast=how)
        for how in (True, False)
    )
    np.testing.assert_array_equal(fast.replica, plain.replica)
    np.testing.assert_array_equal(fast.run.hit_tokens, plain.run.hit_tokens)
    for column in ("start_s", "first_s", "end_s"):
        np.testing.assert_allclose(getattr(fast.run, column), getattr(plain.run, column))
    np.testing.assert_allclose(fast.paid_s, plain.paid_s)
    np.testing.assert_allclose(fast.busy_s, plain.busy_s)
    np.testing.assert_array_equal(fast.moves, plain.moves)
    assert fast.most == plain.most


@pytest.mark.parametrize("seed", range(8))
def test_round_robin_is_independent_replicas(seed: int) -> None:
    load, cost, limits = crowded(seed)
    fleet = serve(load, 3, cost, limits, Routing.ROUND_ROBIN, fast=False)
    dealt = np.flatnonzero(fleet.replica >= 0)
    assert (fleet.replica[dealt] == np.arange(len(dealt)) % 3).all(), "dealt out in turn"
    for number in range(3):
        rows = np.flatnonzero(fleet.replica == number)
        alone = simulate(part(load, rows), cost, limits, fast=False)
        np.testing.assert_array_equal(fleet.run.end_s[rows], alone.end_s)
        assert fleet.busy_s[number] == alone.totals.busy_s


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_router_deals_as_the_core_would_serve(seed: int, fast: bool) -> None:
    """Round-robin through the router (an autoscaler that may not move) equals the independent replicas."""
    load, cost, limits = crowded(seed)
    fixed = Scaling(target=1e9, minimum=3, period_s=5.0)
    routed = serve(load, 3, cost, limits, Routing.ROUND_ROBIN, scaling=fixed, fast=fast)
    apart = serve(load, 3, cost, limits, Routing.ROUND_ROBIN, fast=False)
    np.testing.assert_array_equal(routed.replica, apart.replica)
    np.testing.assert_allclose(routed.run.end_s, apart.run.end_s)


@pytest.mark.parametrize("routing", list(Routing))
@pytest.mark.parametrize("seed", range(6))
def test_nobody_is_lost_and_nobody_served_twice(seed: int, routing: Routing) -> None:
    load, cost, limits = crowded(seed)
    fleet = serve(load, 3, cost, limits, routing, fast=False)
    tokens = load.prompt_tokens + load.output_tokens + limits.draft_tokens
    fits = -(-tokens // limits.block_tokens) <= limits.kv_blocks
    np.testing.assert_array_equal(fleet.run.served, fits)
    np.testing.assert_array_equal(fleet.replica >= 0, fits)
    served = fleet.run.served
    assert (fleet.run.start_s[served] >= load.arrive_s[served]).all()
    asked = int(load.prompt_tokens[served].sum() - fleet.run.hit_tokens[served].sum())
    assert fleet.run.totals.prefill_tokens >= asked
    if not fleet.run.totals.preemptions:
        assert fleet.run.totals.prefill_tokens == asked


def erlang_c(servers: int, load: float) -> float:
    """Mean wait of M/M/c in service times: one queue in front of all servers."""
    offered = servers * load
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1 - load)
    return last / (sum(terms) + last) / (servers * (1 - load))


def dealt_in_turn(servers: int, load: float) -> float:
    """The same where they are dealt out in turn: each server is E_c/M/1, whose wait is s / (1 - s) with
    s = (c load / (c load + 1 - s))^c."""
    s = load
    for _ in range(200):
        s = (servers * load / (servers * load + 1 - s)) ** servers
    return s / (1 - s)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_fleets_wait_as_theory_says(load: float) -> None:
    """In turn: E_c/M/1 within its interval. Least loaded: no better than one common queue, and near it."""
    servers, n, rng = 4, 48_000, np.random.default_rng(int(10 * load))
    arrive = rng.exponential(1 / (servers * load), n).cumsum()
    work = Workload(arrive, exponential_sizes(rng, n), np.ones(n, np.int64))
    one_seat = Limits(1, 1 << 20, 1 << 20, prefix_caching=False)
    turn, least = (
        serve(work, servers, SIZED, one_seat, routing, fast=True).run
        for routing in (Routing.ROUND_ROBIN, Routing.LEAST_LOADED)
    )
    means = [
        np.array([part.mean() for part in np.array_split(run.start_s - run.arrive_s, 40)])
        for run in (turn, least)
    ]
    half = [2.71 * float(mean.std(ddof=1)) / math.sqrt(40) for mean in means]
    assert means[0].mean() == pytest.approx(dealt_in_turn(servers, load), abs=half[0])
    assert half[0] < 0.15 * dealt_in_turn(servers, load)
    common = erlang_c(servers, load)
    assert common - half[1] < means[1].mean() < min(2.2 * common, 0.7 * means[0].mean())


def test_least_loaded_sends_nobody_behind_a_long_job() -> None:
    """One job of 100 steps, then short ones: in turn, every second one would wait behind it."""
    load = Workload(3.0 * np.arange(6.0), np.ones(6, np.int64), np.array([100, 1, 1, 1, 1, 1]))
    one_seat = Limits(1, 64, 100, prefix_caching=False)
    turn = serve(load, 2, flat_cost(1.0), one_seat, Routing.ROUND_ROBIN, fast=False)
    least = serve(load, 2, flat_cost(1.0), one_seat, Routing.LEAST_LOADED, fast=False)
    assert least.replica.tolist() == [0, 1, 1, 1, 1, 1]
    assert np.nanmax(least.run.ttft_s[1:]) == pytest.approx(1.0)
    assert np.nanmax(turn.run.ttft_s[1:]) > 50


def test_prefix_aware_routing_finds_what_others_lose() -> None:
    """Eight conversations over four replicas: each stays where its blocks are."""
    n = 64
    trunk = np.arange(n) % 7  # seven of them, so that dealing in turn sends each everywhere
    ids = (trunk[:, None] * 100 + np.arange(20)).ravel()
    load = Workload(
        2.0 * np.arange(float(n)), np.full(n, 330), np.full(n, 4), 0, 20 * np.arange(n + 1), ids
    )
    limits = Limits(8, 2048, 400)
    hits = {
        routing: int(
            serve(load, 4, flat_cost(0.1), limits, routing, fast=False).run.hit_tokens.sum()
        )
        for routing in Routing
    }
    assert hits[Routing.PREFIX_AWARE] == (n - 7) * 320
    assert hits[Routing.PREFIX_AWARE] > 1.5 * hits[Routing.ROUND_ROBIN]


def bursts() -> tuple[Workload, Limits]:
    """Ten quiet minutes, ten busy, ten quiet."""
    quiet = np.arange(0, 600, 30.0)
    busy = np.arange(600, 1200, 0.25)
    at_s = np.concatenate((quiet, busy, 1200 + quiet))
    n = len(at_s)
    return Workload(at_s, np.full(n, 100), np.full(n, 20)), Limits(4, 2048, 1000)


def scaled_run(start_s: float) -> FleetRun:
    load, limits = bursts()
    scaling = Scaling(target=2.0, start_s=start_s, period_s=15.0, settle_s=120.0)
    return serve(load, 8, flat_cost(0.1), limits, scaling=scaling, window_s=1800.0, fast=False)


def test_autoscaling_follows_the_traffic_and_pays_for_what_it_rents() -> None:
    fleet = scaled_run(60.0)
    rented = fleet.moves[:, 1]
    assert fleet.most == rented.max() > 2
    assert rented[0] == rented[-1] == 1
    times = np.concatenate(([0], fleet.moves[:, 0], [1800]))
    counts = np.concatenate(([1], rented))
    paid = float((np.diff(times) * counts).sum())
    assert float(fleet.paid_s.sum()) == pytest.approx(paid)
    assert paid < 0.7 * 8 * 1800
    assert 0 < fleet.utilisation < 1 and fleet.idle_hours > 0


def test_slow_starts_cost_latency() -> None:
    quick, slow = scaled_run(5.0), scaled_run(300.0)
    assert np.nanpercentile(slow.run.ttft_s, 95) > 3 * np.nanpercentile(quick.run.ttft_s, 95)


def test_a_fixed_fleet_is_paid_for_all_of_its_window() -> None:
    load, limits = bursts()
    fleet = serve(load, 5, flat_cost(0.1), limits, window_s=3600.0, fast=False)
    assert fleet.paid_s.tolist() == [3600.0] * 5 and fleet.most == 5
    assert fleet.idle_hours == pytest.approx(5 - fleet.busy_s.sum() / 3600)


@pytest.mark.parametrize(
    ("replicas", "scaling"),
    [(0, None), (2, Scaling(minimum=3)), (2, Scaling(target=0.0)), (2, Scaling(minimum=0))],
)
def test_a_fleet_that_cannot_be(replicas: int, scaling: Scaling | None) -> None:
    load, limits = bursts()
    with pytest.raises(UsageError):
        serve(load, replicas, flat_cost(0.1), limits, scaling=scaling)
