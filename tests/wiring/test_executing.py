"""Executors by name, and their progress."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from costopt.engine.evaluate import Layers
from costopt.engine.outcome import Outcome
from costopt.errors import UsageError
from costopt.layers.window import Window
from costopt.money import PicoUsd
from costopt.wiring.executing import Execution, execution_of, lists_of, watched


class Counted:
    """Answers every list with nothing."""

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        nothing = np.zeros(1, np.int64)
        return [Outcome(nothing, np.zeros(1), PicoUsd(0), {}, {}, 0, 0) for _ in lists]


def test_names() -> None:
    assert execution_of("", None) == Execution("local")
    assert execution_of("", 2) == Execution("processes", 2)
    assert execution_of("tcp://127.0.0.1:8786", None).name == "tcp://127.0.0.1:8786"
    with pytest.raises(UsageError, match="Did you mean `processes`"):
        execution_of("proceses", None)
    with pytest.raises(UsageError, match="at least one"):
        execution_of("local", 0)


def test_progress_counts_every_list_once_and_ends() -> None:
    told: list[tuple[str, int, int | None]] = []
    layers = (Window(turns=4),)
    with watched(Counted(), lambda *a: told.append(a), "trying", 2) as executor:
        assert len(executor.outcomes([(), layers])) == 2
        executor.outcomes([layers])
    assert told == [("trying", 0, 2), ("trying", 2, 3), ("trying", 2, 3), ("trying", 1, 1)]
    assert (lists_of(3, shapley=True), lists_of(3, shapley=False)) == (8, 10)
