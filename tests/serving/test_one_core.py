"""Operating points, fleets, break-even, speculation: one discrete-event core, one step model, no other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from costopt.money import pico
from costopt.serving import predict
from costopt.serving.arrivals import Arrivals
from costopt.serving.break_even import BreakEven, Problem, break_even
from costopt.serving.core import run as core_run
from costopt.serving.core.plain import PlainReplica
from costopt.serving.core.terms import StepCost, Totals
from costopt.serving.deployment import Deployed, Wish, deploy
from costopt.serving.fleet import run as fleet_run
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.fleet.slo import Slo
from costopt.serving.fleet.terms import Routing
from costopt.serving.harness import PLAIN
from costopt.serving.models import shape
from costopt.serving.rents import Rent, Rents
from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.step import StepModel

RENTS = Rents(dt.date(2026, 11, 25), {"l4": 0.72})
LLAMA = shape("llama-3.1-8b")
DRAFTS = Drafts("ngram", 3, Acceptance((0.7,), 0.5), "assumed")


def traffic(n: int = 24) -> Arrivals:
    rng = np.random.default_rng(3)
    at_s = np.sort(rng.uniform(0, 60, n))
    return Arrivals(at_s, rng.integers(50, 900, n), rng.integers(2, 20, n), np.arange(n), 60.0)


def a_point(fast: bool) -> list[Totals]:
    point = predict.Point(LLAMA, "l4", "vllm", "", 200, 20, concurrency=4)
    run = predict.answer(point, fast=fast).run
    assert run is not None
    return [run.totals]


def a_fleet(fast: bool, drafts: Drafts | None = None, replicas: int = 2) -> list[Totals]:
    wish = Wish(LLAMA, "l4", tensor_parallel=1, replicas=replicas, drafts=drafts)
    found = deploy(traffic(), wish, RENTS, fast=fast)
    assert isinstance(found, Deployed)
    return [found.fleet.run.totals]


def a_search(fast: bool) -> list[Totals]:
    found = deploy(
        traffic(), Wish(LLAMA, "l4", tensor_parallel=1, slo=Slo(ttft_s=2.0)), RENTS, fast=fast
    )
    assert isinstance(found, Deployed)
    return [found.fleet.run.totals]


def a_gain(fast: bool) -> list[Totals]:
    """What speculation gains on a fleet is two runs of it."""
    return a_fleet(fast) + a_fleet(fast, DRAFTS)


def an_even_point(fast: bool) -> list[Totals]:
    found = deploy(traffic(), Wish(LLAMA, "l4", tensor_parallel=1, replicas=1), RENTS, fast=fast)
    rent = RENTS.rent("l4")
    assert isinstance(found, Deployed) and isinstance(rent, Rent)
    problem = Problem(traffic(), found.one, Slo(ttft_s=9.0, percentile=50.0), rent, pico("30.00"))
    assert isinstance(break_even(problem, sizes=(1,), fast=fast), BreakEven)
    return []


ASKED: list[Callable[[bool], list[Totals]]] = [a_point, a_fleet, a_search, a_gain, an_even_point]


@pytest.mark.parametrize("ask", ASKED)
def test_every_event_is_a_step_of_the_core(
    ask: Callable[[bool], list[Totals]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain core's steps, counted as they happen, are the events that the runs report."""
    steps, reported = [0], list[Totals]()
    step = PlainReplica.step

    def counted(self: PlainReplica) -> None:
        steps[0] += 1
        step(self)

    def noted(made: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            found = made(*args)
            reported.append(getattr(found, "run", found).totals)
            return found

        return run

    monkeypatch.setattr(PlainReplica, "step", counted)
    monkeypatch.setattr(core_run, "_plain", noted(core_run._plain))
    monkeypatch.setattr(fleet_run, "_plain", noted(fleet_run._plain))
    own = ask(False)
    assert steps[0] == sum(totals.events for totals in reported) > 0
    assert all(totals in reported for totals in own)


@pytest.mark.parametrize("ask", ASKED)
def test_nothing_is_answered_without_the_core(
    ask: Callable[[bool], list[Totals]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Exception):
        pass

    def broken(*args: Any) -> None:
        raise Broken

    monkeypatch.setattr(PlainReplica, "step", broken)
    with pytest.raises(Broken):
        ask(False)


@pytest.mark.parametrize("ask", ASKED)
def test_the_compiled_core_is_the_only_other_one(
    ask: Callable[[bool], list[Totals]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    from costopt.serving.core import kernel
    from costopt.serving.fleet.kernel import route_all

    calls = {"one": 0, "fleet": 0}

    def counted(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            calls[name] += 1
            return made(*args)

        return run

    def plain(self: PlainReplica) -> None:
        raise AssertionError("asked for the compiled core")

    monkeypatch.setattr(kernel, "run_all", counted("one", kernel.run_all))
    routed = "costopt.serving.fleet.states.route_all"
    monkeypatch.setattr(routed, counted("fleet", route_all))
    monkeypatch.setattr(PlainReplica, "step", plain)
    ask(True)
    assert sum(calls.values()) > 0
    assert (calls["fleet"] > 0) == (ask in (a_fleet, a_search, a_gain))


def doubled(made: Callable[..., StepCost]) -> Callable[..., StepCost]:
    def cost(self: StepModel, *sizes: int) -> StepCost:
        found = made(self, *sizes)
        rates = {name: 2 * getattr(found, name) for name in found._fields[:-1] if name != "window"}
        return found._replace(**rates)

    return cost


def test_one_step_model_stands_behind_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the seconds of every step: twice the busy seconds of every answer."""
    before = [totals.busy_s for ask in (a_point, a_fleet) for totals in ask(False)]
    monkeypatch.setattr(StepModel, "cost", doubled(StepModel.cost))
    after = [totals.busy_s for ask in (a_point, a_fleet) for totals in ask(False)]
    assert after[0] == pytest.approx(2 * before[0], rel=0.02)
    assert after[1] > 1.5 * before[1]  # a slower fleet has company in more of its steps


def test_a_point_and_a_fleet_of_one_agree() -> None:
    """Requests far apart on a fleet take what an operating point of one request in flight takes."""
    n = 12
    apart = Arrivals(
        100.0 * np.arange(float(n)), np.full(n, 512), np.full(n, 64), np.arange(n), 100.0 * n
    )  # fmt: skip
    wish = Wish(LLAMA, "l4", tensor_parallel=1, replicas=1, routing=Routing.ROUND_ROBIN)
    fleet = deploy(apart, wish, RENTS, fast=False)
    exactly = replace(PLAIN, shortest=1.0, longest=1.0)
    asked = predict.Point(LLAMA, "l4", "vllm", "", 512, 64)
    point = predict.answer(asked, driven=exactly, fast=False)
    assert isinstance(fleet, Deployed)
    run = fleet.fleet.run
    assert 1e3 * float(run.tpot_s.mean()) == pytest.approx(point.tpot_ms)
    assert 1e3 * float(run.ttft_s.mean()) == pytest.approx(point.ttft_ms)


def test_a_models_name_changes_nothing() -> None:
    named = replace(LLAMA, name="nobody-knows-this")
    wish = Wish(LLAMA, "l4", tensor_parallel=1, replicas=2)
    one, other = (
        deploy(traffic(), replace(wish, shape=made), RENTS, fast=False) for made in (LLAMA, named)
    )
    assert isinstance(one, Deployed) and isinstance(other, Deployed)
    np.testing.assert_array_equal(one.fleet.run.end_s, other.fleet.run.end_s)
    assert one.cost == other.cost
