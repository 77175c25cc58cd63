"""Laws of the meter, under the real price book where prices matter."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.billing.meter import meter
from costopt.model.build import trace_of
from costopt.model.call import Call
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import exact_sum
from costopt.prices.book import Book, load_book
from costopt.prices.contract import NO_RATE, DatedRates, Unpriced
from tests.billing.small import call, timed, usage

MODELS = [
    ("openai", "gpt-4o-mini"), ("openai", "gpt-5-2025-08-07"), ("openai", "gpt-5.6-sol"),
    ("openai", "o3-2025-04-16"), ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"), ("google", "gemini-2.5-pro"), ("openai", "unheard-of"),
]  # fmt: skip
TOKENS = st.integers(0, 300_000)


@cache
def book() -> Book:
    return load_book(as_of=dt.date(2026, 11, 20))


class Doubled(Book):
    """The real book, every price twice as high."""

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        found = book().rates(provider, model, tier=tier, region=region, speed=speed)
        if isinstance(found, Unpriced):
            return found
        periods = []
        for period in found.periods:
            tiers = [
                replace(t, rates=tuple(r if r == NO_RATE else 2 * r for r in t.rates))
                for t in period.tiers
            ]
            periods.append(replace(period, tiers=tuple(tiers)))
        return replace(found, periods=tuple(periods))


@st.composite
def calls(draw: st.DrawFn) -> list[Call]:
    made = []
    for i in range(draw(st.integers(1, 8))):
        provider, model = draw(st.sampled_from(MODELS))
        used = usage(draw(TOKENS), draw(TOKENS), 0, draw(TOKENS), draw(TOKENS))
        made.append(
            call(str(i), None, used, provider=provider, model=model,
                 service_tier=draw(st.sampled_from(["default", "batch"])))
        )  # fmt: skip
    return made


def billed(trace: Trace) -> int:
    return meter(View.of(trace), book()).total_pusd


@given(calls())
@settings(max_examples=40, deadline=None)
def test_twice_the_prices_are_twice_the_bill(made: list[Call]) -> None:
    view = View.of(timed(made))
    once, twice = meter(view, book()), meter(view, Doubled(dt.date(2026, 11, 20)))
    assert twice.total_pusd == 2 * once.total_pusd
    assert (twice.status == once.status).all()


@given(calls())
@settings(max_examples=40, deadline=None)
def test_parts_sum_to_the_whole_in_integers(made: list[Call]) -> None:
    bill = meter(View.of(timed(made)), book())
    leaves = sum(int(x) for x in bill.leaf_pusd.reshape(-1).tolist())
    assert leaves + exact_sum(bill.fee_pusd) - exact_sum(bill.discount_pusd) == bill.total_pusd
    assert (bill.leaf_pusd >= 0).all()
    assert not bill.net_pusd[~bill.priced].any()


@given(calls(), st.randoms(use_true_random=False), st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_neither_order_nor_repetition_nor_splitting_changes_the_bill(
    made: list[Call], random: object, cut: int
) -> None:
    whole = billed(timed(made))
    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert billed(trace_of(shuffled)) == whole
    assert billed(trace_of([*shuffled, *made])) == whole
    assert billed(trace_of(made[:cut])) + billed(trace_of(made[cut:])) == whole


# Read dearer than fresh in the list itself (OpenRouter's page of 2026-11): shown, not hidden.
LISTED_SO = {("openrouter", "~deepseek/deepseek-pro-latest")}


@cache
def rows_of_the_book() -> list[tuple[str, str, tuple[int, ...]]]:
    """(provider, model, rates) of every period and context tier at the standard service tier."""
    from genai_prices.data import providers

    found = []
    for provider in providers:
        for model in provider.models:
            rates = book().rates(provider.id, model.id)
            periods = () if isinstance(rates, Unpriced) else rates.periods
            distinct = dict.fromkeys(t.rates for p in periods for t in p.tiers)
            found += [(provider.id, model.id, row) for row in distinct]
    return found


def test_turning_fresh_input_into_cache_reads_never_raises_the_bill() -> None:
    # BILLING_TRAPS 13, for every model, period and context tier of the book.
    both = [
        (provider, model, row[Leaf.INPUT_FRESH], row[Leaf.CACHE_READ])
        for provider, model, row in rows_of_the_book()
        if NO_RATE not in (row[Leaf.INPUT_FRESH], row[Leaf.CACHE_READ])
    ]
    assert len(both) > 500
    assert [r for r in both if r[3] > r[2] and r[:2] not in LISTED_SO] == []


def test_a_rate_is_a_price_or_none_never_a_sentinel() -> None:
    # BILLING_TRAPS 44: a catalogue's -1 ("varies") became a negative cost.
    assert all(len(row) == N_LEAVES for _, _, row in rows_of_the_book())
    assert min(min(row) for _, _, row in rows_of_the_book()) == NO_RATE


@given(st.sampled_from([m for m in MODELS if m[1] != "unheard-of"]), TOKENS, TOKENS, TOKENS)
@settings(max_examples=40, deadline=None)
def test_nor_does_it_through_the_meter(
    name: tuple[str, str], fresh: int, read: int, moved: int
) -> None:
    provider, model = name
    moved = min(moved, fresh)

    def cost(used_fresh: int, used_read: int) -> int:
        one = call("a", None, usage(used_fresh, used_read, 0, 10), provider=provider, model=model)
        return billed(timed([one]))

    assert cost(fresh - moved, read + moved) <= cost(fresh, read)
