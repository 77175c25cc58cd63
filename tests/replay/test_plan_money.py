"""Prices of a replay: a measured usage as the meter has it, and the bounds before anything is sent."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from costopt.billing.meter import meter
from costopt.errors import UsageError
from costopt.model.call import Breakpoint, SegmentKind, Usage
from costopt.model.exchange import Block, Request
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.prices.book import load_book
from costopt.prices.contract import CacheRules, ContextTier, DatedRates, RatePeriod, Unpriced
from costopt.replay.money import Money, plain_leaves
from tests.billing.small import call, timed
from tests.fakes import INPUT_RATE, OUTPUT_RATE, WRITE_RATE, FakeBook, rates

MONEY = Money(FakeBook())


def asked(**more: object) -> Request:
    given = {"max_tokens": 100} | more
    blocks = given.pop("blocks", (Block(SegmentKind.USER, "hello"),))
    return Request("openai", given.pop("model", "m"), blocks, **given)  # type: ignore[arg-type]


def test_a_measured_usage_costs_what_the_meter_says_to_the_pico_dollar() -> None:
    book = load_book(as_of=dt.date(2026, 11, 1))
    models = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5"]
    calls = []
    for i, model in enumerate(models):
        used = Usage()
        used.leaves[Leaf.INPUT_FRESH], used.leaves[Leaf.CACHE_READ] = 1_234 + i, 777 * i
        used.leaves[Leaf.OUTPUT_TEXT], used.leaves[Leaf.OUTPUT_REASONING] = 91 + i, 17 * i
        calls.append(call(f"c{i}", None, used, model=model, provider="openai"))
    trace = timed(calls)
    bill = meter(View.of(trace), book, at="as_of")
    money = Money(book)
    names = trace.dims["model"].texts()
    found = [money.cost("openai", names[r], trace.leaves[r].tolist()) for r in range(trace.n)]
    assert found == bill.net_pusd.tolist()
    assert all(found)


def test_context_tiers_discounts_and_searches_are_charged() -> None:
    money = Money(_Book())
    below, above = plain_leaves(200_000, 0), plain_leaves(200_001, 0)
    assert money.cost("x", "m", below) == 200_000 * INPUT_RATE * 9 // 10
    assert money.cost("x", "m", above) == 200_001 * 2 * INPUT_RATE * 9 // 10
    assert money.cost("x", "m", plain_leaves(0, 0), web_searches=3) == 3 * 70 * 9 // 10


def test_further_models_inside_an_answer_are_charged_at_their_own_price() -> None:
    book = load_book(as_of=dt.date(2026, 11, 1))
    money = Money(book)
    own, advice = plain_leaves(1_000, 50), plain_leaves(2_000, 80)
    both = money.cost("openai", "gpt-4o-mini", own, extra=(("gpt-4o", advice),))
    parts = [money.cost("openai", "gpt-4o-mini", own), money.cost("openai", "gpt-4o", advice)]
    assert both is not None and None not in parts and both == sum(p for p in parts if p)
    assert money.cost("openai", "gpt-4o-mini", own, extra=(("nobody-1", advice),)) is None


def test_without_a_price_nothing_is_known_and_at_home_it_is_free() -> None:
    leaves = plain_leaves(10, 10)
    assert MONEY.cost("openai", "unknown-1", leaves) is None
    assert Money(FakeBook(), free=True).cost("openai", "unknown-1", leaves) == 0
    assert Money(FakeBook(), free=True).bounds(asked(model="unknown-1"), 10) == (0, 0)
    with pytest.raises(UsageError, match="unknown-1") as told:
        MONEY.check([("openai", "m"), ("openai", "unknown-1")])
    assert told.value.exit_code == 2
    assert "prices.yaml" in told.value.hint
    Money(FakeBook(), free=True).check([("openai", "unknown-1")])


def test_what_has_a_price_costs_it_at_home_too() -> None:
    """A gateway on the own machine passes the calls on to where they are charged."""
    assert Money(FakeBook(), free=True).cost("openai", "m", plain_leaves(1, 0)) == INPUT_RATE


def test_at_worst_nothing_is_cached_and_the_answer_fills_its_cap() -> None:
    expected, worst = MONEY.bounds(
        asked(max_tokens=500, cap_tokens=200), 1000, 50, worst_input=1150
    )
    assert expected == 1000 * INPUT_RATE + 50 * OUTPUT_RATE
    assert worst == 1150 * INPUT_RATE + 200 * OUTPUT_RATE


def test_marks_may_be_written_at_the_dearer_rate() -> None:
    marked = (Block(SegmentKind.SYSTEM, "be brief", breakpoint=Breakpoint.TTL_5M),)
    assert MONEY.bounds(asked(blocks=marked), 1000, 0)[1] == 1000 * WRITE_RATE + 100 * OUTPUT_RATE


def test_each_of_several_answers_is_charged() -> None:
    once = MONEY.bounds(asked(), 0)[1]
    assert MONEY.bounds(asked(settings='{"n":3}'), 0)[1] == 3 * once
    assert MONEY.bounds(asked(settings='{"candidateCount":4}'), 0)[1] == 4 * once  # sent as `n`


def test_without_a_cap_there_is_no_worst_case() -> None:
    with pytest.raises(ValueError, match="cap"):
        MONEY.bounds(replace(asked(), max_tokens=None), 10)


def test_the_worst_case_is_never_below_what_any_usage_inside_it_costs() -> None:
    money = Money(_Book())
    request = asked(max_tokens=10)
    for tokens in (1, 199_999, 200_000, 200_001, 400_000):
        _, worst = money.bounds(request, tokens, 0)
        for leaf in (Leaf.INPUT_FRESH, Leaf.CACHE_READ):
            leaves = list(plain_leaves(0, 10))
            leaves[leaf] = tokens
            cost = money.cost("openai", "m", leaves)
            assert cost is not None
            assert cost <= worst


class _Book:
    """Twice as dear above 200,000 input tokens, 10 % off."""

    as_of = dt.date(2026, 11, 1)
    version = "two tiers"

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        tiers = (ContextTier(0, False, rates()), ContextTier(200_000, False, rates(2)))
        period = RatePeriod(-(2**63), tiers, 70, "two tiers")
        return DatedRates(provider, model, (period,), 900_000)

    def canonical(self, provider: str, model: str) -> tuple[str, str] | None:
        return provider, model

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        return FakeBook().cache_rules(provider, model, at_us)
