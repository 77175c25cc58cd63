"""Arms and references: who is compared with whom, and what is sent alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from costopt.engine.policy import Policy
from costopt.layers.base import Artifacts
from costopt.layers.exact_cache import ExactCache
from costopt.layers.output import Output
from costopt.layers.parts.requests import kept
from costopt.layers.prompt_layout import PromptLayout
from costopt.layers.trim_tools import TrimTools
from costopt.model.call import Breakpoint, Call, SegmentKind
from costopt.model.effect import Effect
from costopt.model.exchange import Request
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook
from costopt.replay.items import Arm, Item
from costopt.replay.money import Money
from costopt.replay.plan.plan import make_plan
from costopt.replay.terms import Terms
from tests.billing.small import call, seg, usage
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.fakes import FakeBook
from tests.layers.context import evaluator_of
from tests.replay.fake_requests import calls_of, plan_of

EVALUATOR = evaluator_of(calls_of(60))
MOVES, CUTS = OtherModel(), LastSegments(2)


@dataclass(frozen=True)
class CutsAll(LastSegments):
    """The first segment of every request, so that no call has another layer as its only risk."""

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        first = np.zeros(len(view.request.ids), np.bool_)
        first[view.request.offsets[:-1]] = True
        every = np.ones(view.trace.n, np.bool_)
        return Effect({Column.REQUEST: kept(view, ~first)}, every, every)


def by_arm(items: Any, arm: Arm) -> list[Item]:
    return [i for i in items if i.arm is arm]


def test_the_endpoints_own_model_is_compared_with_the_log() -> None:
    plan = plan_of(EVALUATOR, MOVES, sample=30)
    assert {i.arm for i in plan.items} == {Arm.POLICY, Arm.NOISE}
    assert {i.reference for i in plan.items} == {""}
    policy = by_arm(plan.items, Arm.POLICY)
    assert {(i.request.model, i.logged_model, i.layers) for i in policy} == {
        ("small", "small", ("other_model",))
    }


def test_a_model_that_stands_in_is_asked_for_its_own_reference() -> None:
    plan = plan_of(EVALUATOR, MOVES, sample=30, model_map={"m": "llama", "other": "llama"})
    base = {i.row: i for i in by_arm(plan.items, Arm.BASELINE)}
    assert len(base) == 30
    assert {i.request.model for i in base.values()} == {"llama"}
    assert {i.logged_model for i in base.values()} == {"m"}
    for item in (*by_arm(plan.items, Arm.POLICY), *by_arm(plan.items, Arm.NOISE)):
        assert item.reference == base[item.row].id
    assert all(i.reference == "" for i in base.values())
    assert any("Another model answers" in note for note in plan.notes)


def test_a_map_of_the_policys_model_alone_leaves_the_log_as_reference() -> None:
    plan = plan_of(EVALUATOR, MOVES, sample=10, model_map={"small": "gemma"})
    assert not by_arm(plan.items, Arm.BASELINE)
    assert {i.request.model for i in by_arm(plan.items, Arm.POLICY)} == {"gemma"}


def test_a_layer_that_is_never_the_only_risk_is_sent_alone() -> None:
    plan = plan_of(EVALUATOR, MOVES, CutsAll(), sample=40)
    alone = by_arm(plan.items, Arm.LAYER)
    assert {(i.stratum, i.layers) for i in alone} == {("other_model", ("other_model",))}
    for item in alone:
        assert item.request.model == "small"
        logged = int(EVALUATOR.trace.request.lengths[item.row])
        assert len(item.request.blocks) == logged  # nothing was cut
    mixed = [i for i in by_arm(plan.items, Arm.POLICY) if i.stratum == "other_model"]
    assert {i.layers for i in mixed} == {("other_model", "cuts_all")}
    assert {i.row for i in mixed} == {i.row for i in alone}
    assert not by_arm(
        plan_of(EVALUATOR, MOVES, CutsAll(), sample=40, isolate=False).items, Arm.LAYER
    )


def test_calls_of_one_risk_alternate_with_those_of_several() -> None:
    plan = plan_of(EVALUATOR, MOVES, CUTS, sample=20)
    drawn = [i for i in by_arm(plan.items, Arm.POLICY) if i.stratum == "other_model"]
    sole = sum(i.layers == ("other_model",) for i in drawn)
    assert len(drawn) / 2 <= sole < len(drawn)


def repeats() -> list[Call]:
    """Two questions, each asked in four sessions; the first of each is sent."""
    return [
        call(f"{q}{n}", ["system:be kind", f"user:question {q}"], usage(17, out=10), [f"assistant:{n}"],
             session_id=f"s{q}{n}", latency_ms=1000.0)
        for n in range(4) for q in range(2)
    ]  # fmt: skip


def test_a_cached_answer_is_judged_by_the_true_one() -> None:
    evaluator = evaluator_of(repeats())
    plan = plan_of(evaluator, ExactCache(), noise_share=0)
    assert len(plan.items) == plan.population["exact_cache"] == 6
    for item in plan.items:
        assert (item.arm, item.layers, item.reference) == (Arm.BASELINE, ("exact_cache",), "")
        assert evaluator.trace.id[item.served_from] == f"{item.call[0]}0"
    assert len({i.cluster for i in plan.items}) == 2  # hits of one entry are not independent


def test_where_another_model_answers_the_cached_answer_is_asked_anew() -> None:
    plan = plan_of(evaluator_of(repeats()), ExactCache(), noise_share=0, model_map={"m": "llama"})
    hits = [i for i in plan.items if i.served_from >= 0]
    sources = {i.id: i for i in plan.items if i.served_from < 0}
    assert len(hits) == 6
    assert len(sources) == 2  # each once, however many it serves
    assert {i.stratum for i in sources.values()} == {""}
    for item in hits:
        assert sources[item.reference].row == item.served_from
        assert sources[item.reference].half is item.half


def test_a_layout_is_sent_along_stretches_of_sessions() -> None:
    day = "system:Today is {}. " + "You help with orders. " * 60
    calls = []
    for s in range(6):
        said = [day.format(s), "user:hello"]
        for step in range(4):
            size = sum(len(x.partition(":")[2]) for x in said)
            calls.append(call(f"{s}-{step}", list(said), usage(size, out=9), ["assistant:yes"],
                              session_id=f"s{s}"))  # fmt: skip
            said += ["assistant:yes", f"user:and {step}?"]
    plan = plan_of(evaluator_of(calls), PromptLayout(only_if_cheaper=False), sample=12)
    drawn = by_arm(plan.items, Arm.POLICY)
    assert {i.stratum for i in drawn} == {"prompt_layout"}
    steps: dict[int, list[int]] = {}
    for item in sorted(drawn, key=lambda i: i.place):
        steps.setdefault(item.session, []).append(int(item.call[-1]))
    assert len(steps) == 4
    assert all(s == list(range(s[0], s[0] + 3)) for s in steps.values())


def test_a_lower_limit_is_sent_as_it_is() -> None:
    plan = plan_of(EVALUATOR, Output(max_tokens=100), sample=20)
    drawn = by_arm(plan.items, Arm.POLICY)
    assert {i.request.limit_tokens for i in drawn} == {100}
    written = EVALUATOR.trace.output_tokens
    for item in drawn:
        assert item.layers == (("output",) if written[item.row] > 100 else ())
        assert item.predicted.output_tokens == min(100, written[item.row])


def test_requests_without_a_cap_get_one() -> None:
    (plan, capped) = (plan_of(EVALUATOR, sample=30), plan_of(EVALUATOR, sample=30, cap_tokens=50))
    for item in plan.items:
        logged = int(EVALUATOR.trace.output_tokens[item.row])
        assert item.request.limit_tokens == max(256, 2 * logged)
    assert {i.request.limit_tokens for i in capped.items} == {50}
    assert all(i.predicted.output_tokens <= 50 for i in capped.items)


def test_a_cold_request_shares_no_beginning_with_any_other() -> None:
    calls = calls_of(12)
    for c in calls:
        assert c.request is not None
        c.request = [seg('tools:[{"name":"look","description":"Looks."}]'), *c.request]
        c.request[1].breakpoint = Breakpoint.TTL_5M
    plan = plan_of(evaluator_of(calls), CUTS, sample=12, cold=True)
    begins = set()
    for item in plan.items:
        tools, first = item.request.blocks[:2]
        assert first.kind is SegmentKind.SYSTEM
        assert first.text in tools.text
        begins.add(first.text)
        assert all(b.breakpoint is Breakpoint.NONE for b in item.request.blocks)
        assert item.predicted.cache_read_tokens == 0
    assert len(begins) == len(plan.items)
    assert sorted(i.place for i in plan.items) == list(range(len(plan.items)))


def test_thinking_needs_room_below_the_cap() -> None:
    class Thinks:
        def __init__(self, view: View, texts: Any, *, signed: bool) -> None:
            self.view = view

        def build(self, row: int) -> Request:
            settings = '{"thinking":{"budget_tokens":1024,"type":"enabled"}}'
            return Request("openai", "m", (), settings=settings)

    free = plan_of(EVALUATOR, sample=3, make=Thinks)
    logged = EVALUATOR.trace.output_tokens
    assert all(
        i.request.limit_tokens == 1024 + max(256, 2 * int(logged[i.row])) for i in free.items
    )
    assert not plan_of(EVALUATOR, sample=3, make=Thinks, cap_tokens=1000).items


def test_a_prompt_that_the_log_hides_makes_the_unchanged_request_the_reference() -> None:
    calls = calls_of(40)
    for c in calls:
        c.usage.leaves[0] += 900
    evaluator = evaluator_of(calls)
    hidden = evaluator.model.lineage.hidden.tokens
    assert hidden.min() > 500
    plan = plan_of(evaluator, MOVES, sample=10)
    assert len(by_arm(plan.items, Arm.BASELINE)) == 10
    assert any("log hides" in note for note in plan.notes)
    for item in plan.items:
        whole = int(evaluator.trace.input_tokens[item.row])
        assert item.predicted.input_tokens == pytest.approx(whole - hidden[item.row], abs=1)


def test_requests_are_those_of_the_view() -> None:
    """No stand-in for how requests are written: tools, results and their ids included."""
    long = "order 7 is late. " * 200
    calls = [
        call(f"c{s}", ["system:be kind", f"user:where is {s}?", 'call/look:{"order":7}',
                       f"result/look:{s} {long}", "assistant:It is late.", "user:why?"],
             usage(3600, out=30), ["assistant:because"], session_id=f"s{s}")
        for s in range(6)
    ]  # fmt: skip
    plan = make_plan(
        evaluator_of(calls), Policy((TrimTools(max_tokens=50),)), Terms(sample=4),
        Money(FakeBook()), endpoint="x",
    )  # fmt: skip
    for item in plan.items:
        tool, result = item.request.blocks[2:4]
        assert tool.call_id == result.call_id != ""
        assert (len(result.text) < 500) == (item.arm is Arm.POLICY)
        if item.arm is Arm.POLICY:
            assert item.predicted.input_tokens < 400
            assert item.layers == ("trim_tools",)


def test_a_plugins_layer_is_measured_by_what_it_edits() -> None:
    @dataclass(frozen=True)
    class Silent(LastSegments):
        def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
            found = super().apply(view, prices, artifacts)
            return Effect(found.columns)  # says nothing of what it touched

    plan = plan_of(EVALUATOR, Silent(2), sample=10)
    assert {i.layers for i in by_arm(plan.items, Arm.POLICY)} == {("silent",)}
