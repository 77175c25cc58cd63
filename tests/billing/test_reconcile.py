"""Recorded against computed, call by call; each cause is found by making that mistake."""

from __future__ import annotations

import pytest

from costopt.billing.meter import meter
from costopt.billing.reconcile import reconcile, recorded_total
from costopt.model.call import Call, CallStatus, UsageState
from costopt.model.leaf import Leaf
from costopt.model.result import Reconciliation
from costopt.model.view import View
from costopt.money import pico
from costopt.prices.contract import ContextTier, DatedRates, RatePeriod
from tests.billing.small import call, timed, usage
from tests.billing.test_meter import OneRow, WideBook
from tests.fakes import rates


def compared(*calls: Call) -> Reconciliation:
    trace = timed(list(calls))
    return reconcile(trace, meter(View.of(trace), WideBook()), WideBook())


def causes(*calls: Call) -> list[str]:
    return [g.cause for g in compared(*calls).groups]


def recorded(usd: str, *counts: int, key: str = "a", **more: object) -> Call:
    return call(key, None, usage(*counts), recorded_usd=usd, **more)


def test_equal_within_a_billionth_of_a_dollar() -> None:
    # 1,000 tokens at $1 a million = $0.001.
    found = compared(recorded("0.001", 1000), recorded("0.0010000009", 1000, key="b"))
    assert (found.compared, found.equal, found.groups) == (2, 2, [])
    assert compared(recorded("0.00100001", 1000)).equal == 0


def test_calls_without_a_recorded_or_a_known_cost_are_not_compared() -> None:
    plain = call("a", None, usage(1000))
    unknown = recorded("0.5", 1000, key="b", model="unknown-x")
    assert compared(plain, unknown).compared == 0


def test_recorded_total() -> None:
    assert recorded_total(timed([call("a", None, usage(1))])) is None
    assert recorded_total(timed([recorded("0.25", 1), recorded("0.5", 1, key="b")])) == pico("0.75")


def test_the_difference_is_recorded_minus_computed() -> None:
    found = compared(recorded("0.003", 1000), recorded("0.0005", 1000, key="b"))
    assert found.diff_usd == pytest.approx(0.0015)
    assert found.max_abs_diff_usd == pytest.approx(0.002)


# $1 fresh, $0.10 read, $1.25 written, $10 output a million tokens.
@pytest.mark.parametrize(
    ("usd", "counts", "more", "cause"),
    [
        # 1000 + 2000 fresh x $1, 10 x $10
        ("0.0031", (1000, 2000, 0, 10), {}, "cached input at the full price"),
        # 1000 + 2000 x $1 + 2000 x $0.10 + 10 x $10
        ("0.0033", (1000, 2000, 0, 10), {}, "cache reads charged twice"),
        # 1000 + 400 x $1 + 400 x $1.25
        ("0.0019", (1000, 0, 400, 0), {}, "cache writes charged twice"),
        # 1400 x $1
        ("0.0014", (1000, 0, 400, 0), {}, "cache writes at the input price"),
        # 1000 x $1 + 10 x $10: the reads fell away
        ("0.0011", (1000, 2000, 0, 10), {}, "cache reads left out"),
        # 1000 x $1 + (10 + 5 + 5) x $10
        ("0.0012", (1000, 0, 0, 10, 5), {}, "reasoning added to the output that holds it"),
        ("0.0011", (1000, 0, 0, 10, 5), {}, "reasoning left out"),
        # 1000 x $1 + 7 x $10 where batch is half
        ("0.00107", (1000, 0, 0, 7), {"service_tier": "batch"},
         "batch, flex or priority tier ignored"),
        ("0.000535", (1000, 0, 0, 7), {}, "priced as batch"),
        # 2000 tokens above the threshold at $3, recorded at $1
        ("0.00207", (2000, 0, 0, 7), {"model": "long"}, "long-context tier ignored"),
        # 15 % off: recorded at list
        ("0.00107", (1000, 0, 0, 7), {"model": "deal"}, "list price, the discount left out"),
        # `dated` costs $1 before the change and $2 after it
        ("0.00214", (1000, 0, 0, 7), {"model": "dated"}, "another date's price"),
        ("0.001", (1000, 0, 0, 7), {}, "only the input priced"),
        ("0.00007", (1000, 0, 0, 7), {}, "only the output priced"),
        ("0", (1000, 0, 0, 7), {}, "recorded as $0"),
        # $0.00123456 written with four decimals
        ("0.0012", (1234, 0, 0, 0), {}, "rounding in the log"),
        ("0.9", (1000, 0, 0, 7), {}, "unexplained: openai/m"),
    ],
)  # fmt: skip
def test_a_cause(usd: str, counts: tuple[int, ...], more: dict[str, object], cause: str) -> None:
    assert causes(recorded(usd, *counts, **more)) == [cause]


def test_searches_left_out() -> None:
    one = recorded("0.001", 1000)
    one.usage.web_searches = 2
    assert causes(one) == ["search and other fees left out"]


def test_an_hour_at_the_price_of_five_minutes() -> None:
    row = list(rates())
    row[Leaf.CACHE_WRITE_1H] = 2_000_000
    period = RatePeriod(-(2**63), (ContextTier(0, False, tuple(row)),), 0, "hour")
    book = OneRow(DatedRates("p", "m", (period,)))
    one = recorded("0.0015", 1000)
    one.usage.leaves[Leaf.CACHE_WRITE_1H] = 400
    trace = timed([one])
    found = reconcile(trace, meter(View.of(trace), book), book)
    assert [g.cause for g in found.groups] == ["1-hour cache writes at the 5-minute price"]


def test_a_markup_is_one_factor_on_every_call() -> None:
    # 5.5 % on top of 1,000, 2,000 and 3,000 tokens.
    calls = [recorded(f"{0.001055 * i:.6f}", 1000 * i, key=str(i)) for i in (1, 2, 3)]
    assert causes(*calls) == ["openai/m: 105.5 % of the book on every call"]


def test_one_flat_price_for_all_tokens() -> None:
    # 60 + 15 and 30 + 11 tokens at $3 a million, where input costs $1 and output $10.
    one, two = recorded("0.000225", 60, 0, 0, 15), recorded("0.000123", 30, 0, 0, 11, key="b")
    assert causes(one, two) == ["one price of $3 a million for all tokens"]
    assert causes(one) == ["unexplained: openai/m"]


def test_a_call_that_costs_nothing_but_has_a_recorded_cost() -> None:
    hit = recorded("0.001", 1000, status=CallStatus.GATEWAY_HIT)
    assert causes(hit) == ["recorded for a call that costs nothing"]


def test_estimated_counts_are_no_mistake_of_the_log() -> None:
    one = recorded("0.0011", 1000)
    one.usage.state = UsageState.ESTIMATED
    assert causes(one) == ["token counts are estimated"]


def test_groups_sum_to_the_difference() -> None:
    calls = [recorded("0.0031", 1000, 2000, 0, 10), recorded("0.9", 1000, key="b"),
             recorded("0.002", 2000, key="c")]  # fmt: skip
    found = compared(*calls)
    assert (found.compared, found.equal) == (3, 1)
    assert sum(g.diff_usd for g in found.groups) == pytest.approx(found.diff_usd)
    assert found.groups[0].cause == "unexplained: openai/m"


def test_without_a_book_only_rounding_and_factors_are_named() -> None:
    trace = timed([recorded("0.0031", 1000, 2000, 0, 10)])
    found = reconcile(trace, meter(View.of(trace), WideBook()))
    assert [g.cause for g in found.groups] == ["unexplained: openai/m"]


def test_of_many_calls_a_sample_decides_what_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costopt.billing.reconcile.SAMPLE_CALLS", 3)
    calls = [recorded("0.0031", 1000, 2000, 0, 10, key=str(i)) for i in range(8)]
    found = compared(*calls, recorded("0.9", 777, key="x"))
    assert {g.cause: g.calls for g in found.groups} == {
        "cached input at the full price": 8, "unexplained: openai/m": 1,
    }  # fmt: skip
