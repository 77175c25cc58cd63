"""The meter: dates, context tiers, gaps, fees, discounts and seats; fast and plain say the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.billing.charges import MOST_PUSD, TOO_MUCH
from costopt.billing.meter import meter
from costopt.billing.meter_plain import meter_plain
from costopt.model.bill import Bill, PriceStatus
from costopt.model.build import categorical
from costopt.model.call import Call, CallStatus, Usage, UsageState, missing_usage
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.prices.contract import (
    NO_RATE,
    ContextTier,
    DatedRates,
    RatePeriod,
    Unpriced,
)
from tests.billing.small import call, timed, usage
from tests.fakes import OUTPUT_RATE, SEARCH_PUSD, FakeBook, rates

FIRST = -(2**63)
CHANGE_US = 1_790_000_100_000_000
"""Prices double at this time; `timed` starts 100 s before."""


def gapped() -> tuple[int, ...]:
    row = list(rates())
    row[Leaf.CACHE_WRITE_1H] = row[Leaf.OUTPUT_AUDIO] = NO_RATE
    return tuple(row)


class WideBook(FakeBook):
    """`dated` doubles at CHANGE_US, `long` is dearer above 1,000 input tokens (`reaches`: from it on),
    `gap` has no 1-hour writes, `deal` 15 % off, `seat` is a subscription."""

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        plain = super().rates(provider, model, tier=tier, region=region, speed=speed)
        if isinstance(plain, Unpriced):
            return plain
        base = plain.periods[0]
        if model == "dated":
            later = RatePeriod(CHANGE_US, (ContextTier(0, False, rates(2)),), NO_RATE, "later")
            return replace(plain, periods=(base, later))
        if model in ("long", "reaches"):
            dear = ContextTier(1000, model == "reaches", rates(3))
            return replace(plain, periods=(replace(base, tiers=(*base.tiers, dear)),))
        if model == "gap":
            tiers = (ContextTier(0, False, gapped()),)
            return replace(plain, periods=(replace(base, tiers=tiers),))
        if model == "deal":
            return replace(plain, discount_multiplier_ppm=850_000)
        return replace(plain, subscription=model == "seat")


class OneRow(FakeBook):
    """The same rates for every model."""

    def __init__(self, row: DatedRates) -> None:
        self.row = row

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        return self.row


def billed(*calls: Call) -> Bill:
    return meter(View.of(timed(list(calls))), WideBook())


def test_tokens_times_rates() -> None:
    # 1000 x $1 + 2000 x $0.10 + 400 x $1.25 + 60 x $10 a million = $0.0023.
    bill = billed(call("a", None, usage(1000, 2000, 400, 50, 10)))
    assert bill.total_pusd == 2_300_000_000
    assert bill.leaf_pusd[0, Leaf.OUTPUT_REASONING] == 10 * OUTPUT_RATE
    assert bill.sources[bill.rate_row[0]] == "fake/m"


def test_each_call_at_its_own_time() -> None:
    calls = [call(str(i), None, usage(100), model="dated") for i in (9, 10, 11)]
    for i, c in zip((9, 10, 11), calls, strict=True):
        c.at_us = CHANGE_US + (i - 10) * 1_000_000
    bill = billed(*calls)
    assert bill.net_pusd.tolist() == [100_000_000, 200_000_000, 200_000_000]


def test_a_call_without_a_time_has_the_price_of_as_of() -> None:
    late = call("a", None, usage(100), model="dated")
    trace = timed([late])
    view = View.of(trace).edited(at_us=np.array([np.iinfo(np.int64).min]))
    assert WideBook.as_of.isoformat() == "2026-11-01"
    assert meter(view, WideBook()).total_pusd == 200_000_000
    early = View.of(trace).edited(at_us=np.array([0]))
    assert meter(early, WideBook()).total_pusd == 100_000_000
    assert meter(early, WideBook(), at="as_of").total_pusd == 200_000_000


def test_above_the_threshold_every_token_is_dearer_and_cached_ones_count() -> None:
    # BILLING_TRAPS 22 and 24: the whole request, strictly above, reads and writes included.
    at, above = usage(500, 300, 200, 10), usage(500, 300, 201, 10)
    bill = billed(call("a", None, at, model="long"), call("b", None, above, model="long"))
    base = 500 * 1_000_000 + 300 * 100_000 + 200 * 1_250_000 + 10 * 10_000_000
    assert bill.net_pusd.tolist() == [base, 3 * (base + 1_250_000)]
    assert bill.sources == ("fake/long", "fake/long, above 1,000 input tokens")


def test_reaching_the_threshold_is_enough_where_the_book_says_so() -> None:
    bill = billed(call("a", None, usage(1000), model="reaches"))
    assert bill.total_pusd == 3 * 1000 * 1_000_000


def test_a_total_over_many_requests_is_in_the_tier_of_their_mean() -> None:
    total = call("a", None, usage(3000), model="long", requests=3)
    assert billed(total).total_pusd == 3000 * 1_000_000


def test_a_unit_without_a_price_leaves_the_call_unpriced() -> None:
    used = usage(100)
    used.leaves[Leaf.CACHE_WRITE_1H] = 5
    bill = billed(call("a", None, used, model="gap"), call("b", None, usage(100), model="gap"))
    assert bill.status.tolist() == [PriceStatus.NO_UNIT, PriceStatus.PRICED]
    assert bill.net_pusd.tolist() == [0, 100_000_000]
    assert bill.reason_code is not None
    assert bill.reasons[bill.reason_code[0]] == "openai/gap has no price for cache_write_1h"


def test_an_unknown_model_is_never_priced_as_another() -> None:
    bill = billed(call("a", None, usage(100), model="unknown-1"))
    assert bill.status.tolist() == [PriceStatus.NO_MODEL]
    assert not bill.priced.any()


def test_searches_are_charged_each_and_never_multiplied_by_batch() -> None:
    used = usage(100)
    used.web_searches = 3
    bill = billed(call("a", None, used, service_tier="batch"))
    assert bill.fee_pusd.tolist() == [3 * SEARCH_PUSD]
    assert bill.total_pusd == 3 * SEARCH_PUSD + 50_000_000


def test_what_is_not_charged() -> None:
    refused = call("a", None, missing_usage(), status=CallStatus.FAILED)
    cut = call("b", None, usage(100, 0, 0, 5), status=CallStatus.FAILED)
    hit = call("c", None, usage(100), status=CallStatus.GATEWAY_HIT)
    lost = call("d", None, missing_usage())
    bill = billed(refused, cut, hit, lost)
    assert bill.status.tolist() == [
        PriceStatus.NOT_CHARGED, PriceStatus.PRICED, PriceStatus.NOT_CHARGED, PriceStatus.NO_USAGE,
    ]  # fmt: skip
    assert bill.net_pusd.tolist() == [0, 150_000_000, 0, 0]


def test_an_unsent_row_costs_nothing() -> None:
    trace = timed([call("a", None, usage(100)), call("b", None, usage(100))])
    view = View.of(trace).edited(sent=np.array([True, False]))
    bill = meter(view, WideBook())
    assert bill.net_pusd.tolist() == [100_000_000, 0]


def test_list_and_net_stand_apart() -> None:
    bill = billed(call("a", None, usage(100), model="deal"))
    assert bill.list_pusd.tolist() == [100_000_000]
    assert bill.net_pusd.tolist() == [85_000_000]


def test_a_seat_is_beside_the_bill_never_inside() -> None:
    bill = billed(call("a", None, usage(100), model="seat"))
    assert bill.total_pusd == 0
    assert bill.equivalent_pusd is not None
    assert bill.equivalent_pusd.tolist() == [100_000_000]
    assert bill.status.tolist() == [PriceStatus.SUBSCRIPTION]


def test_other_models_inside_a_call_have_their_own_price() -> None:
    leaves = usage(10, 0, 0, 1).leaves
    advised = usage(100)
    advised.extra = [("deal", leaves)]
    bill = billed(call("a", None, advised))
    assert bill.list_pusd.tolist() == [100_000_000 + 20_000_000]
    assert bill.discount_pusd.tolist() == [3_000_000]
    lost = usage(100)
    lost.extra = [("unknown-2", leaves)]
    assert billed(call("a", None, lost)).status.tolist() == [PriceStatus.NO_UNIT]


def test_a_broken_count_is_refused_before_it_overflows() -> None:
    tier = ContextTier(0, False, tuple(10**10 for _ in range(N_LEAVES)))
    period = RatePeriod(FIRST, (tier,), 0, "dear")
    view = View.of(timed([call("a", None, usage(10**9, 0, 0, 10**9))]))
    bill = meter(view, OneRow(DatedRates("p", "m", (period,))))
    assert MOST_PUSD < 2 * 10**19
    assert bill.reasons == (TOO_MUCH,)
    assert bill.total_pusd == 0


COUNTS = st.sampled_from([0, 1, 7, 400, 999, 1000, 1001, 123_456_789])
MODELS = ("m", "dated", "long", "reaches", "gap", "deal", "seat", "unknown-9", "")


@st.composite
def used(draw: st.DrawFn) -> Usage:
    made = Usage([draw(COUNTS) if draw(st.booleans()) else 0 for _ in range(N_LEAVES)])
    made.web_searches = draw(st.sampled_from([0, 0, 2]))
    made.state = draw(st.sampled_from([*[UsageState.REPORTED] * 3, *UsageState]))
    if made.state == UsageState.MISSING:
        return missing_usage()
    if draw(st.integers(0, 4)) == 0:
        made.extra = [(draw(st.sampled_from(MODELS)), usage(draw(COUNTS), 5, 0, 3).leaves)]
    return made


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    calls = [
        call(
            str(i), None, draw(used()), model=draw(st.sampled_from(MODELS)),
            status=draw(st.sampled_from(list(CallStatus)[:3])),
            service_tier=draw(st.sampled_from(["default", "batch", ""])),
            region=draw(st.sampled_from(["", "eu"])), requests=draw(st.sampled_from([1, 1, 2])),
        )
        for i in range(draw(st.integers(0, 12)))
    ]  # fmt: skip
    return timed(calls)


@given(traces(), st.data())
@settings(max_examples=80, deadline=None)
def test_fast_and_plain_are_one_on_random_views(trace: Trace, data: st.DataObject) -> None:
    view = View.of(trace)
    if trace.n and data.draw(st.booleans()):
        model = categorical([data.draw(st.sampled_from(MODELS)) for _ in range(trace.n)])
        sent = np.array([data.draw(st.booleans()) for _ in range(trace.n)])
        view = view.edited(model=model, sent=sent)
    for at in ("call", "as_of"):
        fast, plain = meter(view, WideBook(), at=at), meter_plain(view, WideBook(), at=at)
        for name in ("leaf_pusd", "fee_pusd", "list_pusd", "discount_pusd", "status"):
            assert (getattr(fast, name) == getattr(plain, name)).all(), name
        assert fast.equivalent_pusd is not None
        assert plain.equivalent_pusd is not None
        assert (fast.equivalent_pusd == plain.equivalent_pusd).all()
        assert _texts(fast) == _texts(plain)
        assert (fast.net_pusd >= 0).all()


def _texts(bill: Bill) -> list[tuple[str, str]]:
    codes = [] if bill.reason_code is None else bill.reason_code.tolist()
    return [
        (bill.sources[r] if r >= 0 else "", bill.reasons[c] if c >= 0 else "")
        for r, c in zip(bill.rate_row.tolist(), codes, strict=True)
    ]
