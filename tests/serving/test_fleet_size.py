"""The smallest fleet: monotone in load and level, honest about what the simulation cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from costopt.errors import UsageError
from costopt.serving.arrivals import Arrivals
from costopt.serving.arrivals_scaled import scaled
from costopt.serving.core.terms import Run, Totals
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.fleet.replica import Replica, replica
from costopt.serving.fleet.size import Sized, Unsized, smallest
from costopt.serving.fleet.slo import Slo, Verdict, attained, verdict
from costopt.serving.fleet.terms import Routing
from costopt.serving.models import shape
from costopt.serving.speculation.arithmetic import Acceptance
from tests.serving.worlds import traffic


def llama_8b_on(gpu_name: str, arrivals: Arrivals) -> Replica:
    return replica(shape("llama-3.1-8b"), gpu_name, arrivals)


def size_of(arrivals: Arrivals, slo: Slo, routing: Routing = Routing.LEAST_LOADED) -> int:
    found = smallest(arrivals, llama_8b_on("l4", arrivals), slo, routing, fast=True)
    assert isinstance(found, Sized), found
    return found.replicas


def test_more_traffic_never_needs_fewer() -> None:
    slo = Slo(ttft_s=3.0, tpot_s=0.3)
    sizes = [size_of(scaled(traffic(), scale), slo) for scale in (0.25, 0.5, 1.0, 2.0, 4.0)]
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]


@pytest.mark.parametrize("routing", [Routing.ROUND_ROBIN, Routing.LEAST_LOADED])
def test_a_stricter_level_never_needs_fewer(routing: Routing) -> None:
    limits = (30.0, 10.0, 5.0, 3.0, 2.0)
    sizes = [size_of(traffic(), Slo(e2e_s=3 * s, ttft_s=s), routing) for s in limits]
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]
    stricter = [size_of(traffic(), Slo(ttft_s=3.0, percentile=p)) for p in (50, 90, 95, 99)]
    assert stricter == sorted(stricter)


def test_the_fleet_found_keeps_it_and_one_less_does_not() -> None:
    arrivals = traffic()
    found = smallest(arrivals, llama_8b_on("l4", arrivals), Slo(ttft_s=3.0), fast=True)
    assert isinstance(found, Sized)
    tried = dict(found.tried)
    assert tried[found.replicas].keeps and not tried[found.replicas - 1].keeps
    assert found.at_least <= found.replicas <= (found.at_most or 99)
    assert all(level.share >= 0.95 for level in found.levels)


def test_what_no_fleet_can_do_is_said_at_once() -> None:
    arrivals = traffic()
    found = smallest(arrivals, llama_8b_on("l4", arrivals), Slo(ttft_s=0.01))
    assert isinstance(found, Unsized)
    assert found.reason.startswith("even alone, TTFT at the 95th percentile is")
    few = smallest(arrivals, llama_8b_on("l4", arrivals), Slo(ttft_s=3.0), most=1)
    assert few == Unsized("1 replica does not keep it either", 1)


def test_requests_that_never_fit_are_missed_not_forgotten() -> None:
    arrivals = traffic()
    one = llama_8b_on("l4", arrivals)
    long = replace(arrivals, prompt_tokens=np.full(arrivals.n, 200_000))
    found = smallest(long, one, Slo(ttft_s=100.0))
    assert found == Unsized("100.0% of the requests do not fit into its KV cache")


def test_a_group_of_gpus_is_the_smallest_that_holds_the_model() -> None:
    arrivals = traffic()
    assert replica(shape("llama-3.1-70b"), "a100", arrivals).gpus == 2
    assert replica(shape("llama-3.1-70b"), "h200", arrivals).gpus in (1, 2)
    with pytest.raises(UsageError, match="does not fit 8 GPUs of a10g"):
        replica(shape("llama-3.1-405b"), "a10g", arrivals)
    with pytest.raises(UsageError, match="does not fit one GPU of a10g"):
        replica(shape("mixtral-8x7b"), "a10g", arrivals, tensor_parallel=1)


def test_speculation_lengthens_steps_and_gains_tokens() -> None:
    arrivals = traffic()
    one = llama_8b_on("h100", arrivals)
    drafted = replace(one, drafts=Drafts("eagle3", 3, Acceptance.constant(0.6), "assumed"))
    assert drafted.cost.head_s[4] > one.cost.head_s[4]
    assert drafted.limits.draft_tokens == 3
    assert drafted.limits.tokens_per_step == pytest.approx(1 + 0.6 + 0.36 + 0.216)


def run_with(ttft_s: np.ndarray) -> Run:
    n = len(ttft_s)
    zero = np.zeros(n)
    return Run(
        zero, zero, ttft_s, ttft_s + 1.0, np.zeros(n, np.int64), np.full(n, 11),
        Totals(0, 0, 0, 0, 0, 0.0),
    )  # fmt: skip


def test_an_interval_of_the_share_decides_how_sure_a_verdict_is() -> None:
    rng = np.random.default_rng(0)
    slo = Slo(ttft_s=1.0)
    for missing, says in (
        (0.0, Verdict.KEPT), (0.045, Verdict.PROBABLY_KEPT), (0.055, Verdict.PROBABLY_MISSED),
        (0.5, Verdict.MISSED),
    ):  # fmt: skip
        late = np.zeros(1000)
        late[: int(1000 * missing)] = 2.0
        assert verdict(run_with(rng.permutation(late)), slo) == says


def test_slow_requests_in_one_cluster_are_less_sure_than_scattered_ones() -> None:
    late = np.zeros(2000)
    late[500:580] = 2.0
    scattered = np.random.default_rng(1).permutation(late)
    (one,), (other,) = (
        attained(run_with(late), Slo(ttft_s=1.0)),
        attained(run_with(scattered), Slo(ttft_s=1.0)),
    )
    assert one.share == other.share == 0.96
    assert one.high - one.low > 1.5 * (other.high - other.low)


def test_levels_that_make_no_sense() -> None:
    for wrong in ({"ttft_s": 0.0}, {"percentile": 0.0}, {"percentile": 101.0}):
        with pytest.raises(UsageError):
            Slo(**wrong)
