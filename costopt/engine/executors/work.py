"""What runs in a worker: the evaluator of a part is made once and answers for as long as it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.executors.shipped import unship
from costopt.engine.outcome import Outcome, outcome

_KEPT_PARTS = 2
"""Evaluators that a worker holds; with more parts than workers the oldest is read again."""


@lru_cache(maxsize=_KEPT_PARTS)
def evaluator_of(folder: str, part: int) -> Evaluator:
    return unship(Path(folder), part)


def outcomes_of(folder: str, part: int, lists: Sequence[Layers]) -> list[Outcome]:
    """One list of layers after the other."""
    evaluator = evaluator_of(folder, part)
    return [outcome(evaluator, layers) for layers in lists]
