"""What the gate compares: per-session numbers of two results, paired where they can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.result import Result, SessionInfo
from costopt.money import usd

Measure = Callable[[SessionInfo], tuple[float, float]]
"""A session to (numerator, denominator): a metric is the ratio of their sums."""

MEASURES: dict[str, Measure] = {
    "usd_per_session": lambda s: (float(usd(int(s.usd_pico))), 1.0),
    "total_usd": lambda s: (float(usd(int(s.usd_pico))), 1.0),
    "usd_per_call": lambda s: (float(usd(int(s.usd_pico))), float(s.calls)),
    "usd_per_task": lambda s: (float(usd(int(s.usd_pico))), 1.0),
    "input_tokens_per_call": lambda s: (float(s.input_tokens), float(s.calls)),
    "output_tokens_per_call": lambda s: (float(s.output_tokens), float(s.calls)),
    "calls_per_session": lambda s: (float(s.calls), 1.0),
}
PAIRED_SHARE = 0.5
"""Sessions pair by id (or task) only where at least this share of the smaller side has a partner."""


@dataclass(frozen=True)
class Sample:
    """Numerators and denominators of both sides; paired: row i of both is the same unit."""

    base: NDArray[np.float64]  # [unit, 2]
    head: NDArray[np.float64]  # [unit, 2]
    paired: bool
    unit: str
    """session | task | unpaired sessions."""
    base_total: int
    head_total: int

    @property
    def estimate(self) -> float:
        """Head over base minus 1; NaN where the base is 0."""
        base, head = _ratio(self.base), _ratio(self.head)
        return head / base - 1 if base else float("nan")


def _ratio(side: NDArray[np.float64]) -> float:
    below = float(side[:, 1].sum()) if len(side) else 0.0
    return float(side[:, 0].sum()) / below if below else 0.0


def value(sessions: list[SessionInfo], metric: str) -> float:
    """The metric of one side."""
    return _ratio(_side(sessions, MEASURES[metric]))


def _side(sessions: list[SessionInfo], measure: Measure) -> NDArray[np.float64]:
    return np.array([measure(s) for s in sessions], np.float64).reshape(-1, 2)


def sample(base: list[SessionInfo], head: list[SessionInfo], metric: str) -> Sample:
    """Pair by session id where both sides have it, else by task (averaged), else two samples."""
    measure = MEASURES[metric]
    keys = {s.key: s for s in base}
    both = [(keys[s.key], s) for s in head if s.key in keys]
    if len(both) >= PAIRED_SHARE * min(len(base), len(head)) and both:
        left, right = [b for b, _ in both], [h for _, h in both]
        return _sample(_side(left, measure), _side(right, measure), True, "session", base, head)
    tasks_base, tasks_head = _by_task(base, measure), _by_task(head, measure)
    shared = sorted(set(tasks_base) & set(tasks_head))
    if len(shared) >= max(2, PAIRED_SHARE * min(len(tasks_base), len(tasks_head))):
        left_rows = np.array([tasks_base[t] for t in shared])
        right_rows = np.array([tasks_head[t] for t in shared])
        return _sample(left_rows, right_rows, True, "task", base, head)
    return _sample(
        _side(base, measure), _side(head, measure), False, "unpaired sessions", base, head
    )


def _sample(
    left: NDArray[np.float64], right: NDArray[np.float64], paired: bool, unit: str,
    base: list[SessionInfo], head: list[SessionInfo],
) -> Sample:  # fmt: skip
    return Sample(left, right, paired, unit, len(base), len(head))


def _by_task(sessions: list[SessionInfo], measure: Measure) -> dict[str, NDArray[np.float64]]:
    """Mean numerator and denominator of each task's sessions; sessions without a task pair nowhere."""
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for s in sessions:
        if s.task:
            rows[s.task].append(measure(s))
    return {task: np.mean(np.array(found), axis=0) for task, found in rows.items()}


def grouped(result: Result, by: str) -> dict[str, list[SessionInfo]]:
    """Sessions of a result by agent or task."""
    groups: dict[str, list[SessionInfo]] = defaultdict(list)
    for s in result.sessions:
        groups[getattr(s, by)].append(s)
    return dict(groups)
