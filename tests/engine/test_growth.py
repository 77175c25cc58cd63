"""Steps before and after a policy: rows sum to both bills, parts add up to the whole."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.engine import growth
from costopt.engine.evaluate import Layers
from costopt.engine.executors.gathered import put_together, sessions_of
from costopt.engine.growth import StepSums, growth_rows, together
from costopt.engine.outcome import InProcess, outcome
from costopt.engine.parts_of import part_of
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.layers.trim_tools import TrimTools
from costopt.layers.window import Window
from tests.engine.stories import calls_of
from tests.layers.context import evaluator_of

LAYERS: Layers = (TrimTools(max_tokens=60), Window(turns=1))


def test_rows_sum_to_both_bills_and_contexts_shrink() -> None:
    evaluator = evaluator_of(calls_of(30))
    found = project(InProcess(evaluator), evaluator, Policy(LAYERS, "p.yaml"), shapley=False)
    rows = found.by_step
    assert [r["step"] for r in rows] == [1, 2, 3, 4]
    assert sum(r["calls"] for r in rows) == evaluator.trace.n
    assert sum(r["usd_before"] for r in rows) == pytest.approx(found.baseline_usd, abs=1e-9)
    assert sum(r["usd_after"] for r in rows) == pytest.approx(found.projected_usd, abs=1e-9)
    assert rows[0]["mean_input_tokens_after"] == rows[0]["mean_input_tokens_before"]
    assert rows[3]["mean_input_tokens_after"] < rows[3]["mean_input_tokens_before"]


def test_parts_add_up_to_the_whole() -> None:
    evaluator = evaluator_of(calls_of(20))
    sessions = np.arange(len(evaluator.trace.sessions))
    rows = [np.flatnonzero(evaluator.trace.session % 2 == i) for i in (0, 1)]
    fit = evaluator.model.fit
    found = [outcome(part_of(evaluator, sessions[i::2], fit), LAYERS) for i in (0, 1)]
    whole = put_together(found, sessions_of(evaluator.trace, rows), len(sessions))
    truth = outcome(evaluator, LAYERS)
    assert whole.steps is not None and truth.steps is not None
    assert growth_rows(whole.steps, whole.steps) == growth_rows(truth.steps, truth.steps)


def test_late_steps_share_the_last_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MOST_STEPS", 2)
    evaluator = evaluator_of(calls_of(30))
    steps = outcome(evaluator, ()).steps
    rows = growth_rows(steps, steps)
    assert [(r["step"], r["and_later"]) for r in rows] == [(1, False), (2, False), (3, True)]
    assert sum(r["calls"] for r in rows) == evaluator.trace.n


def test_what_was_not_counted_is_empty() -> None:
    some = StepSums(np.ones(3, np.int64), np.ones(3, np.int64), (1, 2, 3))
    assert together([some, None]) is None and together([]) is None
    assert growth_rows(some, None) == [] == growth_rows(None, some)


def test_dollars_by_step_are_exact_at_any_size() -> None:
    random = np.random.default_rng(5)
    place = random.integers(0, 4, 2_000)
    for most in (10**6, 2**51, 2**60):
        pusd = random.integers(-most, most, 2_000)
        plain = tuple(sum(int(v) for v in pusd[place == i]) for i in range(4))
        assert growth._dollars(pusd, place, 4) == plain
