"""Gain by load on step times that turn from reading weights to computing."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from costopt.serving.speculation.arithmetic import Acceptance, expected_tokens
from costopt.serving.speculation.load import (
    Costs,
    Yield,
    best_length,
    by_load,
    free,
    loses_from,
    schedule,
)

CHANCE = st.floats(0.05, 0.95)


def roofline(weights_s: float, token_s: float, cache_s: float = 0.0):  # type: ignore[no-untyped-def]
    """The longer of reading weights and computing tokens; the cache of each sequence is read once."""
    return lambda batch, tokens: max(weights_s, batch * tokens * token_s) + batch * cache_s


def costs(weights_s: float = 1.0, token_s: float = 0.01, draft_share: float = 0.1) -> Costs:
    small = roofline(weights_s * draft_share, token_s * draft_share)
    return Costs(roofline(weights_s, token_s), lambda batch, tokens: tokens * small(batch, 1.0))


@given(CHANCE, st.integers(1, 12), st.floats(0.0, 0.3))
def test_the_gain_falls_with_the_load(a: float, g: int, draft_share: float) -> None:
    step = Yield.of(Acceptance.constant(a), g)
    gains = [gain for _, gain in by_load(step, costs(draft_share=draft_share), range(1, 400, 3))]
    assert all(later <= earlier + 1e-12 for earlier, later in zip(gains, gains[1:], strict=False))


@given(CHANCE, st.integers(1, 12), st.floats(0.0, 0.3))
def test_where_computing_binds_speculation_loses(a: float, g: int, draft_share: float) -> None:
    gain = costs(draft_share=draft_share).gain(Yield.of(Acceptance.constant(a), g), 10_000)
    assert gain == pytest.approx(expected_tokens(a, g) / (1 + g + draft_share * g))
    assert gain < 1


@given(CHANCE, st.integers(1, 12), st.integers(1, 1000))
def test_the_gain_never_exceeds_the_tokens_a_step(a: float, g: int, batch: int) -> None:
    step = Yield.of(Acceptance.constant(a), g)
    assert costs().gain(step, batch) <= step.tokens + 1e-12


@given(CHANCE, CHANCE, st.integers(1, 12), st.integers(1, 300))
def test_more_acceptance_gains_more(a: float, b: float, g: int, batch: int) -> None:
    low, high = sorted((a, b))
    worse, better = (Yield.of(Acceptance.constant(one), g) for one in (low, high))
    assert costs().gain(worse, batch) <= costs().gain(better, batch) + 1e-12


def test_a_free_draft_that_is_verified_for_nothing_gains_all_its_tokens() -> None:
    # One sequence, weights bind: 3 drafted tokens at a = 0.8 yield 1 + 0.8 + 0.64 + 0.512 = 2.952.
    lookup = Costs(roofline(1.0, 0.01))
    assert lookup.gain(Yield.of(Acceptance.constant(0.8), 3), 1) == pytest.approx(2.952)
    assert free(4, 3) == 0.0


def test_look_up_that_finds_nothing_costs_nothing() -> None:
    nothing = Yield.of(Acceptance((0.5,), coverage=0.0), 5)
    assert Costs(roofline(1.0, 0.01)).gain(nothing, 300) == 1.0


@given(CHANCE, st.integers(1, 400))
def test_the_best_length_is_the_best_of_all(a: float, batch: int) -> None:
    known = Acceptance.constant(a)
    best = best_length(known, costs(), batch, range(1, 13))
    gains = [costs().gain(Yield.of(known, g), batch) for g in range(1, 13)]
    assert best.gain == max(1.0, *gains)
    assert (best.draft_tokens == 0) == (max(gains) <= 1.0)


@given(CHANCE)
def test_the_best_length_never_grows_with_the_load(a: float) -> None:
    chosen = [
        best_length(Acceptance.constant(a), costs(), b).draft_tokens for b in range(1, 200, 7)
    ]
    assert chosen == sorted(chosen, reverse=True)


@given(CHANCE, st.integers(1, 8))
def test_from_where_it_loses(a: float, g: int) -> None:
    step, model = Yield.of(Acceptance.constant(a), g), costs()
    first = loses_from(step, model, 300)
    assume(first is not None)
    assert first is not None
    assert all(model.gain(step, batch) < 1 for batch in range(first, 301))
    assert first == 1 or model.gain(step, first - 1) >= 1


def test_a_schedule_covers_every_batch_once_and_ends_without_drafts() -> None:
    rows = schedule(Acceptance.constant(0.7), costs(), 256)
    assert rows[0][0] == 1 and rows[-1][1] == 256
    assert all(one[1] + 1 == other[0] for one, other in zip(rows, rows[1:], strict=False))
    lengths = [row[2] for row in rows]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > 0 and lengths[-1] == 0
