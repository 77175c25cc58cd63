"""A sweep: each point is what the projection says with it, beginnings are shared, nothing else is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.engine.evaluate import Layers
from costopt.engine.outcome import Executor, InProcess, Outcome
from costopt.engine.pareto import pareto_front
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.engine.remembered import Remembered
from costopt.engine.risk import policy_risk
from costopt.engine.run import waterfall
from costopt.engine.sweep import sweep
from costopt.errors import UsageError
from tests.engine.stories import calls_of
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.engine.toys.same_request import SameRequest
from tests.engine.toys.shorter_output import ShorterOutput
from tests.layers.context import evaluator_of

POLICY = Policy((SameRequest(7), OtherModel(), LastSegments(2, risky=20), ShorterOutput(0.7)))
GRID = {"shorter_output.ratio": (0.5, 0.7, 0.9), "last_segments.keep": (2, 3)}


@dataclass
class Counted:
    """Keeps what it was asked for."""

    executor: Executor
    asked: list[Layers] = field(default_factory=list)

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        self.asked.extend(lists)
        return self.executor.outcomes(lists)


def test_every_point_is_what_simulate_says_with_it() -> None:
    calls = calls_of(12)
    found = sweep(InProcess(evaluator_of(calls)), POLICY, GRID)
    assert [tuple(p.settings.values()) for p in found.points] == [
        (r, k) for r in (0.5, 0.7, 0.9) for k in (2, 3)
    ]
    for point in found.points:
        ratio, keep = point.settings.values()
        alone = evaluator_of(calls)
        layers = (*POLICY.layers[:2], LastSegments(keep, 20), ShorterOutput(ratio))
        simulated = project(InProcess(alone), alone, Policy(layers), shapley=False)
        shown = point.to_json()
        assert shown["projected_usd"] == simulated.projected_usd
        assert shown["savings_usd"] == simulated.savings_usd
        for row, whole in zip(shown["layers"], simulated.layers, strict=True):
            assert row == {name: whole[name] for name in row}


def test_only_the_swept_layer_and_what_follows_run_again() -> None:
    asked = Counted(InProcess(evaluator_of(calls_of(12))))
    sweep(asked, POLICY, GRID)
    assert len(asked.asked) == len(set(asked.asked)) == 1 + 2 + 2 + 6


def test_points_that_begin_alike_are_asked_beside_each_other() -> None:
    """Whatever order the settings are given in, the earlier layer changes less often."""
    asked = Counted(InProcess(evaluator_of(calls_of(6))))
    sweep(asked, POLICY, GRID)
    keeps = [layers[2].keep for layers in asked.asked if len(layers) == 4]  # type: ignore[attr-defined]
    assert keeps == sorted(keeps)


def test_what_is_remembered_is_what_would_be_asked() -> None:
    evaluator = evaluator_of(calls_of(8))
    lists = [POLICY.layers[:k] for k in range(5)] * 2
    plain = InProcess(evaluator).outcomes(lists)
    for most in (0, 1 << 20):
        counted = Counted(InProcess(evaluator))
        remembered = Remembered(counted, most)
        for _ in range(2):
            found = remembered.outcomes(lists)
            assert [o.total_pusd for o in found] == [o.total_pusd for o in plain]
        assert len(counted.asked) == (5 if most else 9)


def test_the_json_names_the_front() -> None:
    found = sweep(InProcess(evaluator_of(calls_of(12))), POLICY, GRID).to_json()
    assert found["schema"] == "costopt.sweep/1"
    assert json.loads(json.dumps(found)) == found
    assert found["points"][0]["settings"] == {"shorter_output.ratio": 0.5, "last_segments.keep": 2}
    assert found["pareto"] and found["points"][0]["unmeasured"] == ["other_model"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("window.turns", "no layer `window`"),
        ("last_segment.keep", "no layer `last_segment`"),
        ("last_segments.kep", "Did you mean `keep`"),
        ("keep", "no setting"),
        ("last_segments.keep", "stands 2 times"),
        ("last_segments[3].keep", "there are 2 layers"),
    ],
)
def test_names_that_are_not_there_are_refused(key: str, said: str) -> None:
    twice = Policy((*POLICY.layers, LastSegments(5)))
    policy = twice if "stands" in said or "[" in key else POLICY
    with pytest.raises(UsageError) as refused:
        sweep(InProcess(evaluator_of([])), policy, {key: (1,)})
    assert said in f"{refused.value} {refused.value.hint}"


def test_a_layer_that_stands_twice_is_told_apart() -> None:
    twice = Policy((LastSegments(8), ShorterOutput(0.5), LastSegments(5)))
    found = sweep(InProcess(evaluator_of(calls_of(6))), twice, {"last_segments[2].keep": (2,)})
    assert [row["settings"].get("keep") for row in found.points[0].layers] == [8, None, 2]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_front_is_what_nobody_beats(points: list[tuple[int, int]]) -> None:
    dollars, risks = [p[0] for p in points], [float(p[1]) for p in points]
    front = {points[i] for i in pareto_front(dollars, risks)}

    def beaten(p: tuple[int, int]) -> bool:
        return any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)

    assert front == {p for p in points if not beaten(p)}


def test_the_risk_of_a_policy_is_an_upper_bound_over_all_calls() -> None:
    executor = InProcess(evaluator_of(calls_of(20)))
    steps = waterfall(executor, (LastSegments(2, risky=10),))
    found, step = policy_risk(steps), steps[0]
    ci95 = step.report.risk.ci95
    assert ci95 is not None
    assert found.upper == pytest.approx(step.after.touched / step.after.calls * ci95[1])
    assert found.worst_rate == ci95[1] and found.unmeasured == ()
    both = policy_risk(waterfall(executor, (OtherModel(), LastSegments(2, risky=10))))
    assert both.unmeasured == ("other_model",) and both.worst_rate == 1.0
    assert both.upper >= 0.5
    safe = policy_risk(waterfall(executor, (ShorterOutput(0.5), SameRequest())))
    assert safe.upper == 0 and policy_risk([]).upper == 0


def test_calls_found_at_risk_are_no_base_of_the_rate() -> None:
    executor = InProcess(evaluator_of(calls_of(20)))
    (step,) = waterfall(executor, (LastSegments(2, risky=10),))
    few = replace(step, after=replace(step.after, at_risk=1))
    assert policy_risk([few]).upper == policy_risk([step]).upper
    assert policy_risk([few]).upper >= few.after.at_risk / few.after.calls
