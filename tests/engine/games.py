"""Executors that price nothing: a made-up v(S), for laws about shares and steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from costopt.engine.evaluate import Layers
from costopt.engine.outcome import Outcome
from costopt.money import PicoUsd
from tests.engine.toys.shorter_output import ShorterOutput

Value = Callable[[frozenset[int]], int]


def players(n: int) -> Layers:
    """Layers told apart by their ratio: player i has 2 + i."""
    return tuple(ShorterOutput(float(2 + i)) for i in range(n))


@dataclass
class Game:
    """Sessions share the baseline; each coalition takes its savings off the first one."""

    value: Value
    baseline_pusd: int = 10**12
    sessions: int = 3
    asked: list[frozenset[int]] = field(default_factory=list)

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        return [self._outcome(layers) for layers in lists]

    def _outcome(self, layers: Layers) -> Outcome:
        who = frozenset(
            int(layer.ratio) - 2 for layer in layers if isinstance(layer, ShorterOutput)
        )
        self.asked.append(who)
        pusd = np.full(self.sessions, self.baseline_pusd // self.sessions, np.int64)
        pusd[0] -= self.value(who)
        return Outcome(pusd, np.zeros(self.sessions), PicoUsd(0), {}, {}, 0, 0)
