"""The gate's bound: false alarms on independent runs, power, and what settles an open question."""

from __future__ import annotations

import math

import numpy as np
import pytest

from costopt.gate.sample import Sample, sample
from costopt.gate.statistics import increase, student_quantile, units_needed
from costopt.model.result import SessionInfo

ALPHA = 0.05
RUNS = 2_000
"""For unpaired sides; the swap test of pairs is run less often, it is the slower one."""
PAIRED_RUNS = 300


def sides(
    rng: np.random.Generator, n: int, sd: float, shift: float, paired_sd: float | None
) -> Sample:
    """Lognormal session costs; paired sides share the task's own level."""
    level = rng.normal(0, paired_sd or 0.0, n)
    base = np.exp(level + rng.normal(0, sd, n))
    head = np.exp((level if paired_sd is not None else 0) + rng.normal(shift, sd, n))
    ones = np.ones(n)
    both = (np.stack([base, ones], axis=1), np.stack([head, ones], axis=1))
    return Sample(both[0], both[1], paired_sd is not None, "session", n, n)


@pytest.mark.parametrize(("n", "paired_sd"), [(20, None), (50, None), (200, None), (20, 0.8)])
@pytest.mark.parametrize("sd", [0.05, 0.15, 0.6])
def test_independent_equal_runs_raise_few_alarms(
    n: int, sd: float, paired_sd: float | None
) -> None:
    rng = np.random.default_rng(7)
    alarms, runs = 0, RUNS if paired_sd is None else PAIRED_RUNS
    for _ in range(runs):
        found = increase(sides(rng, n, sd, 0.0, paired_sd), 1 - ALPHA)
        assert found is not None
        alarms += found.low_pct > 0
    assert alarms / runs <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_student_quantiles_match_tables() -> None:
    for freedom, value in ((4, 2.1318), (9, 1.8331), (19, 1.7291), (99, 1.6604)):
        assert student_quantile(0.95, freedom) == pytest.approx(value, abs=2e-3)


def test_more_sessions_settle_what_is_open() -> None:
    rng = np.random.default_rng(3)
    few = increase(sides(rng, 20, 0.6, math.log(1.3), None), 0.95)
    assert few is not None
    needed = units_needed(few, 5.0, 0.95)
    assert needed is not None and needed > 20


def session(key: str, dollars: float, task: str = "") -> SessionInfo:
    return SessionInfo(key, task, "a", 1, 10, 1, str(int(dollars * 10**12)), None)


def test_sessions_pair_by_id_then_by_task() -> None:
    base = [session("a", 1), session("b", 2)]
    assert sample(base, [session("b", 3), session("a", 1)], "usd_per_session").unit == "session"
    by_task = [session("x", 1, "t1"), session("y", 2, "t2")]
    other = [session("p", 1, "t1"), session("q", 2, "t2")]
    assert sample(by_task, other, "usd_per_session").unit == "task"
    assert not sample(base, [session("p", 1)], "usd_per_session").paired
