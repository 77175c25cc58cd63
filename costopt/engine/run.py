"""The waterfall: a policy's layers one after the other, each priced at its place.

A step is what remained to be paid before the layer less what remains behind it, in integers, so the
steps sum exactly to the savings: first minus last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.engine.evaluate import Layers
from costopt.engine.measured import report_of
from costopt.engine.outcome import Executor, Outcome
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.effect import LayerReport
from costopt.money import PicoUsd


@dataclass(frozen=True)
class Step:
    """One layer at its place: the sums before and behind it, and what it says of itself."""

    layer: Layer
    before: Outcome
    after: Outcome
    report: LayerReport

    @property
    def name(self) -> str:
        return name_of(self.layer)

    @property
    def step_pusd(self) -> PicoUsd:
        """What it saves at its place; negative: it costs more."""
        return PicoUsd(self.before.total_pusd - self.after.total_pusd)

    @property
    def overhead_pusd(self) -> PicoUsd:
        """Its own calls and fees, which the step has paid for already."""
        return PicoUsd(self.after.overhead_pusd - self.before.overhead_pusd)


def waterfall(executor: Executor, layers: Sequence[Layer]) -> list[Step]:
    """A step a layer, in order."""
    chosen: Layers = tuple(layers)
    found = executor.outcomes([chosen[:i] for i in range(len(chosen) + 1)])
    return [
        Step(layer, before, after, report_of(layer, after))
        for layer, before, after in zip(chosen, found, found[1:], strict=False)
    ]


def saved_pusd(steps: Sequence[Step]) -> PicoUsd:
    """First minus last."""
    return PicoUsd(steps[0].before.total_pusd - steps[-1].after.total_pusd) if steps else PicoUsd(0)
