"""Layers behind layers: steps that sum to the whole, sweeps that equal single runs, prices that scale."""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import numpy as np
import pytest

from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.growth import StepSums
from costopt.engine.outcome import InProcess, Outcome
from costopt.engine.policy import Policy
from costopt.engine.run import saved_pusd, waterfall
from costopt.engine.sweep import sweep
from costopt.layers.base import Layer
from costopt.layers.discover import layer_names
from tests.laws.trials import Trial, each_layer, each_on_a_world, settings_of, trials_of
from tests.laws.worlds import LawBook, World, worlds
from tests.layers.case import Case
from tests.layers.context import Builders, evaluator_of

WORLDS = [pytest.param(w, id=w.name) for w in worlds()]


def together() -> tuple[Layers, dict[str, Any]]:
    """The first story's layer of each, in the usual order, and what their artifacts are made by."""
    chosen: list[Layer] = []
    more: dict[str, Any] = {}
    for name in layer_names():
        for case in settings_of(name)[:1]:
            chosen.append(case.layer)
            more.update(case.builders)
    return tuple(chosen), more


def composed(world: World, factor: int = 1) -> Evaluator:
    return evaluator_of(
        world.trace, texts=world.texts, prices=LawBook(factor), builder=Builders(together()[1])
    )


def equal(a: Outcome | StepSums, b: Outcome | StepSums) -> bool:
    return all(
        np.array_equal(x, y)
        if isinstance(x, np.ndarray)
        else equal(x, y)
        if isinstance(x, StepSums)
        else x == y
        for x, y in ((getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
        if not isinstance(x, dict) or not any(isinstance(v, np.ndarray) for v in x.values())
    )


@pytest.mark.parametrize("world", WORLDS)
def test_telescoping(world: World) -> None:
    """The waterfall's steps sum exactly to first minus last, overhead included."""
    layers, _ = together()
    executor = InProcess(composed(world))
    steps = waterfall(executor, layers)
    first, last = executor.outcomes([(), layers])
    assert (
        sum(s.step_pusd for s in steps) == saved_pusd(steps) == first.total_pusd - last.total_pusd
    )
    assert sum(s.overhead_pusd for s in steps) == last.overhead_pusd


@pytest.mark.parametrize("world", WORLDS)
def test_an_order_is_run_from_any_beginning(world: World) -> None:
    """What was kept of other lists of layers changes nothing: a fresh evaluator gives the same."""
    layers, _ = together()
    warm = InProcess(composed(world))
    warm.outcomes([layers[i:] for i in range(len(layers))])
    (a,), (b,) = warm.outcomes([layers]), InProcess(composed(world)).outcomes([layers])
    assert equal(a, b)


@each_on_a_world
def test_sweep(trial: Trial) -> None:
    """Settings tried one after the other on one evaluator, each as on a fresh one."""
    layers = trial.layers
    neutral = (*trial.case.before, dataclasses.replace(trial.layer, **type(trial.layer).NEUTRAL))  # type: ignore[type-var]
    swept = InProcess(trial.evaluator).outcomes([layers, neutral, layers])
    alone = InProcess(trial.fresh()).outcomes([layers])[0]
    assert equal(swept[0], alone) and equal(swept[2], alone)


@each_layer
def test_a_sweep_is_single_runs(name: str) -> None:
    """Over the settings that the stories give numbers to, each point as on a fresh evaluator."""
    first, *_ = found = settings_of(name)
    grid = {f"{name}.{setting}": values for setting, values in numbers(found).items()}
    trial = next(t for t in trials_of(name) if t.world is not None)
    swept = sweep(InProcess(trial.evaluator), Policy(first.layers), grid)
    points = list(product(*grid.values()))
    assert len(swept.points) == len(points)
    for point, values in zip(swept.points, points, strict=True):
        changed = {k.rpartition(".")[2]: v for k, v in zip(grid, values, strict=True)}
        layers = (*first.before, dataclasses.replace(first.layer, **changed))  # type: ignore[type-var]
        assert point.projected_pusd == trial.fresh().value(layers)


def numbers(found: list[Case]) -> dict[str, list[Any]]:
    """Up to two settings whose numbers differ among the stories, with three of their values."""
    out: dict[str, list[Any]] = {}
    for f in dataclasses.fields(found[0].layer):  # type: ignore[arg-type]
        values = {getattr(case.layer, f.name) for case in found}
        if len(values) > 1 and all(type(v) in (int, float) for v in values):
            out[f.name] = sorted(values)[:3]
    return dict(list(out.items())[:2])


@each_on_a_world
def test_scale(trial: Trial) -> None:
    """Prices twice as high are twice the bill and twice the savings; settings in dollars go along."""
    layers = tuple(doubled(layer) for layer in trial.layers)
    one, two = trial.evaluator, trial.fresh(LawBook(2))
    assert two.value(()) == 2 * one.value(())
    assert two.value(layers) == 2 * one.value(trial.layers)


def doubled(layer: Any) -> Any:
    """The layer with its settings in dollars twice as high: a budget, the fee of a query."""
    more = {
        f.name: getattr(layer, f.name) * 2
        for f in dataclasses.fields(layer)
        if "usd" in f.name.split("_") and getattr(layer, f.name) is not None
    }
    return dataclasses.replace(layer, **more)
