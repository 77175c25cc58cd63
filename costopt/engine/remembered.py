"""An executor that asks another one only for lists of layers that it does not hold any more."""

from __future__ import annotations

from collections.abc import Sequence

from costopt.engine.evaluate import Layers
from costopt.engine.kept import Kept
from costopt.engine.outcome import Executor, Outcome

HELD_BYTES = 1 << 28
"""Of outcomes: two numbers a session each."""


class Remembered:
    """Settings that begin alike share the outcomes of their beginnings."""

    def __init__(self, executor: Executor, most_bytes: int = HELD_BYTES) -> None:
        self._executor = executor
        self._held: Kept[Layers, Outcome] = Kept(most_bytes)

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        found = {layers: self._held.get(layers) for layers in lists}
        missing = [layers for layers, outcome in found.items() if outcome is None]
        made = dict(zip(missing, self._executor.outcomes(missing), strict=True)) if missing else {}
        for layers, outcome in made.items():
            self._held.put(layers, outcome)
        return [found[layers] or made[layers] for layers in lists]
