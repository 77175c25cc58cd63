"""A trial on whole sessions: dollars of the whole, and a projection that still adds up."""

from __future__ import annotations

import pytest

from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.engine.trial import drawn, scaled_dollars, scaled_projection, trial_of
from costopt.layers.trim_tools import TrimTools
from costopt.model.call import Call
from costopt.money import from_log
from tests.billing.small import call, usage
from tests.checklist.context import context, evaluator_of


def sessions(count: int) -> list[Call]:
    """Each asks once, gets a long result, and asks again: all alike but for their bytes."""
    made = []
    for s in range(count):
        sent = [f"user:{s:04d}", "call/search:{}", f"result/search:{s:04d}" + "r" * 4000]
        made.append(call(f"a{s}", sent, usage(4020, out=2), ["assistant:ok"], session_id=f"s{s}"))
    return made


def test_a_small_log_is_tried_as_a_whole() -> None:
    evaluator = evaluator_of(context(sessions(20)))
    trial = trial_of(evaluator, 0)
    assert trial.evaluator is evaluator
    assert (trial.words, trial.ratio, trial.scaled(7)) == ("", 1, 7)


def test_a_large_log_is_tried_on_whole_sessions_and_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = evaluator_of(context(sessions(80)))
    monkeypatch.setattr("costopt.engine.trial.MOST_CALLS", 50)
    monkeypatch.setattr("costopt.engine.trial.SAMPLE_CALLS", 40)
    trial = trial_of(evaluator, 0)
    assert trial.evaluator.trace.n < 80
    assert "whole sessions drawn by seed 0" in trial.words
    assert trial.scaled(trial.evaluator.baseline.total_pusd) == evaluator.baseline.total_pusd


def test_the_scaled_projection_is_the_whole_one_where_sessions_are_alike() -> None:
    evaluator, policy = evaluator_of(context(sessions(80))), Policy((TrimTools(max_tokens=1000),))
    whole = project(InProcess(evaluator), evaluator, policy)
    trial = drawn(evaluator, 40, 0)
    tried = project(InProcess(trial.evaluator), trial.evaluator, policy, told=trial.scaled)
    part = scaled_projection(tried, trial)
    assert part.baseline_usd == whole.baseline_usd
    assert part.savings_usd == pytest.approx(whole.savings_usd, rel=1e-6)
    assert sum(from_log(r["step_usd"]) for r in part.layers) == from_log(part.savings_usd)
    assert from_log(part.baseline_usd) - from_log(part.savings_usd) == from_log(part.projected_usd)
    assert part.sampled == trial.words and trial.words in part.notes[0]
    assert whole.sampled == ""
    assert part.verdict == whole.verdict


def test_dollars_inside_the_evidence_are_scaled_and_counts_are_not() -> None:
    trial = drawn(evaluator_of(context(sessions(80))), 40, 0)
    found = {"eligible_usd": 1.5, "calls": 3, "rate": 0.5, "groups": [{"usd": 1.5, "calls": 3}]}
    usd = float(1.5 * trial.ratio)
    assert trial.ratio > 1
    assert scaled_dollars(found, trial) == {
        "eligible_usd": usd, "calls": 3, "rate": 0.5, "groups": [{"usd": usd, "calls": 3}],
    }  # fmt: skip
