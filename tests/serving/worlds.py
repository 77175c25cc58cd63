"""Seeded workloads, engines and costs that reach every branch of the scheduler."""

from __future__ import annotations

import numpy as np

from costopt.serving.arrivals import Arrivals
from costopt.serving.core.terms import Limits, Pace, StepCost, Workload


def flat_cost(step_s: float) -> StepCost:
    """Every step takes the same time."""
    return StepCost(np.zeros(2), np.zeros(2), step_s, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0)


def traffic(n: int = 260, span_s: float = 40.0) -> Arrivals:
    """Chats of a few words, spread evenly over the window."""
    rng = np.random.default_rng(7)
    at_s = np.sort(rng.uniform(0, span_s, n))
    return Arrivals(
        at_s, rng.integers(200, 3000, n), rng.integers(5, 60, n), np.arange(n), span_s
    )  # fmt: skip


def trees(
    rng: np.random.Generator, prompt: np.ndarray, output: np.ndarray
) -> tuple[list[int], list[int]]:
    """Block ids of requests that share heads of six trunks and part somewhere."""
    ids: list[int] = []
    offsets, names = [0], dict[tuple[int, int], int]()
    for row, trunk in enumerate(rng.integers(0, 6, len(prompt)).tolist()):
        blocks = int(prompt[row] + rng.integers(0, 2) * output[row]) // 16
        parts_at = int(rng.integers(0, blocks + 1))
        for depth in range(blocks):
            key = (trunk if depth < parts_at else 100 + row, depth)
            ids.append(names.setdefault(key, len(names)))
        offsets.append(len(ids))
    return offsets, ids


def world(seed: int, n: int = 60) -> tuple[Workload, StepCost, Limits]:
    """A small crowded replica: few blocks, small budgets, drafts, windows, open and closed."""
    rng = np.random.default_rng(seed)
    prompt, output = rng.integers(1, 300, n), rng.integers(1, 120, n)
    arrive = rng.exponential(0.5, n).cumsum()
    offsets, ids = trees(rng, prompt, output) if rng.random() < 0.6 else ([], [])
    load = Workload(
        arrive, prompt, output, int(rng.choice([0, 0, 1, 5, 20])),
        np.array(offsets, np.int64), np.array(ids, np.int64),
    )  # fmt: skip
    drafts = int(rng.choice([0, 0, 3]))
    limits = Limits(
        int(rng.choice([2, 8, 64])), int(rng.choice([64, 256, 2048])),
        int(rng.choice([20, 40, 80, 1000])), 16, bool(rng.random() < 0.8), True, 0.001, 1e-5,
        drafts, 2.37 if drafts else 1.0,
    )  # fmt: skip
    tokens_s = 0.01 * rng.random() + 1e-4 * np.arange(300.0)
    window = int(rng.choice([0, 64]))
    cost = StepCost(
        tokens_s, 1e-5 * np.arange(20.0), 0.005, 0.002, 1e-4, 1e-6, 2e-6, window, 1e-8, 1e-8
    )
    if drafts:
        limits = limits._replace(drafted_share=float(rng.choice([1.0, 0.35])))
        cost = cost._replace(by_load=slowing(rng, cost))
    return load, cost, limits


def slowing(rng: np.random.Generator, cost: StepCost) -> tuple[Pace, ...]:
    """Fewer drafts the more sequences run, none in the end; or one length for all loads."""
    if rng.random() < 0.5:
        return ()
    dearer = cost._replace(base_s=0.009, kv_s=3e-6, head_s=3e-5 * np.arange(7.0))
    return Pace(0, dearer, 3, 3.0, 2.37), Pace(3, dearer, 1, 0.6, 1.4), Pace(6, cost, 0, 0.0, 1.0)
