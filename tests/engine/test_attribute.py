"""Shares of the savings: by the definition, exactly summing, and 0 for who does nothing."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.engine.attribute import Sample, attribute
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.outcome import InProcess
from costopt.engine.run import saved_pusd, waterfall
from costopt.engine.shapley import exact_design, members, sampled_design, scaled, whole_shares
from tests.engine.games import Game, Value, players
from tests.engine.stories import calls_of
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.other_model import OtherModel
from tests.engine.toys.same_request import SameRequest
from tests.engine.toys.shorter_output import ShorterOutput
from tests.layers.context import evaluator_of

LAYERS: Layers = (SameRequest(fee_pusd=7), OtherModel(), LastSegments(2), ShorterOutput(0.5))


def plain_shapley(value: Value, n: int) -> list[Fraction]:
    """The definition: what each adds when it joins, averaged over all orders."""
    totals = [Fraction(0)] * n
    orders = list(permutations(range(n)))
    for order in orders:
        for place, i in enumerate(order):
            before = frozenset(order[:place])
            totals[i] += value(before | {i}) - value(before)
    return [t / len(orders) for t in totals]


def table_game(values: list[int]) -> Value:
    """v by coalition, the empty one worth nothing."""
    return lambda who: values[sum(1 << i for i in who)] if who else 0


def evaluated(evaluator: Evaluator) -> Value:
    base = evaluator.value(())
    return lambda who: base - evaluator.value(tuple(LAYERS[i] for i in sorted(who)))


def test_shares_of_real_layers_are_those_of_the_definition() -> None:
    evaluator = evaluator_of(calls_of(10))
    plain = plain_shapley(evaluated(evaluator), len(LAYERS))
    found = attribute(InProcess(evaluator), LAYERS)
    assert found.shapley is not None
    assert sum(found.shapley.pusd) == found.saved_pusd == sum(found.step_pusd)
    assert all(abs(a - b) < 1 for a, b in zip(found.shapley.pusd, plain, strict=True))
    assert found.shapley.se_pusd == [0.0] * 4 and not found.shapley.note
    assert found.shapley.coalitions == 16


def test_each_figure_is_the_list_that_it_names() -> None:
    evaluator = evaluator_of(calls_of(10))
    v, n = evaluated(evaluator), len(LAYERS)
    found = attribute(InProcess(evaluator), LAYERS, shapley=False)
    everyone = frozenset(range(n))
    assert found.saved_pusd == v(everyone)
    assert found.solo_pusd == [v(frozenset({i})) for i in range(n)]
    assert found.without_pusd == [v(everyone - {i}) for i in range(n)]
    assert found.shapley is None


@given(st.lists(st.integers(-(10**15), 10**15), min_size=16, max_size=16))
@settings(max_examples=60, deadline=None)
def test_exact_shares_of_any_game(values: list[int]) -> None:
    value = table_game(values)
    found = attribute(Game(value), players(4))
    assert found.shapley is not None
    assert sum(found.shapley.pusd) == value(frozenset(range(4)))
    plain = plain_shapley(value, 4)
    assert all(abs(a - b) < 1 for a, b in zip(found.shapley.pusd, plain, strict=True))


@given(
    st.lists(st.integers(-(10**12), 10**12), min_size=1 << 5, max_size=1 << 5), st.integers(0, 9)
)
@settings(max_examples=15, deadline=None)
def test_sampled_shares_sum_exactly_and_are_near_the_definition(
    values: list[int], seed: int
) -> None:
    """Ten layers, of which five play; the others add their own constant."""
    game = table_game(values)

    def value(who: frozenset[int]) -> int:
        return game(who & set(range(5))) + sum(10**9 * i for i in who if i >= 5)

    found = attribute(Game(value), players(10), seed=seed)
    shares = found.shapley
    assert shares is not None and "200 antithetic" in shares.note
    assert sum(shares.pusd) == found.saved_pusd == sum(found.step_pusd)
    plain = plain_shapley(game, 5)
    for i in range(5):
        assert abs(shares.pusd[i] - plain[i]) <= 6 * shares.se_pusd[i] + 1
    assert shares.pusd[5:] == [10**9 * i for i in range(5, 10)]
    assert shares.se_pusd[5:] == pytest.approx([0.0] * 5, abs=1e-3)


def test_who_never_acts_has_exactly_nothing() -> None:
    """Also where the shares of the others do not divide evenly."""

    def value(who: frozenset[int]) -> int:
        return 10**9 + 1 if who & {0, 1, 2} else 0

    for n in (5, 12):
        found = attribute(Game(value), players(n))
        assert found.shapley is not None
        assert found.shapley.pusd[3:] == [0] * (n - 3)
        assert sum(found.shapley.pusd) == 10**9 + 1


def test_neutral_layers_are_in_no_coalition() -> None:
    game = Game(lambda who: 100 * len(who & set(range(3))))
    live = players(3)
    found = attribute(game, (live[0], *[ShorterOutput(1.0)] * 7, live[1], live[2]))
    assert found.shapley is not None and found.shapley.coalitions == 8
    assert found.shapley.pusd == [100, *[0] * 7, 100, 100]


def test_a_layer_that_acts_only_behind_another_shares_with_it() -> None:
    found = attribute(Game(lambda who: 100 if {0, 1} <= who else 0), players(2))
    assert found.solo_pusd == [0, 0] and found.without_pusd == [0, 0]
    assert found.step_pusd == [0, 100]
    assert found.shapley is not None and found.shapley.pusd == [50, 50]


def test_coalitions_are_asked_so_that_beginnings_are_shared() -> None:
    """Of each list, all but the last layer was asked before, or is its neighbour's beginning."""
    masks = exact_design(6).masks
    lists = [members(m) for m in masks]
    assert lists == sorted(lists) and len(lists) == 64
    seen: set[tuple[int, ...]] = set()
    for chosen in lists:
        assert not chosen or chosen[:-1] in seen
        seen.add(chosen)


def test_the_orders_drawn_come_from_the_seed() -> None:
    assert sampled_design(9, 200, 1) == sampled_design(9, 200, 1)
    assert sampled_design(9, 200, 1) != sampled_design(9, 200, 2)
    orders = sampled_design(9, 200, 1).orders
    assert len(orders) == 200 and all(
        a == b[::-1] for a, b in zip(orders[::2], orders[1::2], strict=True)
    )


def test_shares_of_a_sample_sum_to_the_savings_of_the_whole() -> None:
    whole = evaluator_of(calls_of(24))
    part = evaluator_of(calls_of(12))
    sample = Sample(InProcess(part), "12 of 24 sessions")
    found = attribute(InProcess(whole), LAYERS, sample=sample)
    exact = attribute(InProcess(whole), LAYERS)
    assert found.shapley is not None and exact.shapley is not None and found.shapley.sampled
    assert "12 of 24" in found.shapley.note
    assert sum(found.shapley.pusd) == found.saved_pusd == exact.saved_pusd
    for a, b, se in zip(found.shapley.pusd, exact.shapley.pusd, found.shapley.se_pusd, strict=True):
        assert se > 0 and abs(a - b) < 5 * se


@given(
    st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=8),
    st.fractions(0, 50), st.integers(-(10**12), 10**12),
)  # fmt: skip
def test_scaling_never_misses_the_total(parts: list[int], scale: Fraction, total: int) -> None:
    fallback = [total, *[0] * (len(parts) - 1)]
    shares = scaled(parts, scale, total, fallback)
    if any(shares):
        whole = whole_shares(shares, total)
        assert sum(whole) == total
        assert all(w == 0 for w, p in zip(whole, parts, strict=True) if p == 0 and any(parts))


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_the_steps_of_a_waterfall_sum_to_first_minus_last(keeps: list[int], seed: int) -> None:
    evaluator = evaluator_of(calls_of(6, seed))
    layers: Layers = tuple(LastSegments(k) for k in keeps) + (OtherModel(), ShorterOutput(0.7))
    steps = waterfall(InProcess(evaluator), layers)
    saved = evaluator.value(()) - evaluator.value(layers)
    assert sum(s.step_pusd for s in steps) == saved_pusd(steps) == saved
    assert sum(s.overhead_pusd for s in steps) == steps[-1].after.overhead_pusd
    assert [s.after for s in steps[:-1]] == [s.before for s in steps[1:]] or len(steps) < 2


def test_a_waterfall_says_what_each_layer_did() -> None:
    evaluator = evaluator_of(calls_of(10))
    steps = waterfall(InProcess(evaluator), LAYERS)
    assert [s.name for s in steps] == [
        "same_request",
        "other_model",
        "last_segments",
        "shorter_output",
    ]
    assert steps[1].after.touched == steps[1].report.evidence["routed"] > 0
    assert steps[1].overhead_pusd == 100 * 1_000_000 * steps[1].after.touched
    assert waterfall(InProcess(evaluator), ()) == [] and saved_pusd([]) == 0
    assert np.array_equal(
        steps[0].before.session_pusd, InProcess(evaluator).outcomes([()])[0].session_pusd
    )
