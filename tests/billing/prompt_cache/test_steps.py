"""Ruling steps out by a few reads first finds the same step as weighing every one by all reads."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from costopt.billing.prompt_cache import steps


def everything(reads: NDArray[np.int64], candidates: NDArray[np.int64]) -> frozenset[int]:
    """The plain way: no candidate is ruled out."""
    return frozenset(candidates.tolist())


@pytest.mark.parametrize("seed", range(12))
def test_the_first_look_rules_out_no_step_that_all_reads_show(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    step, noise = int(rng.integers(32, 4000)), float(rng.choice([0.5, 0.03, 0.1]))
    spread = noise if noise == 0.5 else noise * step
    reads = rng.integers(1, 60, 1500) * step + rng.normal(0, spread, 1500)
    reads[: 300 * (seed % 2)] = rng.integers(1000, 90_000, 300 * (seed % 2))
    reads = np.maximum(reads, 1).astype(np.int64)
    fast = steps.learned_step(reads)
    monkeypatch.setattr(steps, "_hopeful", everything)
    assert fast == steps.learned_step(reads)


def test_reads_without_a_step_have_none() -> None:
    assert steps.learned_step(np.random.default_rng(1).integers(1000, 90_000, 5000)) is None
