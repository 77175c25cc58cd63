"""Why a call has no price: the reason of its period where nothing was sold then, in both meters."""

from __future__ import annotations

import pytest

from costopt.billing.meter import meter
from costopt.billing.meter_plain import meter_plain
from costopt.model.bill import PriceStatus
from costopt.model.build import trace_of
from costopt.model.call import Call, Usage, UsageState
from costopt.model.view import View
from costopt.prices.check import check_trace
from costopt.prices.own_data import moment_us
from tests.prices.pricing import book, leaves


def _call(provider: str, model: str, day: str, tier: str = "", **counts: int) -> Call:
    usage = Usage(leaves(**(counts or {"input_fresh": 10})), 0, UsageState.REPORTED)
    return Call(
        key=model, id=model, provider=provider, model=model, at_us=moment_us(day),
        service_tier=tier, usage=usage,
    )  # fmt: skip


@pytest.mark.parametrize("price", [meter, meter_plain])
@pytest.mark.parametrize(
    ("provider", "model", "day", "tier", "part"),
    [
        ("openai", "gpt-4o", "2024-04-01", "batch", "had no batch price before 2024-04-15"),
        ("mistral", "mistral-small-latest", "2024-11-05", "batch", "no batch price before 2024-11-06"),
        ("deepseek", "deepseek-chat", "2026-06-01", "", "the old alias points at other models"),
    ],
)  # fmt: skip
def test_a_time_without_any_price_says_why(
    price: object, provider: str, model: str, day: str, tier: str, part: str
) -> None:
    assert callable(price)
    bill = price(View.of(trace_of([_call(provider, model, day, tier)])), book())
    assert bill.status[0] == PriceStatus.NO_UNIT
    assert part in bill.reasons[0]
    assert "input_fresh" not in bill.reasons[0]


@pytest.mark.parametrize("price", [meter, meter_plain])
def test_a_single_unit_without_a_price_is_named(price: object) -> None:
    assert callable(price)
    call = _call("openai", "gpt-4o-mini", "2026-11-01", input_audio=5)
    bill = price(View.of(trace_of([call])), book())
    assert bill.reasons == ("openai/gpt-4o-mini has no price for input_audio",)


def test_check_says_it_too() -> None:
    found = check_trace(trace_of([_call("openai", "gpt-4o", "2024-04-01", "batch")]), book())
    assert found[0].status == "no_unit"
    assert found[0].reason == "`gpt-4o-2024-05-13` had no batch price before 2024-04-15 (1 calls)"
