"""The cheapest fleet that does what is wished: groups of GPUs, drafts, autoscaling, its own words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from costopt.money import usd
from costopt.serving.arrivals import Arrivals
from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Workload
from costopt.serving.deployment import Deployed, Undeployed, Wish, deploy
from costopt.serving.fleet.drafts import BY_LOAD, Drafts
from costopt.serving.fleet.replica import Replica, replica
from costopt.serving.fleet.size import search, smallest
from costopt.serving.fleet.slo import Slo
from costopt.serving.fleet.terms import FleetRun, Scaling
from costopt.serving.models import shape
from costopt.serving.rents import Rents, Terms
from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.costs import costs, memory
from costopt.serving.speculation.load import Yield
from costopt.serving.speculation.methods import method
from tests.serving.test_fleet_size import run_with
from tests.serving.worlds import traffic

numba = pytest.importorskip("numba")
DAY = dt.date(2026, 11, 25)
OWN = Rents(DAY, {"l4": [0.36, 0.72, 1.44], "h100": {"on_demand": 3.6, "spot": 1.8}})
LLAMA = shape("llama-3.1-8b")
SLO = Slo(ttft_s=4.0, tpot_s=0.3)
NGRAM = Drafts("ngram", 4, Acceptance((0.6,), 0.4), "assumed")
EAGLE = Drafts("eagle3", 5, Acceptance.constant(0.65), "assumed")


def deployed(arrivals: Arrivals, wish: Wish) -> Deployed:
    found = deploy(arrivals, wish, OWN, fast=True)
    assert isinstance(found, Deployed), found
    return found


def test_the_cheapest_group_is_found_though_dearer_ones_are_left_out() -> None:
    wish = Wish(LLAMA, "l4", slo=SLO)
    best = deployed(traffic(), wish)
    each = [deployed(traffic(), replace(wish, tensor_parallel=g)) for g in (1, 2, 4, 8)]
    assert best.cost.day.typical_pusd == min(one.cost.day.typical_pusd for one in each)
    assert best.gpus == min(one.gpus for one in each)
    given = deployed(traffic(), replace(wish, replicas=3))
    assert (given.replicas, given.one.gpus, given.sized) == (3, 1, None)


def test_a_group_that_cannot_is_told() -> None:
    found = deployed(traffic(40), Wish(shape("llama-3.1-70b"), "h100", slo=Slo(ttft_s=30.0)))
    assert found.one.gpus > 1
    assert any("does not fit one GPU of h100" in one.reason for one in found.others)
    never = deploy(traffic(40), Wish(LLAMA, "l4", slo=Slo(ttft_s=0.01)), OWN)
    assert isinstance(never, Undeployed) and "even alone" in never.reason


@pytest.mark.parametrize("truth", [1, 2, 3, 7, 8, 30, 64, 65])
@pytest.mark.parametrize("start", [1, 2, 7, 40, 64])
def test_the_search_finds_the_smallest_wherever_it_begins(truth: int, start: int) -> None:
    tried: list[int] = []

    def run(replicas: int) -> FleetRun:
        tried.append(replicas)
        made = run_with(np.full(400, 0.1 if replicas >= truth else 9.0))
        return FleetRun(made, np.zeros(400, np.int64), np.zeros(1), np.zeros(1), replicas)

    found = search(run, Slo(ttft_s=1.0), 64, start)
    assert len(set(tried)) == len(tried) and max(tried) <= 64
    if truth > 64:
        assert found.reason == "64 replicas do not keep it either"  # type: ignore[union-attr]
    else:
        assert found.replicas == found.at_least == found.at_most == truth  # type: ignore[union-attr]
        assert len(tried) <= 2 + 2 * abs(truth - start).bit_length()


def test_the_rent_of_a_part_of_a_day_is_exact() -> None:
    """Two L4 at $0.72 for 40 seconds, and a day of them."""
    cost = deployed(traffic(), Wish(LLAMA, "l4", tensor_parallel=1, replicas=2)).cost
    assert usd(cost.window.typical_pusd) == Decimal("0.72") * 2 * 40 / 3600
    assert (usd(cost.day.typical_pusd), cost.gpu_seconds) == (Decimal("34.56"), 172_800)
    assert 2 * cost.window.low_pusd == cost.window.typical_pusd
    long = deployed(replace(traffic(), span_s=129_600.0), Wish(LLAMA, "l4", replicas=2))
    assert usd(long.cost.window.typical_pusd) == Decimal("0.72") * 2 * 36
    assert usd(long.cost.day.typical_pusd) == Decimal("34.56")


def arriving(at_s: np.ndarray) -> Arrivals:
    """An hour of short questions at these seconds."""
    rng, n = np.random.default_rng(2), len(at_s)
    return Arrivals(
        np.sort(at_s), rng.integers(500, 1500, n), rng.integers(20, 60, n), np.arange(n), 3600.0
    )  # fmt: skip


BURST = arriving(np.concatenate((np.arange(0, 3600, 10.0), np.arange(2000, 2600, 0.085))))
"""Quiet, then a hundred times as much for ten minutes."""
RISE = arriving(3600 * np.sqrt(np.random.default_rng(1).random(16_000)))
"""More and more, evenly."""


def test_an_autoscaled_fleet_that_would_start_too_late_starts_earlier() -> None:
    wish = Wish(LLAMA, "l4", tensor_parallel=1, slo=SLO)
    fixed = deployed(RISE, wish)
    assert fixed.replicas > 2 and fixed.keeps and fixed.scaling is None
    late = replace(wish, scaling=Scaling(target=48.0, start_s=300.0), replicas=fixed.replicas)
    assert not deployed(RISE, late).keeps, "a number that is given is taken as it is"
    kept = deployed(RISE, replace(late, replicas=0))
    assert kept.keeps and kept.scaled and not kept.scaled.as_asked and kept.scaling
    assert kept.scaling.target < 48.0 or kept.scaling.minimum > 1
    assert "comes too late for the level" in " ".join(kept.notes)
    assert kept.cost.window.typical_pusd < fixed.cost.window.typical_pusd
    as_kept = deployed(RISE, replace(wish, scaling=kept.scaling))
    assert as_kept.scaled and as_kept.scaled.as_asked and as_kept.cost == kept.cost
    quick = deployed(RISE, replace(wish, scaling=Scaling(target=3.0, start_s=1.0)))
    assert quick.keeps and quick.scaled and quick.scaled.as_asked and quick.notes == ()


def test_an_autoscaled_fleet_that_saves_nothing_is_told_from_one_that_does() -> None:
    """Arrivals that are the same all day need the same machines all day."""
    even = arriving(np.arange(0, 3600, 0.25))
    wish = Wish(LLAMA, "l4", tensor_parallel=1, slo=SLO)
    found = deployed(even, replace(wish, scaling=Scaling(target=2.0, start_s=60.0)))
    assert found.keeps and found.cost.gpu_seconds >= deployed(even, wish).cost.gpu_seconds
    assert "stand all day cost no more" in " ".join(found.notes)


def test_a_minimum_above_the_fixed_fleet_stands() -> None:
    few = arriving(np.arange(0, 3600, 60.0))
    wish = Wish(LLAMA, "l4", tensor_parallel=1, slo=SLO, scaling=Scaling(minimum=3))
    assert deployed(few, wish).replicas == 3


def test_what_no_autoscaling_keeps_is_said() -> None:
    """Replicas that start within five minutes are no help against a burst of ten."""
    wish = Wish(
        LLAMA, "l4", tensor_parallel=1, slo=SLO, scaling=Scaling(target=64.0, start_s=300.0)
    )
    found = deployed(BURST, wish)
    assert not found.keeps and found.scaled and found.scaling == wish.scaling
    assert found.sized and found.sized.replicas > 2
    (note,) = found.notes
    assert f"{found.sized.replicas} replicas that stand all day do" in note


def test_what_is_not_simulated_is_said() -> None:
    wish = Wish(LLAMA, "h100", tensor_parallel=1, replicas=1)
    assert deployed(traffic(20), wish).notes == ()
    (engine,) = deployed(traffic(20), replace(wish, engine="sglang")).notes
    assert "under vLLM's scheduling rules" in engine
    (spot,) = deployed(traffic(20), replace(wish, terms=Terms.SPOT)).notes
    assert "taken away" in spot
    own = Rents(DAY, {"h100": {"reserved": 1.8}})
    reserved = deploy(traffic(20), replace(wish, terms=Terms.RESERVED), own, fast=True)
    assert isinstance(reserved, Deployed) and reserved.cost.gpu_seconds == 86_400
    assert "paid day and night: 1 GPU" in " ".join(reserved.notes)
    (drafts,) = deployed(traffic(20), replace(wish, drafts=replace(EAGLE, draft_tokens=0))).notes
    assert "tested" in drafts


def of(gpu_name: str, drafts: Drafts | None, arrivals: Arrivals | None = None) -> Replica:
    return replica(LLAMA, gpu_name, arrivals or traffic(), tensor_parallel=1, drafts=drafts)


@pytest.mark.parametrize("name", ["eagle3", "draft_model"])
def test_a_drafter_takes_its_memory_from_the_cache(name: str) -> None:
    draft = shape("llama-3.2-1b") if name == "draft_model" else None
    bare, one = (
        of("l4", None),
        of("l4", Drafts(name, 3, Acceptance.constant(0.6), "assumed", draft)),
    )
    beside = memory(one.model, method(name), one.drafter)
    each = bare.room.kv_bytes_per_token
    assert one.room.kv_bytes_per_token == pytest.approx(each + beside.kv_bytes_per_token)
    left = bare.room.kv_tokens * each - beside.weight_bytes
    wanted = left / (each + beside.kv_bytes_per_token)
    assert beside.weight_bytes > 1e8 and one.room.kv_tokens == pytest.approx(wanted, abs=32)
    assert of("l4", NGRAM).room == bare.room, "texts that are there take no memory"
    with pytest.raises(Exception, match="does not fit"):
        tight = Drafts("draft_model", 3, Acceptance.constant(0.6), "assumed", shape("qwen3-8b"))
        replica(shape("llama-3.1-8b"), "l4", traffic(), tensor_parallel=1, drafts=tight)


OUTPUT = 600
ANSWERS = replace(traffic(), prompt_tokens=np.ones(260, int), output_tokens=np.full(260, OUTPUT))
"""Nothing but decoding, so that the arithmetic of a full batch holds."""


def speed(one: Replica, concurrency: int) -> float:
    """Tokens a second of such answers, so many always asked for."""
    n = max(3 * concurrency, 8)
    load = Workload(np.zeros(0), np.ones(n, np.int64), np.full(n, OUTPUT), concurrency)
    return simulate(load, one.cost, one.limits._replace(frontend_s=0.0), fast=True).tokens_per_s


@pytest.mark.parametrize("concurrency", [1, 16, 128])
@pytest.mark.parametrize("drafts", [NGRAM, EAGLE])
def test_a_replica_gains_what_the_arithmetic_says(drafts: Drafts, concurrency: int) -> None:
    """A look-up that drafts in two of five steps verifies its mean, not its nominal length."""
    one, bare = of("h100", drafts, ANSWERS), of("h100", None, ANSWERS)
    step = Yield.of(drafts.acceptance, drafts.draft_tokens)
    said = costs(one.model, method(drafts.method), OUTPUT / 2).gain(step, concurrency)
    assert speed(one, concurrency) / speed(bare, concurrency) == pytest.approx(said, rel=0.03)


@pytest.mark.parametrize("drafts", [NGRAM, EAGLE])
def test_the_gain_falls_with_load_and_a_schedule_never_loses(drafts: Drafts) -> None:
    loads = (1, 16, 64, 256, 700)
    bare = of("h100", None, ANSWERS)
    fixed = of("h100", replace(drafts, draft_tokens=6), ANSWERS)
    follows = of("h100", replace(drafts, draft_tokens=BY_LOAD), ANSWERS)
    plain = [speed(bare, c) for c in loads]
    gains = [speed(fixed, c) / t for c, t in zip(loads, plain, strict=True)]
    assert gains == sorted(gains, reverse=True) and gains[0] > 1.2 and gains[-1] < 0.9
    best = [speed(follows, c) / t for c, t in zip(loads, plain, strict=True)]
    kept_up = 0.0 if drafts is NGRAM else 0.08
    assert min(best) > 0.98 - kept_up, "what a head's own cache costs to keep up, and nothing else"
    assert all(b > 0.98 * g for b, g in zip(best, gains, strict=True))
    rows = follows.served.draft_schedule
    assert rows[0][0] == 1 and rows[-1][1] == follows.engine.max_num_seqs
    lengths = [row[2] for row in rows]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > lengths[-1]


def test_drafts_that_never_pay_are_not_drafted() -> None:
    hopeless = Drafts("draft_model", BY_LOAD, Acceptance.constant(0.02), "assumed", LLAMA)
    one, bare = of("h100", hopeless, ANSWERS), of("h100", None, ANSWERS)
    assert one.served.draft_schedule == ((1, 1024, 0),)
    assert one.room == bare.room and speed(one, 8) == speed(bare, 8)


def test_a_fleet_of_scheduled_drafts_is_the_plain_twins() -> None:
    wish = Wish(LLAMA, "h100", tensor_parallel=1, replicas=2, drafts=replace(EAGLE, draft_tokens=0))
    fast, plain = (deploy(traffic(60, 4.0), wish, OWN, fast=how) for how in (True, False))
    assert isinstance(fast, Deployed) and isinstance(plain, Deployed)
    np.testing.assert_array_equal(fast.fleet.replica, plain.fleet.replica)
    np.testing.assert_allclose(fast.fleet.run.end_s, plain.fleet.run.end_s)


def test_sizing_is_the_same_every_time() -> None:
    one = of("l4", None)
    first, again = (smallest(traffic(), one, SLO, fast=True) for _ in range(2))
    assert first.tried == again.tried and first.replicas == again.replicas  # type: ignore[union-attr]
