"""Acceptance as chance, as reported share and as length: one number in three dresses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.errors import UsageError
from costopt.serving.speculation.arithmetic import (
    Acceptance,
    acceptance_of_length,
    conditional_acceptance,
    expected_tokens,
    reported_acceptance,
)

shares = st.floats(0, 1)
lengths = st.integers(1, 32)


def test_an_acceptance_of_four_fifths_shows_as_half_with_five_drafted_tokens() -> None:
    # E = (1 - 0.8^6) / 0.2 = (1 - 0.262144) / 0.2 = 3.68928; (3.68928 - 1) / 5 = 0.537856
    assert expected_tokens(0.8, 5) == pytest.approx(3.68928, abs=1e-12)
    assert round(reported_acceptance(0.8, 5), 4) == 0.5379
    assert conditional_acceptance(0.537856, 5) == pytest.approx(0.8, abs=1e-9)


@given(shares, lengths)
def test_the_sum_is_the_closed_form_and_lies_in_its_bounds(a: float, g: int) -> None:
    expected = expected_tokens(a, g)
    assert 1.0 <= expected <= g + 1
    if a < 0.999:
        assert expected == pytest.approx((1 - a ** (g + 1)) / (1 - a), rel=1e-9)
    assert expected_tokens(a, g + 1) >= expected


@given(shares, lengths)
def test_the_inversion_is_exact(a: float, g: int) -> None:
    assert conditional_acceptance(reported_acceptance(a, g), g) == pytest.approx(a, abs=1e-9)
    assert acceptance_of_length(expected_tokens(a, g), g) == pytest.approx(a, abs=1e-9)


@given(shares, lengths)
def test_what_is_reported_is_never_above_the_chance(a: float, g: int) -> None:
    assert reported_acceptance(a, g) <= a + 1e-12


@given(st.lists(shares, min_size=1, max_size=12), st.integers(1, 1000))
def test_counts_by_position_give_the_tokens_a_step_directly(
    chances: list[float], drafts: int
) -> None:
    counts = list(itertools.accumulate(chances, lambda left, one: left * one, initial=drafts))[1:]
    known = Acceptance.of_positions(counts, drafts)
    assert known.tokens_per_step(len(chances)) == pytest.approx(1 + sum(counts) / drafts)
    assert known.reported(len(chances)) == pytest.approx(
        sum(counts) / drafts / len(chances), abs=1e-12
    )


@given(shares, lengths, shares)
def test_steps_without_a_draft_yield_one_token(a: float, g: int, coverage: float) -> None:
    some = Acceptance((a,), coverage)
    assert some.tokens_per_step(g) == pytest.approx(1 + coverage * (expected_tokens(a, g) - 1))
    assert some.drafted_per_step(g) == pytest.approx(coverage * g)


def test_counters_of_vllm() -> None:
    # 100 drafts of 3 in 400 steps: 54 + 36 + 26 accepted, so 1.16 a draft and 0.29 a step.
    counted = Acceptance.of_positions([54, 36, 26], drafts=100, steps=400)
    assert np.allclose(counted.by_position, [0.54, 36 / 54, 26 / 36])
    assert counted.coverage == 0.25
    assert counted.tokens_per_step(3) == pytest.approx(1.29)
    assert counted.at(7) == counted.at(2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: expected_tokens(1.1, 3),
        lambda: expected_tokens(0.5, -1),
        lambda: reported_acceptance(0.5, 0),
        lambda: conditional_acceptance(-0.1, 3),
        lambda: acceptance_of_length(4.5, 3),
        lambda: Acceptance(()),
        lambda: Acceptance((0.5,), 1.5),
        lambda: Acceptance.of_positions([1], 0),
        lambda: Acceptance.of_positions([3, 4], 5),
        lambda: Acceptance((0.5,)).tokens_per_step(-1),
    ],
)
def test_what_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(UsageError):
        wrong()  # type: ignore[operator]
