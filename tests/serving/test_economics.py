"""Rent to dollars a day and a token, and the traffic at which it beats an API bill."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.errors import UsageError
from costopt.money import pico, usd
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.arrivals_scaled import scaled
from costopt.serving.break_even import (
    BreakEven,
    NeverEven,
    Problem,
    break_even,
    break_even_range,
    carries,
    ceiling,
    crossing,
)
from costopt.serving.deployment import Deployed, Undeployed, Wish, deploy
from costopt.serving.economics import api_bill_pusd, costed
from costopt.serving.fleet.autoscale import autoscaled
from costopt.serving.fleet.replica import Replica, replica
from costopt.serving.fleet.run import serve
from costopt.serving.fleet.slo import Slo
from costopt.serving.fleet.terms import Scaling
from costopt.serving.models import shape
from costopt.serving.offers import offers
from costopt.serving.rents import Rent, Rents, Terms

DAY = dt.date(2026, 11, 25)
OWN = Rents(DAY, {"l4": {"on_demand": [0.36, 0.72, 1.44], "reserved": 0.36}, "h100": 3.6})
SLO = Slo(ttft_s=5.0, tpot_s=0.3)


def traffic(n: int = 300) -> Arrivals:
    """A working day: all requests within eight hours of it."""
    rng = np.random.default_rng(3)
    at_s = np.sort(rng.uniform(9 * 3600, 17 * 3600, n))
    return Arrivals(at_s, rng.integers(500, 1500, n), rng.integers(50, 150, n), np.arange(n), DAY_S)


def llama(arrivals: Arrivals) -> Replica:
    return replica(shape("llama-3.1-8b"), "l4", arrivals)


def rent(terms: Terms = Terms.ON_DEMAND) -> Rent:
    found = OWN.rent("l4", terms)
    assert isinstance(found, Rent)
    return found


def test_a_day_of_two_replicas_by_hand() -> None:
    """2 x 24 h x $0.72 = $34.56; two thirds of the day nobody asks anything."""
    arrivals, one = traffic(), llama(traffic())
    fleet = serve(arrivals.workload(), 2, one.cost, one.limits, window_s=DAY_S, fast=False)
    found = costed(fleet, one, arrivals, rent())
    assert found.gpu_seconds == 2 * 86_400
    assert usd(found.day.typical_pusd) == Decimal("34.56")
    assert (usd(found.day.low_pusd), usd(found.day.high_pusd)) == (
        Decimal("17.28"),
        Decimal("69.12"),
    )
    busy_hours = float(fleet.busy_s.sum()) / 3600
    assert found.utilisation == pytest.approx(busy_hours / 48)
    assert found.idle_gpu_hours == pytest.approx(48 - busy_hours)


def test_token_prices_are_the_rent_again() -> None:
    arrivals, one = traffic(), llama(traffic())
    fleet = serve(arrivals.workload(), 1, one.cost, one.limits, window_s=DAY_S, fast=False)
    found = costed(fleet, one, arrivals, rent())
    tokens = arrivals.tokens
    price = found.effective
    assert price.input_pusd + price.output_pusd == found.day.typical_pusd
    assert price.input_usd_per_mtok and price.output_usd_per_mtok and price.blended_usd_per_mtok
    back = (
        price.input_usd_per_mtok * tokens[0] + price.output_usd_per_mtok * tokens[1]
    ) / 1_000_000
    assert abs(back - usd(found.day.typical_pusd)) < Decimal("0.001")
    assert price.input_usd_per_mtok < price.blended_usd_per_mtok < price.output_usd_per_mtok


def test_without_tokens_there_is_no_price() -> None:
    arrivals, one = traffic(), llama(traffic())
    fleet = serve(arrivals.workload(), 1, one.cost, one.limits, window_s=DAY_S, fast=False)
    silent = replace(arrivals, output_tokens=np.zeros(arrivals.n, np.int64))
    price = costed(fleet, one, silent, rent()).effective
    assert price.output_usd_per_mtok is None and price.output_pusd == 0
    assert price.input_pusd == costed(fleet, one, silent, rent()).day.typical_pusd


def test_reserved_gpus_are_paid_while_they_are_not_needed() -> None:
    arrivals, one = traffic(), llama(traffic())
    scaling = Scaling(target=1.0, start_s=60.0, period_s=60.0, settle_s=300.0)
    fleet = autoscaled(arrivals, one, scaling, 4, fast=False)
    spot, reserved = (costed(fleet, one, arrivals, rent(terms)) for terms in
                      (Terms.ON_DEMAND, Terms.RESERVED))  # fmt: skip
    assert reserved.gpu_seconds == fleet.most * 86_400
    assert spot.gpu_seconds == round(float(fleet.paid_s.sum())) < reserved.gpu_seconds


def test_a_rent_of_another_gpu_is_refused() -> None:
    arrivals, one = traffic(), llama(traffic())
    fleet = serve(arrivals.workload(), 1, one.cost, one.limits, window_s=DAY_S, fast=False)
    other = OWN.rent("h100")
    assert isinstance(other, Rent)
    with pytest.raises(UsageError, match="A rent of h100_sxm for a fleet of l4"):
        costed(fleet, one, arrivals, other)


@given(st.integers(0, 10**15), st.floats(0.0, 1000.0))
def test_an_api_bill_grows_with_the_traffic(bill: int, multiple: float) -> None:
    assert abs(api_bill_pusd(bill, multiple) - bill * Decimal(multiple)) <= Decimal("0.5")


def problem(api_usd: str) -> Problem:
    arrivals = traffic()
    return Problem(arrivals, llama(arrivals), SLO, rent(), pico(api_usd))


def test_the_break_even_of_one_replica_is_its_rent() -> None:
    """$17.28 a day of rent against $8.64 of API: twice the traffic, which one L4 carries."""
    found = break_even(problem("8.64"), fast=True)
    assert isinstance(found, BreakEven)
    assert found.multiple == pytest.approx(2.0)
    assert found.replicas == 1 and usd(found.day_pusd) == Decimal("17.28")
    assert found.tokens_per_day == pytest.approx(2 * sum(traffic().tokens))


def test_a_lower_rent_pays_earlier_and_a_dearer_api_too() -> None:
    low, typical, high = break_even_range(problem("3.00"), fast=True)
    assert isinstance(low, BreakEven) and isinstance(typical, BreakEven)
    assert low.multiple < typical.multiple
    if isinstance(high, BreakEven):
        assert typical.multiple < high.multiple
    dearer = break_even(problem("30.00"), fast=True)
    assert isinstance(dearer, BreakEven) and dearer.multiple < typical.multiple


def test_what_division_promises_simulation_refuses() -> None:
    """At a twentieth of a cent a day one rent buys far more than a replica can serve; near its limit the
    peaks decide, which are simulated."""
    hopeless = break_even(problem("0.0005"), fast=True)
    assert isinstance(hopeless, NeverEven) and hopeless.tried_multiple == 0.0
    assert "a replica's rent buys 34,560 times this traffic" in hopeless.reason
    most = ceiling(problem("1"), fast=True)
    close = problem(f"{17.28 / most:.6f}")
    assert not carries(close, 1, most, fast=True)
    found = break_even(close, sizes=(1,), fast=True)
    assert isinstance(found, NeverEven) and found.tried_multiple == pytest.approx(most, rel=1e-3)


def test_no_multiple_that_is_carried_is_above_the_ceiling() -> None:
    case = problem("1")
    most = ceiling(case, fast=True)
    assert carries(case, 1, most / 16, fast=True)
    assert not carries(case, 1, 1.3 * most, fast=True)


def test_nothing_to_compare_with() -> None:
    assert break_even(problem("0")) == NeverEven("the API bill is $0", 0.0)
    nobody = replace(problem("5"), arrivals=traffic().part(np.zeros(300, np.bool_)))
    assert break_even(nobody) == NeverEven("there is no traffic", 0.0)
    assert crossing(nobody, (1.0,))[0].reason == "no session is left at this scale"
    strict = replace(problem("5"), slo=Slo(ttft_s=0.001))
    found = break_even(strict, fast=True)
    assert isinstance(found, NeverEven) and found.reason.startswith("even alone")


def test_the_crossing_chart_crosses_at_the_break_even() -> None:
    case = problem("8.64")
    points = crossing(case, (4.0, 1.0, 3.0, 0.5), fast=True)
    assert [point.multiple for point in points] == [0.5, 1.0, 3.0, 4.0]
    for point in points:
        assert point.fleet
        cheaper = point.fleet.day.typical_pusd <= point.api_pusd
        assert cheaper == (point.multiple >= 2.0)
    replicas = [point.replicas for point in points]
    assert replicas == sorted(replicas)


def test_scaled_traffic_keeps_its_window_so_days_compare() -> None:
    more = scaled(traffic(), 3.0)
    assert more.days == traffic().days and more.n == 3 * traffic().n


def test_offers_are_ranked_and_refusals_explained() -> None:
    arrivals = traffic(80)
    wish = Wish(shape("llama-3.1-70b"), "", slo=Slo(ttft_s=20.0))
    found = offers(arrivals, wish, ["a10g", "h100", "l40s", "mi300x"], Rents(DAY), fast=True)
    able = [one for one in found if isinstance(one, Deployed)]
    prices = [one.cost.day.typical_pusd for one in able]
    assert prices == sorted(prices) and len(able) >= 2
    spot = Wish(shape("llama-3.1-8b"), "h100_nvl", slo=SLO, terms=Terms.SPOT)
    assert deploy(arrivals, spot, Rents(DAY)) == Undeployed(
        "h100_nvl", "no spot price of h100_nvl is known"
    )
    huge = deploy(arrivals, Wish(shape("llama-3.1-405b"), "rtx_4090", slo=SLO), Rents(DAY))
    assert isinstance(huge, Undeployed) and "does not fit 8 GPUs of rtx_4090" in huge.reason
