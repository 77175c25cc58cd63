"""Own GPUs: the hours at work go over the calls, idle hours are a row beside the bill."""

from __future__ import annotations

from decimal import Decimal

import pytest

from costopt.billing.meter import meter
from costopt.billing.own_gpus import with_own_gpus
from costopt.model.bill import Bill
from costopt.model.call import Call
from costopt.model.leaf import N_LEAVES
from costopt.model.view import View
from costopt.money import pico
from costopt.prices.contract import ContextTier, DatedRates, RatePeriod
from costopt.prices.self_hosted import GpuPrice
from tests.billing.small import call, timed, usage
from tests.billing.test_meter import OneRow

FREE = DatedRates(
    "vllm", "llama", (RatePeriod(-(2**63), (ContextTier(0, False, (0,) * N_LEAVES),), 0, "own"),)
)
# Two GPUs at $1.80 an hour for 10 hours: $36, one cent for every 10 seconds of both.
RENT = GpuPrice("llama", "vllm", Decimal("1.80"), 2, Decimal(10))


def billed(*calls: Call, rent: GpuPrice = RENT) -> Bill:
    trace = timed(list(calls), gap_s=3600)
    return with_own_gpus(trace, meter(View.of(trace), OneRow(FREE)), (rent,))


def served(key: str, seconds: float | None, tokens: int = 100) -> Call:
    latency = None if seconds is None else seconds * 1000
    return call(key, None, usage(tokens), model="llama", provider="vllm", latency_ms=latency)


def test_work_by_latency_idle_beside() -> None:
    # 10 and 30 seconds of the 36,000 that are paid for.
    bill = billed(served("a", 10), served("b", 30))
    assert bill.net_pusd.tolist() == [pico("0.01"), pico("0.03")]
    own = bill.own_gpus[0]
    assert (own.busy_pusd, own.idle_pusd) == (pico("0.04"), pico("35.96"))
    assert own.total_pusd == pico("36")
    assert own.hours == "10"


def test_without_latencies_all_of_it_by_tokens() -> None:
    bill = billed(served("a", None, 100), served("b", None, 300))
    assert bill.net_pusd.tolist() == [pico("9"), pico("27")]
    assert (bill.own_gpus[0].busy_pusd, bill.own_gpus[0].idle_pusd) == (None, None)


def test_machines_without_a_call_only_idle() -> None:
    bill = billed(call("a", None, usage(5), model="other", provider="vllm"))
    assert bill.total_pusd == 0
    assert bill.own_gpus[0].idle_pusd == pico("36")


def test_other_models_pay_nothing_for_them() -> None:
    bill = billed(served("a", 10), call("b", None, usage(5), model="other", provider="openai"))
    assert bill.net_pusd.tolist() == [pico("0.01"), 0]


@pytest.mark.parametrize("seconds", [0.0, 7.77, 50_000.0])
def test_parts_sum_to_the_rent(seconds: float) -> None:
    bill = billed(served("a", seconds), served("b", 3), served("c", 11))
    own = bill.own_gpus[0]
    assert own.busy_pusd is not None
    assert own.idle_pusd is not None
    assert own.busy_pusd + own.idle_pusd == own.total_pusd
    assert bill.total_pusd == own.busy_pusd
    assert (bill.list_pusd == bill.leaf_pusd.sum(axis=1) + bill.fee_pusd).all()


def test_no_machines_no_change() -> None:
    trace = timed([served("a", 10)])
    bill = meter(View.of(trace), OneRow(FREE))
    assert with_own_gpus(trace, bill, ()) is bill
