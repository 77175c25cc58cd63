"""What the laws run on: every discovered layer with its stories' settings, on their traces and on worlds.

Nothing is registered here: a layer file and its `tests/layers/cases/<name>.py` are enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.policy import Policy
from costopt.layers.base import Layer
from costopt.layers.discover import layer_names, name_of
from costopt.model.effect import Effect
from costopt.model.trace import Categorical, Ragged
from costopt.model.view import Column, View
from costopt.wiring.policy.check import field_problems
from tests.laws.worlds import LawBook, World, worlds
from tests.layers.case import Case, cases
from tests.layers.context import Builders, evaluator_of

MOST_SETTINGS = 6
"""Of a layer that are tried on worlds: all others are on their stories' own traces."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One layer with its settings on one trace; `before`: layers in front of it."""

    id: str
    case: Case
    world: World | None
    """None: the case's own trace."""

    @property
    def layer(self) -> Layer:
        return self.case.layer

    @property
    def layers(self) -> Layers:
        return self.case.layers

    @property
    def evaluator(self) -> Evaluator:
        """Shared by all laws: nothing that a law does may change it."""
        return _kept(self)

    def fresh(self, prices: Any = None) -> Evaluator:
        """A new evaluator of the same calls."""
        case = self.case
        if self.world is None:
            return replace(case, prices=prices or case.prices).evaluator()
        return evaluator_of(
            self.world.trace, texts=self.world.texts, prices=prices or LawBook(),
            fields=case.fields, builder=Builders(case.builders),
            evidence={name_of(case.layer): case.measured},
        )  # fmt: skip

    def view(self) -> View:
        """What stands in front of the layer."""
        return self.evaluator.state(self.case.before).view

    def effect(self) -> Effect:
        return self.evaluator.effect(self.layers)

    def after(self) -> View:
        return self.evaluator.state(self.layers).view


_EVALUATORS: dict[str, Evaluator] = {}


def _kept(trial: Trial) -> Evaluator:
    if trial.id not in _EVALUATORS:
        _EVALUATORS[trial.id] = trial.fresh()
    return _EVALUATORS[trial.id]


def settings_of(name: str) -> list[Case]:
    """One case for each distinct list of layers in the stories of a layer."""
    distinct: dict[object, Case] = {}
    for case in cases(name):
        distinct.setdefault((case.layers, tuple(sorted(case.fields.items()))), case)
    return list(distinct.values())


@cache
def trials() -> tuple[Trial, ...]:
    """Every story; some of its settings on a world, in turn; the first one on all of them."""
    return tuple(t for name in layer_names() for t in trials_of(name))


def trials_of(name: str) -> list[Trial]:
    """Those of one layer."""
    out = [Trial(case.id, case, None) for case in cases(name)]
    for nth, case in enumerate(settings_of(name)[:MOST_SETTINGS]):
        chosen = worlds() if nth == 0 else [worlds()[nth % 2]]
        out += [
            Trial(f"{case.id} @ {w.name}", case, w)
            for w in dict.fromkeys(chosen)
            if has_fields(w, case)
        ]
    return out


def has_fields(world: World, case: Case) -> bool:
    """The trace has the fields that the settings name: a policy is refused where it has not."""
    policy = Policy(case.layers, fields=case.fields)
    return not list(field_problems(policy, world.trace))


def each(law: Callable[..., None]) -> Callable[..., None]:
    """Run a law on every trial."""
    params = [pytest.param(t, id=t.id) for t in trials()]
    return pytest.mark.parametrize("trial", params)(law)


def each_on_a_world(law: Callable[..., None]) -> Callable[..., None]:
    """Run a law that needs evaluators of its own once for each of the settings tried on worlds."""
    once: dict[str, Trial] = {}
    for t in trials():
        if t.world is not None:
            once.setdefault(t.case.id, t)
    return pytest.mark.parametrize("trial", [pytest.param(t, id=t.id) for t in once.values()])(law)


def each_layer(law: Callable[..., None]) -> Callable[..., None]:
    """Run a law on every layer's name."""
    return pytest.mark.parametrize("name", layer_names())(law)


def same(a: Any, b: Any) -> bool:
    """Two values of a view's column hold the same."""
    return all(np.array_equal(x, y) for x, y in zip(arrays(a), arrays(b), strict=True)) and (
        not isinstance(a, Categorical) or a.values == b.values
    )


def arrays(value: Any) -> list[Any]:
    """The arrays that a column or a view is made of, in a fixed order."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, Categorical):
        return [value.codes]
    if isinstance(value, Ragged):
        return [value.offsets, value.ids, value.flags]
    if isinstance(value, View):
        return [a for c in Column for a in arrays(getattr(value, c.value))]
    parts = ("digest", "kind", "name", "tokens", "source", "head", "tail", "whole")
    return [getattr(value, part) for part in parts]


def changed_rows(before: View, after: View) -> np.ndarray[Any, np.dtype[np.bool_]]:  # [call]
    """Calls that stand otherwise in the second view: any column, content of requests included."""
    out = np.zeros(before.trace.n, np.bool_)
    for name in ("sent", "max_tokens", "at_us"):
        out |= getattr(before, name) != getattr(after, name)
    for name in ("provider", "model", "service_tier", "region"):
        a, b = getattr(before, name).texts(), getattr(after, name).texts()
        out |= np.array([x != y for x, y in zip(a, b, strict=True)], np.bool_)
    out |= (before.leaves != after.leaves).any(axis=1)
    for name in ("request", "response"):
        a, b = getattr(before, name), getattr(after, name)
        for row in range(before.trace.n):
            out[row] |= a.row(row).tolist() != b.row(row).tolist()
            out[row] |= flags(a, row) != flags(b, row)
    return out


def flags(block: Ragged, row: int) -> list[int]:
    """Cache marks of one call's segments."""
    listed: list[int] = block.flags[block.offsets[row] : block.offsets[row + 1]].tolist()
    return listed
