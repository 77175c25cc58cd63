"""Findings about models, limits, tiers and sessions; they need no text."""

from __future__ import annotations

import datetime as dt

from costopt.findings import (
    background_on_demand,
    long_context_tier,
    not_in_the_bill,
    reasoning_share,
    runaway_sessions,
    simple_work_dear_model,
    token_limits,
)
from costopt.findings.simple_work_dear_model import smaller
from costopt.model.call import Call, missing_usage
from costopt.prices.contract import ContextTier, DatedRates, RatePeriod, Unpriced
from tests.billing.small import call, usage
from tests.fakes import SEARCH_PUSD, FakeBook, rates
from tests.findings.context import context_of


class CheapMini(FakeBook):
    """Models called mini cost a tenth."""

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        tiers = (ContextTier(0, False, rates(0.1 if "mini" in model else 1.0)),)
        return DatedRates(provider, model, (RatePeriod(-(2**63), tiers, SEARCH_PUSD, model),))


class TieredBook(FakeBook):
    """Twice the price above 1,000 tokens of input."""

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        tiers = (ContextTier(0, False, rates()), ContextTier(1000, False, rates(2.0)))
        return DatedRates(provider, model, (RatePeriod(-(2**63), tiers, SEARCH_PUSD, model),))


def plain(count: int, **more: object) -> list[Call]:
    """Calls of 100 tokens in and 10 out, each in a session of its own."""
    return [
        call(f"c{i}", None, usage(fresh=100, out=10), session_id=f"s{i}", **more)  # type: ignore[arg-type]
        for i in range(count)
    ]


def test_cut_replies_that_were_asked_again() -> None:
    calls = [
        call("c0", ["user:hello"], usage(fresh=5, out=10), ["assistant:hi"], finish="length"),
        call("c1", ["user:hello"], usage(fresh=5, out=10), ["assistant:hi"], finish="stop"),
        call("c2", ["user:other"], usage(fresh=5, out=10), ["assistant:hi"], finish="MAX_TOKENS"),
    ]
    (found,) = token_limits.find(context_of(calls))
    assert found.title == "planner: 2 replies cut by max_tokens"
    # Only the first was sent again: 5 tokens in and 10 out.
    assert found.usd == 105_000_000
    assert found.evidence["cut"] == 2


def test_a_limit_far_above_need_saves_nothing_and_says_so() -> None:
    (found,) = token_limits.find(context_of(plain(50, max_tokens=4096)))
    assert found.title == "planner: max_tokens 4,096, 99 % of replies need 10"
    assert found.usd == 0 and "no direct saving" in found.evidence["basis"]


def test_a_fitting_limit() -> None:
    assert token_limits.find(context_of(plain(50, max_tokens=40))) == []


def test_simple_work_on_a_dear_model() -> None:
    (found,) = simple_work_dear_model.find(context_of(plain(20, model="gpt-4o"), CheapMini()))
    # A tenth of the price: nine tenths of (100 + 10 x 10) x $1 a million tokens are saved.
    assert found.usd == 20 * 180_000_000
    assert found.estimated and found.layer == "route"
    assert found.evidence["smaller_model"] == "gpt-4o-mini"


def test_work_with_long_answers_is_not_simple() -> None:
    calls = plain(20, model="gpt-4o")
    for c in calls:
        c.usage = usage(fresh=100, out=900)
    assert simple_work_dear_model.find(context_of(calls, CheapMini())) == []


def test_the_smaller_sibling_by_name() -> None:
    assert smaller("gpt-4o-2024-11-20") == "gpt-4o-mini"
    assert smaller("gpt-4o-mini") is None
    assert smaller("gpt-4.1-nano") is None
    assert smaller("gpt-5.1") == "gpt-5-mini"
    assert smaller("claude-haiku-4-5") is None
    assert smaller("o1-mini") is None


def test_a_few_tokens_above_the_price_tier() -> None:
    calls = plain(2)
    calls[0].usage = usage(fresh=1050, out=10)
    calls[1].usage = usage(fresh=1200, out=10)  # a fifth above: another design, not a trim
    (found,) = long_context_tier.find(context_of(calls, TieredBook()))
    # (1,050 + 100) x $2 less (1,000 + 100) x $1 a million.
    assert found.usd == 2_300_000_000 - 1_100_000_000
    assert len(found.calls) == 1


def test_at_the_threshold_is_the_base_tier() -> None:
    calls = plain(1)
    calls[0].usage = usage(fresh=1000, out=10)
    assert long_context_tier.find(context_of(calls, TieredBook())) == []


def test_runaway_sessions() -> None:
    calls = plain(40)
    calls += [call(f"r{i}", None, usage(fresh=100, out=10), session_id="r") for i in range(20)]
    (found,) = runaway_sessions.find(context_of(calls))
    # A usual session costs $0.0002, the budget is eight times that: 12 of the 20 calls are beyond it.
    assert found.usd == 12 * 200_000_000
    assert found.estimated and found.layer == "session_budget"


def test_sessions_that_are_alike() -> None:
    assert runaway_sessions.find(context_of(plain(40))) == []


def test_reasoning_for_short_answers() -> None:
    calls = plain(40)
    for i, c in enumerate(calls):
        c.usage = usage(fresh=100, out=10, reasoning=100 if i < 20 else 1100)
    (found,) = reasoning_share.find(context_of(calls))
    assert found.title == "planner: 98 % of output dollars are reasoning"
    # The leanest quarter thinks 100 tokens: 1,000 more at $10 a million in twenty calls.
    assert found.usd == 20 * 1000 * 10_000_000
    assert found.estimated


def test_little_reasoning() -> None:
    calls = plain(40)
    for c in calls:
        c.usage = usage(fresh=100, out=60, reasoning=40)
    assert reasoning_share.find(context_of(calls)) == []


def test_calls_that_are_not_in_the_bill() -> None:
    calls = plain(3)
    calls[0].model = "unknown-1"
    calls[1].usage = missing_usage()
    found = not_in_the_bill.find(context_of(calls))
    assert sorted(f.title for f in found) == [
        "m: 1 call without usage", "unknown-1: 1 call without a price",
    ]  # fmt: skip
    assert all(f.usd == 0 for f in found)


def test_all_in_the_bill() -> None:
    assert not_in_the_bill.find(context_of(plain(3))) == []


def test_background_work_by_name() -> None:
    (found,) = background_on_demand.find(context_of(plain(3, agent="nightly-digest")))
    # Half of (100 + 10 x 10) x $1 a million.
    assert found.usd == 3 * 100_000_000
    assert found.estimated and found.layer == "batch"


def test_background_work_by_the_hour() -> None:
    day = int(dt.datetime(2026, 10, 1, 2, 5, tzinfo=dt.UTC).timestamp()) * 1_000_000
    calls = plain(60)
    for i, c in enumerate(calls):
        c.at_us = day + (i % 6) * 86_400_000_000 + i * 60_000_000
    assert len(background_on_demand.find(context_of(calls))) == 1
    for i, c in enumerate(calls):
        c.at_us = day + (i % 6) * 86_400_000_000 + (i * 1_380 % 86_400) * 1_000_000
    assert background_on_demand.find(context_of(calls)) == []


def test_a_cached_read_that_loses_its_discount_makes_batch_dearer() -> None:
    calls = plain(3, agent="nightly")
    for c in calls:
        # $0.0001 of reads would be $0.0005 fresh in a batch; the answer's saving is less.
        c.usage = usage(read=1000, out=10)
    assert background_on_demand.find(context_of(calls)) == []


def test_steps_that_build_on_each_other_are_not_batched() -> None:
    calls, history = [], ["user:go"]
    for i in range(3):
        calls.append(call(f"c{i}", list(history), usage(fresh=100, out=10), [f"assistant:{i}"],
                          agent="nightly"))  # fmt: skip
        history += [f"assistant:{i}", "user:next"]
    assert background_on_demand.find(context_of(calls)) == []


def test_a_batch_call_is_batched_already() -> None:
    calls = plain(3, agent="nightly", service_tier="batch")
    assert background_on_demand.find(context_of(calls)) == []
