"""A projection: every published field, figures that agree with each other, and the truth as headline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

from costopt.billing.meter import meter
from costopt.engine.evaluate import Layers
from costopt.engine.headline import Facts, verdict
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.engine.settings import settings_of
from costopt.model.effect import LayerReport
from costopt.model.result import Projection
from tests.engine.stories import calls_of
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.engine.toys.same_request import SameRequest
from tests.engine.toys.shorter_output import ShorterOutput
from tests.layers.context import evaluator_of

ROW = {
    "layer", "settings", "step_usd", "solo_usd", "without_usd", "shapley_usd", "shapley_se_usd",
    "overhead_usd", "calls_touched", "evidence", "risk", "verified", "basis", "assumptions",
}  # fmt: skip


def projected(layers: Layers, sessions: int = 30, shapley: bool = True) -> Projection:
    evaluator = evaluator_of(calls_of(sessions))
    return project(InProcess(evaluator), evaluator, Policy(layers, "p.yaml"), shapley=shapley)


def test_every_published_field_is_there_and_is_json() -> None:
    found = projected((SameRequest(7), OtherModel(), LastSegments(2, risky=20), ShorterOutput(0.7)))
    assert json.loads(json.dumps(asdict(found)))["policy"] == "p.yaml"
    assert set(found.ci_parts) == {"sampling", "cache_model", "assumptions"}
    for row in found.layers:
        assert set(row) >= ROW
        assert set(row["risk"]) == {"metric", "value", "ci95", "basis"}
    assert found.layers[2]["settings"] == {"keep": 2, "risky": 20}
    assert found.as_of == "2026-11-01" and found.ci_basis == "30 sessions"


def test_steps_and_shares_sum_to_the_savings() -> None:
    found = projected((SameRequest(7), OtherModel(), LastSegments(2), ShorterOutput(0.7)))
    for column in ("step_usd", "shapley_usd"):
        total = sum(row[column] for row in found.layers)
        assert total == pytest.approx(found.savings_usd, abs=1e-12)
    assert found.baseline_usd - found.projected_usd == pytest.approx(found.savings_usd, abs=1e-12)
    assert found.savings_pct == pytest.approx(100 * found.savings_usd / found.baseline_usd)
    assert found.ci95_pct is not None and found.savings_pct is not None
    assert found.ci95_pct[0] < found.savings_pct < found.ci95_pct[1]


def test_the_headline_is_the_verified_layers_run_again_alone() -> None:
    layers: Layers = (OtherModel(), LastSegments(2, risky=20), ShorterOutput(0.7))
    evaluator = evaluator_of(calls_of(30))
    found = project(InProcess(evaluator), evaluator, Policy(layers))
    alone = evaluator.value(()) - evaluator.value(layers[1:])
    assert found.verified_savings_usd == pytest.approx(alone / 1e12, abs=1e-12)
    assert [row["verified"] for row in found.layers] == [False, True, True]
    same = projected(layers[1:])
    assert same.verified_savings_usd == same.savings_usd == found.verified_savings_usd
    assert same.verified_ci95_pct == same.ci95_pct == found.verified_ci95_pct


@dataclass(frozen=True)
class SureBehind(LastSegments):
    """Verified only where something in front of it has left few calls to touch."""

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        said = super().report(tally, detail)
        return replace(said, verified=tally.get("calls", 0) < 30)


def test_what_is_verified_only_beside_an_unverified_layer_goes_with_it() -> None:
    """Removed and run again until all that is left is verified where it then stands."""
    evaluator = evaluator_of(calls_of(30))
    layers: Layers = (LastSegments(3), SureBehind(2), ShorterOutput(0.7))
    found = project(InProcess(evaluator), evaluator, Policy(layers))
    alone = evaluator.value(()) - evaluator.value(layers[2:])
    assert [row["verified"] for row in found.layers] == [False, False, True]
    assert found.verified_savings_usd == pytest.approx(alone / 1e12, abs=1e-12)


def test_both_headlines_have_intervals_of_their_own() -> None:
    layers: Layers = (OtherModel(), LastSegments(2, risky=20), ShorterOutput(0.7, doubt=0.1))
    found = projected(layers)
    assert found.savings_pct is not None and found.verified_savings_pct is not None
    assert found.savings_pct != pytest.approx(found.verified_savings_pct, abs=0.5)
    for pct, interval in (
        (found.savings_pct, found.ci95_pct), (found.verified_savings_pct, found.verified_ci95_pct),
    ):  # fmt: skip
        assert interval is not None and interval[0] < pct < interval[1]
    assert found.ci95_pct != found.verified_ci95_pct
    for part in found.ci_parts.values():
        assert part[0] <= found.savings_pct <= part[1], "parts are of the whole policy's share"


def test_no_layers_is_the_bill_itself() -> None:
    evaluator = evaluator_of(calls_of(25))
    found = project(InProcess(evaluator), evaluator, Policy(()))
    bill = meter(evaluator.recorded, evaluator.prices)
    assert found.recorded_baseline_usd == bill.total_pusd / 1e12
    assert found.savings_usd == found.verified_savings_usd == 0 and found.ci95_pct == [0, 0]
    assert found.layers == [] and found.verdict.startswith("Nothing verified is saved")


def test_shares_can_be_left_out() -> None:
    found = projected((LastSegments(2), ShorterOutput(0.7)), shapley=False)
    assert [row["shapley_usd"] for row in found.layers] == [None, None]
    assert all(row["solo_usd"] and row["without_usd"] for row in found.layers)


def test_too_few_sessions_have_a_reason() -> None:
    found = projected((ShorterOutput(0.7),), sessions=8)
    assert found.ci95_pct is None and "8 sessions" in found.ci_reason
    assert found.ci_parts["reason"] == found.ci_reason


def test_above_the_limit_shares_come_from_a_sample_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("costopt.engine.project.SHAPLEY_CALLS", 50)
    monkeypatch.setattr("costopt.engine.project.SAMPLE_CALLS", 40)
    found = projected((LastSegments(2), ShorterOutput(0.7)), sessions=60)
    assert found.shapley_sampled and any("sample of" in note for note in found.notes)
    total = sum(row["shapley_usd"] for row in found.layers)
    assert total == pytest.approx(found.savings_usd, abs=1e-12)
    assert all(row["shapley_se_usd"] > 0 for row in found.layers)


def test_calls_without_a_price_are_in_neither_arm_and_counted() -> None:
    calls = calls_of(25)
    for c in calls[:3]:
        c.model = "unknown-model"
    evaluator = evaluator_of(calls)
    found = project(InProcess(evaluator), evaluator, Policy((ShorterOutput(0.7),)))
    assert "3 calls without a known price are in neither arm." in found.notes


def test_patterns_are_shown_as_they_are_written() -> None:
    shown = settings_of(ShorterOutput(0.5), {"match": (("agent", ("a*", "b")),), "chosen": 0.93})
    assert shown["match"] == {"agent": ["a*", "b"]} and shown["chosen"] == 0.93


FACTS = Facts(
    baseline_pusd=10**14, saved_pusd=3 * 10**13, verified_pusd=2 * 10**13, verified_pct=20.0,
    verified_ci95_pct=(15.0, 25.0), unverified=("route",), cached_share=0.8,
    cache_saved_pusd=10**14, residual_pusd=10**12,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "$20.00 saved, 20.0 % of $100.00. Unproven and not in it: route, $10.00 more"),
        ({"verified_pusd": -(10**12), "unverified": ()}, "costs $1.00 more than it saves"),
        ({"verified_pusd": 0}, "Nothing verified is saved. The provider's prompt cache already"),
        ({"residual_pusd": 2 * 10**13}, "model's own error, $20.00, is not smaller than the $20.00"),
        ({"verified_ci95_pct": (-1.0, 4.0)}, "No saving is shown: 20.0 % with a 95 % interval"),
        ({"verified_pct": 2.0}, "Little left to save: $20.00, 2.0 %. The provider's prompt cache"),
        ({"verified_pct": 2.0, "cached_share": 0.1}, "Little left to save: $20.00, 2.0 %. Unproven"),
        ({"saved_pusd": 10**13}, "With the unproven layers (route) it would cost $10.00 more."),
        ({"baseline_pusd": 0, "verified_pct": None}, "Nothing to save"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_is_true(change: dict[str, object], said: str) -> None:
    facts = Facts(**{**{n: getattr(FACTS, n) for n in FACTS.__dataclass_fields__}, **change})
    assert said in verdict(facts)
