"""Predictions: the projection's tokens at this replay's own order, priced by the view's model."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from costopt.model.call import Breakpoint, Call
from costopt.model.leaf import INPUT, N_LEAVES, Leaf
from costopt.prices.contract import NO_RATE, CacheRules, DatedRates, Unpriced
from costopt.replay.items import Arm, Item
from costopt.replay.money import Money
from costopt.replay.plan.predicted import priced
from tests.billing.small import call, seg, usage
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.fakes import INPUT_RATE, OUTPUT_RATE, READ_RATE, WRITE_RATE, FakeBook
from tests.layers.context import evaluator_of
from tests.replay.fake_requests import calls_of, plan_of

SYSTEM = "system:" + "Answer politely and briefly. " * 80
CUTS = LastSegments(2)


def grown(sessions: int, steps: int = 3, system: str = SYSTEM, **more: Any) -> list[Call]:
    """Sessions of their own system prompt that grow; what an earlier call had sent was read, mostly."""
    calls = []
    for s in range(sessions):
        said = [f"{system} {s}", "user:hello"]
        for step in range(steps):
            size = sum(len(x.partition(":")[2]) for x in said)
            read = size // 128 * 128 if step else 0
            used = usage(size - read, read=read, out=20)
            calls.append(call(f"{s}-{step}", list(said), used, ["assistant:yes"],
                              session_id=f"s{s}", latency_ms=700.0, **more))  # fmt: skip
            said += ["assistant:yes", f"user:and {step}?"]
    return calls


def cost(item: Item) -> int:
    """At the fake rates, by hand."""
    told = item.predicted
    read, written = round(told.cache_read_tokens), told.cache_write_tokens
    fresh = told.input_tokens - read - written
    return (
        fresh * INPUT_RATE + read * READ_RATE + written * WRITE_RATE
        + told.output_tokens * OUTPUT_RATE
    )  # fmt: skip


def test_totals_are_the_projections_not_counted_anew() -> None:
    evaluator = evaluator_of(calls_of(30))
    view = evaluator.state((CUTS,)).view
    plan = plan_of(evaluator, CUTS, sample=20)
    for item in plan.items:
        leaves = view.leaves if item.arm is Arm.POLICY else evaluator.trace.leaves
        assert item.predicted.input_tokens == leaves[item.row, INPUT].sum()
        assert item.predicted.output_tokens == evaluator.trace.output_tokens[item.row]
        assert item.predicted.usd_pusd == cost(item)
        assert item.expected_pusd == cost(item)


def test_only_what_the_replay_sends_itself_is_warm() -> None:
    """The log's calls come from sessions whose earlier calls are not in the sample."""
    evaluator = evaluator_of(calls_of(30))
    assert evaluator.trace.cache_read.any()
    alone = plan_of(evaluator, sample=1, noise_share=0)
    assert [i.predicted.cache_read_tokens for i in alone.items] == [0.0]
    assert [i.predicted.cache_read_variance for i in alone.items] == [0.0]


def test_a_session_in_order_warms_its_own_later_calls() -> None:
    evaluator = evaluator_of(grown(3))
    plan = plan_of(evaluator, noise_share=0)
    assert len(plan.items) == 9
    for item in plan.items:
        told = item.predicted
        assert item.place == int(item.call[-1])
        if item.place == 0:
            assert told.cache_read_tokens == 0
        else:
            before = evaluator.trace.input_tokens[item.row - 1]
            assert 0.3 * before < told.cache_read_tokens <= told.input_tokens
            assert told.cache_read_variance > 0


def test_a_prompt_that_all_share_is_warm_for_sessions_that_start_later() -> None:
    evaluator = evaluator_of([
        call(f"c{s}", [SYSTEM, f"user:{s}"], usage(2321, out=5), session_id=f"s{s}", latency_ms=500.0)
        for s in range(10)
    ])  # fmt: skip
    read = {}
    for lanes in (1, 10):
        plan = plan_of(evaluator, noise_share=0, concurrency=lanes)
        read[lanes] = sum(i.predicted.cache_read_tokens > 0 for i in plan.items)
    assert read[1] == 9
    assert read[10] < 9  # those that begin together find nothing


def test_the_unchanged_request_sent_again_is_warm_throughout() -> None:
    plan = plan_of(evaluator_of(grown(1, steps=1)), noise_share=1, model_map={"m": "n"})
    by_arm = {i.arm: i.predicted for i in plan.items}
    assert by_arm[Arm.BASELINE].cache_read_tokens == 0
    assert by_arm[Arm.NOISE].cache_read_tokens > 0.5 * by_arm[Arm.NOISE].input_tokens


def test_a_model_that_the_book_knows_no_cache_of_has_none() -> None:
    evaluator = evaluator_of(grown(3), prices=_Book())
    money = Money(_Book(), free=True)
    plan = plan_of(evaluator, noise_share=0, model_map={"m": "unknown-llama"}, money=money)
    assert {i.predicted.cache_read_tokens for i in plan.items} == {0.0}
    assert {i.expected_pusd for i in plan.items} == {0}
    assert all(i.predicted.usd_pusd == cost(i) for i in plan.items)  # by the view's model


def test_marks_are_written_once_and_read_then() -> None:
    calls = grown(2, steps=2, provider="anthropic")
    for c in calls:
        assert c.request is not None
        c.request[0] = seg(f"{SYSTEM} {c.session_id}", breakpoint=Breakpoint.TTL_5M)
        c.usage.leaves[:2] = sum(len(s.text) for s in c.request), 0
    book = _Book()
    plan = plan_of(evaluator_of(calls, prices=book), noise_share=0, money=Money(book))
    marked = len(SYSTEM.partition(":")[2]) + 3
    for item in plan.items:
        told = item.predicted
        if item.place == 0:
            assert told.cache_write_tokens == pytest.approx(marked, abs=1)
        else:
            assert told.cache_read_tokens + told.cache_write_tokens == pytest.approx(marked, abs=1)
            assert told.cache_read_tokens > 0
        assert item.expected_pusd == cost(item)
        assert item.worst_pusd >= told.input_tokens * WRITE_RATE


def test_dollars_are_those_of_the_model_that_is_asked() -> None:
    evaluator = evaluator_of(calls_of(10))
    money = Money(_Double())
    plan = plan_of(evaluator, OtherModel(), sample=5, money=money, noise_share=0)
    for item in plan.items:
        assert item.predicted.usd_pusd == cost(item)
        assert item.expected_pusd == 2 * cost(item)


def test_latencies_are_the_logs_own() -> None:
    plan = plan_of(evaluator_of(grown(2)), noise_share=0)
    assert {i.predicted.latency_ms for i in plan.items} == {700.0}
    assert {i.predicted.ttft_ms for i in plan.items} == {None}


class _Book(FakeBook):
    """Marks are needed at one provider, unknown models have no cache."""

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        mode = "breakpoint" if provider == "anthropic" else "automatic"
        if model.startswith("unknown"):
            mode = "none"
        return CacheRules(
            provider, model, mode, -(2**63), 1024, 1, 300, True, 100_000,
            1_250_000 if mode == "breakpoint" else 1_000_000, False, "fake",
        )  # fmt: skip


class _Double(FakeBook):
    """Everything is twice as dear."""

    as_of = dt.date(2026, 11, 1)

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        found = super().rates(provider, model, tier=tier)
        assert isinstance(found, DatedRates)
        (period,) = found.periods
        tiers = tuple(replace(t, rates=tuple(2 * r for r in t.rates)) for t in period.tiers)
        return replace(found, periods=(replace(period, tiers=tiers),))


def test_tokens_of_a_cache_that_the_logged_model_has_not_are_no_gift() -> None:
    """A stand-in says what it read from its cache; the book has no price for that: all input is fresh."""

    class NoCache(FakeBook):
        def rates(self, provider: str, model: str, **how: Any) -> DatedRates | Unpriced:
            found = super().rates(provider, model)
            assert isinstance(found, DatedRates)
            (period,) = found.periods
            (tier,) = period.tiers
            row = list(tier.rates)
            row[Leaf.CACHE_READ] = NO_RATE
            tiers = (replace(tier, rates=tuple(row)),)
            return replace(found, periods=(replace(period, tiers=tiers),))

    leaves = [0] * N_LEAVES
    leaves[Leaf.INPUT_FRESH], leaves[Leaf.CACHE_READ] = 20, 80
    leaves[Leaf.OUTPUT_TEXT], leaves[Leaf.OUTPUT_REASONING] = 5, 7
    money = Money(NoCache())
    assert money.cost("openai", "m", leaves) is None
    assert priced(money, "openai", "m", leaves, "default") == 100 * INPUT_RATE + 12 * OUTPUT_RATE
