"""A grid over settings: every point is what `simulate` says with it, and costs only what differs.

Points are asked so that those which begin alike are neighbours: the layers before the first swept one
run once, artifacts are built once by content, and of each point only the swept layer and what follows
it run again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from costopt.engine.evaluate import Layers
from costopt.engine.outcome import Executor
from costopt.engine.pareto import pareto_front
from costopt.engine.policy import Policy
from costopt.engine.project import step_row
from costopt.engine.remembered import Remembered
from costopt.engine.risk import policy_risk
from costopt.engine.run import Step, waterfall
from costopt.engine.settings import plain, setting_names, with_setting
from costopt.errors import UsageError, nearest
from costopt.layers.discover import name_of
from costopt.money import PicoUsd, usd_float

SCHEMA = "costopt.sweep/1"
POINTS_AT_ONCE = 16
"""Asked of the executor together, so that several processes have something to do."""
_KEY = re.compile(r"(\w+)(?:\[(\d+)\])?\.(\w+)")


@dataclass(frozen=True)
class SweepPoint:
    """A policy with one choice of the swept settings."""

    settings: Mapping[str, Any]
    """Swept setting (`window.turns`) to its value here."""
    projected_pusd: PicoUsd
    savings_pusd: PicoUsd
    risk: float
    """Upper bound of the share of charged calls whose answer may differ; see `engine/risk.py`."""
    unmeasured: tuple[str, ...]
    """Layers that no risk is known of: all calls that they change are in `risk`."""
    layers: list[dict[str, Any]]
    """As in a projection, without what needs other lists of layers (solo, without, Shapley)."""

    def to_json(self) -> dict[str, Any]:
        return {
            "settings": plain(self.settings),
            "projected_usd": usd_float(self.projected_pusd),
            "savings_usd": usd_float(self.savings_pusd),
            "risk": self.risk,
            "unmeasured": list(self.unmeasured),
            "layers": self.layers,
        }


@dataclass(frozen=True)
class SweepResult:
    """All points in the order of the grid: the last setting given varies fastest."""

    baseline_pusd: PicoUsd
    points: list[SweepPoint]

    @property
    def front(self) -> list[int]:
        """Points that no other one beats in both dollars and risk, from the cheapest to the safest."""
        return pareto_front([p.projected_pusd for p in self.points], [p.risk for p in self.points])

    def to_json(self) -> dict[str, Any]:
        """`costopt.sweep/1`."""
        return {
            "schema": SCHEMA,
            "baseline_usd": usd_float(self.baseline_pusd),
            "points": [point.to_json() for point in self.points],
            "pareto": self.front,
        }


def sweep(executor: Executor, policy: Policy, grid: Mapping[str, Sequence[Any]]) -> SweepResult:
    """`grid`: `layer.setting` (`layer[2].setting`: the second of that name) to values of its type.

    Raises UsageError for a layer or setting that is not there, with the nearest name.
    """
    axes = [_place(policy.layers, key) for key in grid]
    points = []
    for values in product(*grid.values()):
        layers = policy.layers
        for (place, setting), value in zip(axes, values, strict=True):
            layers = with_setting(layers, place, setting, value)
        points.append((dict(zip(grid, values, strict=True)), layers))
    return sweep_points(executor, points)


def sweep_points(
    executor: Executor, points: Sequence[tuple[Mapping[str, Any], Layers]]
) -> SweepResult:
    """Policies that differ in some settings, given with them."""
    asking = Remembered(executor)
    (base,) = asking.outcomes([()])
    done: dict[int, SweepPoint] = {}
    order = _alike_beside_each_other([layers for _, layers in points])
    for start in range(0, len(order), POINTS_AT_ONCE):
        part = order[start : start + POINTS_AT_ONCE]
        lists = (points[i][1] for i in part)
        asking.outcomes([layers[:k] for layers in lists for k in range(len(layers) + 1)])
        for i in part:
            settings, layers = points[i]
            done[i] = _point(settings, waterfall(asking, layers), base.total_pusd)
    return SweepResult(base.total_pusd, [done[i] for i in range(len(points))])


def _alike_beside_each_other(lists: Sequence[Layers]) -> list[int]:
    """Points sorted by their layers, each layer by the order in which it first came up at its place."""
    seen: dict[tuple[int, Any], int] = {}
    keys = [
        tuple(seen.setdefault((k, layer), len(seen)) for k, layer in enumerate(layers))
        for layers in lists
    ]
    return sorted(range(len(lists)), key=lambda i: keys[i])


def _point(settings: Mapping[str, Any], steps: list[Step], base: PicoUsd) -> SweepPoint:
    after = steps[-1].after.total_pusd if steps else base
    risk = policy_risk(steps)
    rows = [step_row(step) for step in steps]
    return SweepPoint(settings, after, PicoUsd(base - after), risk.upper, risk.unmeasured, rows)


def _place(layers: Layers, key: str) -> tuple[int, str]:
    """(place in the policy, setting) that a key of the grid names."""
    found = _KEY.fullmatch(key)
    if found is None:
        raise UsageError(f"`{key}` is no setting.", where="sweep", hint="Write layer.setting.")
    name, number, setting = found[1], found[2], found[3]
    places = [i for i, layer in enumerate(layers) if name_of(layer) == name]
    if not places:
        names = [name_of(layer) for layer in layers]
        hint = f"{nearest(name, names)} The policy has: {', '.join(names)}.".strip()
        raise UsageError(f"the policy has no layer `{name}`.", where=key, hint=hint)
    if number is None and len(places) > 1:
        hint = f"Write {name}[1].{setting} for the first of them."
        raise UsageError(f"`{name}` stands {len(places)} times.", where=key, hint=hint)
    index = int(number or 1)
    if not 1 <= index <= len(places):
        raise UsageError(f"there are {len(places)} layers `{name}`.", where=key)
    known = setting_names(layers[places[0]])
    if setting not in known:
        hint = f"{nearest(setting, known)} Settings: {', '.join(known)}.".strip()
        raise UsageError(f"`{name}` has no setting `{setting}`.", where=key, hint=hint)
    return places[index - 1], setting
