"""Money is exact: no float, no order, no overflow."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.money import (
    exact_group_sum,
    exact_sum,
    from_log,
    pico,
    rate_pusd,
    show,
    split_exact,
    usd_text,
)


def test_a_list_price_is_a_whole_number_of_pico_dollars_a_token() -> None:
    assert rate_pusd("2.50") == 2_500_000
    assert rate_pusd("0.075") == 75_000


def test_a_recorded_float_is_read_by_its_shortest_text() -> None:
    assert from_log(0.1) == 100_000_000_000
    assert from_log("1e-06") == 1_000_000


@pytest.mark.parametrize("text", ["abc", "NaN", "Infinity", ""])
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        pico(text)


def test_tiny_amounts_are_shown_as_plain_decimals() -> None:
    assert show(100_000) == "$0.00000010" and show(1) == "$0.000000000001"


def test_sums_beyond_int64_are_exact() -> None:
    # 3 x $5 million: 1.5e19 pico-dollars, above what int64 holds.
    amounts = np.array([5 * 10**18] * 3, np.int64)
    assert exact_sum(amounts) == 15 * 10**18
    assert exact_group_sum(amounts, np.array([0, 1, 1]), 2) == [5 * 10**18, 10**19]


@given(st.lists(st.integers(-(10**18), 10**18)))
def test_exact_sum_is_the_sum(values: list[int]) -> None:
    assert exact_sum(np.array(values, np.int64)) == sum(values)


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), min_size=1))
def test_a_split_sums_to_the_whole(amount: int, weights: list[int]) -> None:
    parts = split_exact(amount, weights)
    assert sum(parts) == (amount if sum(weights) else 0)
    assert all(p == 0 for p, w in zip(parts, weights, strict=True) if w == 0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (pico("40218.64"), "$40,218.64"),
        (pico("-0.05"), "-$0.05"),
        (pico("0.000001"), "$0.0000010"),  # a micro-dollar never shows as $0.00
        (0, "$0.00"),
    ],
)
def test_dollars_for_people(amount: int, text: str) -> None:
    assert show(amount) == text


def test_exact_text_has_no_exponent() -> None:
    assert usd_text(pico("0.0000001")) == "0.0000001"
    assert usd_text(pico(Decimal("12.50"))) == "12.5"
