"""The search of `recommend`: which layers at which settings, one choice at a time, inside a risk limit.

By coordinates and not exhaustive: each setting is tried at each of its values while all others stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from costopt.engine.evaluate import Layers
from costopt.engine.outcome import Executor
from costopt.engine.risk import policy_risk, upper_rate
from costopt.engine.run import Step, saved_pusd, waterfall
from costopt.engine.settings import with_setting
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.ports import Progress, silent

MAX_ROUNDS = 3
"""A search that still moves after so many rounds over all settings turns in a circle."""
Grids = Mapping[str, Mapping[str, tuple[Any, ...]]]
"""Layer to setting to the values tried, in place of the layers' own `SEARCH`."""


@dataclass(frozen=True)
class Dropped:
    """A layer that is not recommended, and why."""

    layer: str
    reason: str


def within(steps: list[Step], max_risk: float) -> bool:
    """All layers are verified, no rate of one and no sum over all lies above the limit."""
    found = policy_risk(steps)
    verified = all(step.report.verified for step in steps)
    return verified and max(found.worst_rate, found.upper) <= max_risk


def too_risky(rate: float, calls: int) -> str:
    """Why a layer is outside the limit, with what its bound stands on."""
    return f"up to {100 * rate:.3g} % of the {calls:,} calls that it changes may suffer, above the limit"


class Search:
    """Which of the candidates, at which settings: one choice at a time, the best within the limit."""

    def __init__(
        self, executor: Executor, candidates: Layers, max_risk: float, grids: Grids | None = None,
        progress: Progress = silent,
    ) -> None:  # fmt: skip
        self._executor, self._max_risk, self._progress = executor, max_risk, progress
        self._candidates, self._grids = candidates, grids
        self._chosen: list[Layer | None] = [None] * len(candidates)
        self._seen: dict[Layers, tuple[int, bool]] = {(): (0, True)}

    @property
    def layers(self) -> Layers:
        return tuple(layer for layer in self._chosen if layer is not None)

    @property
    def tried(self) -> int:
        return len(self._seen) - 1

    def run(self) -> None:
        """Rounds over all layers until none changes."""
        for _ in range(MAX_ROUNDS):
            before = list(self._chosen)
            for place in range(len(self._candidates)):
                self._improve(place)
            if self._chosen == before:
                return

    def left_out(self) -> list[Dropped]:
        """Candidates that the search does not take, with the reason as found beside those it takes."""
        return [
            Dropped(name_of(candidate), self._why_not(place, candidate))
            for place, candidate in enumerate(self._candidates)
            if self._chosen[place] is None
        ]

    def _improve(self, place: int) -> None:
        best, most = None, self._value(self._with(place, None))[0]
        for layer in self._variants(place):
            saved, allowed = self._value(self._with(place, layer))
            if allowed and saved > most:
                best, most = layer, saved
        self._chosen[place] = best
        if best is not None:
            self._tune(place, best, most)

    def _variants(self, place: int) -> Iterator[Layer]:
        """As it stands now or as the policy has it, and each setting by itself at each of its values."""
        start = self._chosen[place] or self._candidates[place]
        yield start
        yield from _neighbours(start, self._grids)

    def _tune(self, place: int, best: Layer, most: int) -> None:
        """Further settings from the best one on, once each."""
        for layer in _neighbours(best, self._grids):
            saved, allowed = self._value(self._with(place, layer))
            if allowed and saved > most:
                self._chosen[place], most = layer, saved

    def _with(self, place: int, layer: Layer | None) -> Layers:
        changed = [*self._chosen[:place], layer, *self._chosen[place + 1 :]]
        return tuple(x for x in changed if x is not None)

    def _value(self, layers: Layers) -> tuple[int, bool]:
        """(saved pico-dollars, within the limit)"""
        if layers not in self._seen:
            steps = waterfall(self._executor, layers)
            self._seen[layers] = saved_pusd(steps), within(steps, self._max_risk)
            self._progress("trying settings", self.tried, None)
        return self._seen[layers]

    def _why_not(self, place: int, candidate: Layer) -> str:
        """Of the policy's own settings; others were no better."""
        layers = self._with(place, candidate)
        saved, allowed = self._value(layers)
        if saved <= self._value(self.layers)[0]:
            return "saves nothing beside the others"
        at = layers.index(candidate)
        steps = waterfall(self._executor, layers)
        report = steps[at].report
        if not report.verified:
            return f"its risk is unverified ({report.risk.basis})"
        if not allowed:
            return too_risky(upper_rate(report), steps[at].after.touched)
        return "saves nothing beside the others"


def _neighbours(layer: Layer, grids: Grids | None) -> Iterator[Layer]:
    """One setting changed at a time."""
    own: Mapping[str, tuple[Any, ...]] = getattr(type(layer), "SEARCH", {})
    grid = (grids or {}).get(name_of(layer), own)
    for setting, values in grid.items():
        for value in values:
            if value != getattr(layer, setting):
                yield with_setting((layer,), 0, setting, value)[0]
