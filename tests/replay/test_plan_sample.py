"""The plan as a whole: sample, budget, identity, what is left out, what it proves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from costopt.errors import UsageError
from costopt.layers.batch import Batch
from costopt.layers.compress import Compress
from costopt.layers.output import Output
from costopt.layers.session_budget import SessionBudget
from costopt.model.build import trace_of
from costopt.money import PICO_PER_USD
from costopt.replay.items import Arm, Half, Plan
from costopt.replay.money import Money
from costopt.replay.plan.proves import answers_for, half_width, least_share, sentence
from costopt.replay.plan.size import LEAST_NOISE, USUAL_LAYER_CALLS, noise_of
from costopt.replay.terms import Terms
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.fakes import FakeBook
from tests.layers.context import evaluator_of, texts_of
from tests.replay.fake_requests import calls_of, plan_of

EVALUATOR = evaluator_of(calls_of(60))
MOVES, CUTS = OtherModel(), LastSegments(2)


def planned(*layers: Any, **terms: Any) -> Plan:
    return plan_of(EVALUATOR, *layers, **terms)


def test_the_sum_of_the_items_is_the_plan() -> None:
    plan = planned(MOVES, CUTS, sample=30)
    assert plan.calls() == 30
    assert plan.worst_pusd == sum(i.worst_pusd for i in plan.items)
    assert plan.expected_pusd == sum(i.expected_pusd for i in plan.items)
    assert all(0 < i.expected_pusd <= i.worst_pusd for i in plan.items)
    assert len({i.id for i in plan.items}) == len(plan.items)


def test_over_budget_names_the_largest_sample_that_fits_and_no_larger_one_does() -> None:
    budget = planned(MOVES, CUTS, sample=40).worst_pusd * 2 // 3
    with pytest.raises(UsageError, match="Nothing was sent") as told:
        planned(MOVES, CUTS, sample=40, budget_pusd=budget)
    assert told.value.exit_code == 2
    largest = int(told.value.hint.split("--sample ")[1].split()[0])
    assert 0 < largest < 40
    assert planned(MOVES, CUTS, sample=largest, budget_pusd=budget).worst_pusd <= budget
    assert planned(MOVES, CUTS, sample=largest + 1).worst_pusd > budget
    enough = float(told.value.hint.rpartition("--budget ")[2])
    assert planned(MOVES, CUTS, sample=40, budget_pusd=round(enough * PICO_PER_USD)).calls() == 40


def test_without_a_sample_the_budget_decides_by_the_worst_case() -> None:
    budget = planned(MOVES, CUTS, sample=25).worst_pusd
    plan = planned(MOVES, CUTS, budget_pusd=budget)
    assert plan.calls() == 25
    assert plan.worst_pusd <= budget
    assert plan == planned(MOVES, CUTS, sample=25)
    assert planned(MOVES, CUTS, budget_pusd=budget - 1).calls() == 24


def test_a_budget_that_pays_for_no_call_says_what_one_costs() -> None:
    with pytest.raises(UsageError, match="Not one call"):
        planned(MOVES, budget_pusd=1)


def test_without_sample_and_budget_a_usual_number_of_calls_a_layer() -> None:
    evaluator = evaluator_of(calls_of(140))
    drawn = Counter(i.stratum for i in plan_of(evaluator, MOVES, CUTS).items if i.arm is Arm.POLICY)
    assert drawn["other_model"] == USUAL_LAYER_CALLS
    assert drawn["last_segments"] == USUAL_LAYER_CALLS


def test_a_target_interval_sizes_the_judging_half() -> None:
    assert half_width(answers_for(10)) <= 10 < half_width(answers_for(10) - 1)
    plan = planned(MOVES, target_ci_pp=15)
    judging = [i for i in plan.items if i.arm is Arm.POLICY and i.half is Half.JUDGES]
    assert abs(len(judging) - answers_for(15)) <= 1
    assert any("±15" in note for note in plan.notes)
    with pytest.raises(UsageError, match="budget"):
        planned(MOVES, target_ci_pp=15, budget_pusd=PICO_PER_USD // 1000)


def test_what_a_number_of_answers_proves() -> None:
    assert sentence(50) == "50 of 50 agreeing proves at least 92.9 %"
    assert least_share(0) == 0
    # Ten sessions of five calls prove as much as ten calls: all of a session may be alike.
    few = sentence(50, [n // 5 for n in range(50)])
    assert few == "50 of 50 agreeing proves at least 69.2 % (10 sessions)"
    assert sentence(50, range(50), [9.0] * 5 + [1.0] * 45) < sentence(50)  # five stand for half
    plan = planned(MOVES, sample=40)
    judging = [i for i in plan.items if i.half is Half.JUDGES and i.arm is Arm.POLICY]
    told = plan.proves["other_model"]
    assert told.startswith(f"{len(judging)} of {len(judging)} agreeing proves at least ")
    sessions = [i.cluster for i in judging]
    assert told == sentence(len(judging), sessions, [i.weight for i in judging])
    assert plan.population == {
        "other_model": int((EVALUATOR.trace.dims["model"].codes != 0).sum()) - 73
    }


def test_a_session_is_wholly_of_one_half() -> None:
    plan = planned(MOVES, CUTS, sample=80)
    half: dict[int, Half] = {}
    for item in plan.items:
        assert half.setdefault(item.session, item.half) is item.half
    sizes = Counter(i.half for i in plan.items if i.arm is Arm.POLICY)
    assert abs(sizes[Half.JUDGES] - sizes[Half.WRITES]) <= 4


def test_the_noise_share_has_a_floor() -> None:
    terms = Terms()
    assert [noise_of(n, terms) for n in (0, 5, LEAST_NOISE, 60, 81, 400)] == [0, 5, 20, 20, 21, 100]
    assert noise_of(50, Terms(noise_share=0)) == 0
    plan = planned(MOVES, sample=60)
    noise = [i for i in plan.items if i.arm is Arm.NOISE]
    assert len(noise) == LEAST_NOISE
    assert all(i.reference == "" and i.request.model == "m" for i in noise)


def test_weights_stand_for_the_log() -> None:
    plan = planned(MOVES, sample=40)
    assert sum(i.weight for i in plan.items if i.arm is Arm.POLICY) == pytest.approx(
        plan.population["other_model"]
    )


def test_the_same_calls_in_any_order_make_the_same_plan() -> None:
    calls = calls_of(40)
    one = plan_of(evaluator_of(calls), MOVES, CUTS, sample=30)
    trace = trace_of(calls[::-1])
    other = plan_of(evaluator_of(trace, texts=texts_of(trace, calls)), MOVES, CUTS, sample=30)
    assert one.id == other.id
    assert [i.id for i in one.items] == [i.id for i in other.items]
    assert one == plan_of(evaluator_of(calls), MOVES, CUTS, sample=30)


def test_whatever_decides_bytes_is_in_the_plans_identity() -> None:
    base = planned(MOVES, sample=20)
    same = planned(MOVES, sample=20, budget_pusd=10**15, concurrency=3, retry_in_doubt=True)
    assert same.id == base.id
    assert [i.id for i in same.items] == [i.id for i in base.items]
    others = [
        planned(MOVES, sample=21), planned(MOVES, sample=20, seed=1), planned(CUTS, sample=20),
        planned(MOVES, sample=20, cap_tokens=99), planned(MOVES, sample=20, cold=True),
        planned(MOVES, sample=20, model_map={"small": "llama"}),
        planned(MOVES, sample=20, endpoint="other.example.com"),
    ]  # fmt: skip
    assert len({base.id, *(o.id for o in others)}) == 1 + len(others)


def test_a_smaller_sample_is_a_beginning_of_a_larger_one() -> None:
    rows = [{i.row for i in planned(MOVES, CUTS, sample=n).items} for n in (10, 11, 30)]
    assert rows[0] < rows[1] < rows[2]


def test_calls_that_cannot_be_built_are_counted_and_replaced() -> None:
    whole = planned(MOVES, sample=20)
    refused = frozenset(sorted({i.call for i in whole.items})[:3])
    plan = planned(MOVES, sample=20, refused=refused)
    assert plan.calls() == 20
    assert not refused & {i.call for i in plan.items}
    assert [(x.reason, x.calls) for x in plan.left_out] == [
        ("an image that the ledger does not keep", 3)
    ]


def test_what_columns_rule_out_is_counted_over_the_log() -> None:
    calls = calls_of(20)
    for c in calls[:4]:
        c.request = None
    for c in calls[4:7]:
        c.usage.web_searches = 1
    plan = plan_of(evaluator_of(calls), sample=10)
    found = {x.reason: x.calls for x in plan.left_out}
    assert found["the log keeps no text of its request"] == 4
    assert sum(n for reason, n in found.items() if "search" in reason) == 3


def test_nothing_at_risk_measures_noise_and_bill() -> None:
    plan = planned(sample=30)
    assert {(i.arm, i.stratum, i.layers) for i in plan.items} == {(Arm.NOISE, "", ())}
    assert plan.calls() == 30 == len(plan.items)
    assert "agrees with itself" in plan.proves[""]


def test_layers_that_no_request_measures_say_so() -> None:
    every: Any = (("agent", ("*",)),)
    plan = planned(
        SessionBudget(usd=0.0005), Output(max_tokens="off", structured=every, ratio=0.7),
        Batch(match=every), sample=20, batch=False,
    )  # fmt: skip
    assert "arithmetic on the log" in plan.not_measured["session_budget"]
    assert "no form" in plan.not_measured["output"]
    assert plan.not_measured["batch"].startswith("price rule")
    assert planned(LastSegments(10_000), sample=4).not_measured == {
        "last_segments": "it changes no call of this log"
    }


def test_a_layer_whose_texts_nobody_wrote_is_left_out_of_what_is_sent() -> None:
    plan = planned(Compress(min_tokens=100, kinds=("system",)), MOVES, sample=10, noise_share=0)
    assert "not written" in plan.not_measured["compress"]
    assert {(i.layers, i.request.model) for i in plan.items} == {(("other_model",), "small")}
    for item in plan.items:
        assert item.predicted.input_tokens == EVALUATOR.trace.input_tokens[item.row]


def test_a_layer_without_a_call_in_the_sample_says_why() -> None:
    small = planned(MOVES, CUTS, sample=1, noise_share=0)
    assert small.not_measured == {"last_segments": "the sample is too small to hold a call of it"}
    none = planned(MOVES, refused=frozenset(EVALUATOR.trace.id))
    assert not none.items
    assert "an image" in none.not_measured["other_model"]
    assert sum(x.calls for x in none.left_out) == none.population["other_model"]


def test_a_few_lines_go_through_the_batch_api() -> None:
    plan = planned(Batch(match=(("agent", ("planner",)),)), sample=40)
    lines = [i for i in plan.items if i.request.service_tier == "batch"]
    assert len(lines) == 10
    assert all(i.arm is Arm.POLICY and i.stratum == "batch" for i in lines)
    assert "10 lines" in plan.proves["batch"]


def test_a_public_address_without_a_price_is_refused_before_anything() -> None:
    with pytest.raises(UsageError, match="unknown-llama"):
        planned(MOVES, sample=5, model_map={"small": "unknown-llama"})
    free = Money(FakeBook(), free=True)
    plan = planned(MOVES, sample=5, model_map={"small": "unknown-llama"}, money=free)
    items = [i for i in plan.items if i.arm is Arm.POLICY]
    assert [i.worst_pusd for i in items] == [0] * 5
    assert all(i.predicted.usd_pusd > 0 for i in items)


def test_providers_without_an_endpoint_are_left_out() -> None:
    found = plan_of(EVALUATOR, MOVES, sample=5, providers=("anthropic",))
    assert not found.items
    assert "no endpoint" in found.left_out[0].reason
    assert "no endpoint" in found.not_measured["other_model"]


def test_sessions_are_spread_as_far_as_strata_allow() -> None:
    rows = [i.row for i in planned(MOVES, sample=20).items if i.arm is Arm.POLICY]
    assert len(np.unique(EVALUATOR.trace.session[rows])) >= 18
