"""What a policy itself costs, and what one more cached token is worth: worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from costopt.billing.marginal import read_discount_pusd
from costopt.billing.overhead import overhead_pusd
from costopt.errors import UsageError
from costopt.model.effect import Charge, Effect, Fee
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.view import Column, View
from costopt.prices.contract import NO_RATE, ContextTier, DatedRates, Unpriced
from tests.billing.small import call, timed, usage
from tests.fakes import FakeBook, rates


class Book(FakeBook):
    """Twice the price above 1,000 tokens of input, a fifth off, no price for reasoning; `seat` is a seat."""

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        found = super().rates(provider, model, tier=tier, region=region, speed=speed)
        if isinstance(found, Unpriced):
            return found
        base = found.periods[0].tiers[0].rates
        gap = tuple(NO_RATE if leaf == Leaf.OUTPUT_REASONING else r for leaf, r in enumerate(base))
        if model == "unread":
            gap = tuple(NO_RATE if leaf == Leaf.CACHE_READ else r for leaf, r in enumerate(base))
        above = tuple(NO_RATE if leaf == Leaf.INPUT_AUDIO else r for leaf, r in enumerate(rates(2)))
        tiers = (ContextTier(0, False, gap), ContextTier(1_000, False, above))
        period = dataclasses.replace(found.periods[0], tiers=tiers)
        return dataclasses.replace(
            found, periods=(period,), discount_multiplier_ppm=800_000, subscription=model == "seat"
        )


def charge(rows: list[int], model: str = "cheap", **leaves: list[int]) -> Charge:
    made = np.zeros((len(rows), N_LEAVES), np.int64)
    for name, values in leaves.items():
        made[:, Leaf[name.upper()]] = values
    return Charge("summaries", "openai", model, np.array(rows, np.int64), made)


def test_calls_of_the_policy_are_priced_one_by_one() -> None:
    """$1 and $10 a million less 20 %: 100 and 5 tokens cost 120 millionths; above 1,000 it is twice that."""
    asked = charge([0, 2, 2], input_fresh=[100, 1_001, 1_000], output_text=[5, 0, 0])
    found = overhead_pusd([asked], [], Book(), 3)
    assert found.tolist() == [120_000_000, 0, 1_601_600_000 + 800_000_000]


def test_fees_are_what_they_are() -> None:
    fee = Fee("vector store", np.array([1, 1, 0]), np.array([7, 8, 9]), "a setting")
    assert overhead_pusd([], [fee], Book(), 2).tolist() == [9, 15]


def test_no_price_is_said_and_never_guessed() -> None:
    with pytest.raises(UsageError, match="summaries: no price for 'unknown-1'"):
        overhead_pusd([charge([0], "unknown-1", input_fresh=[1])], [], Book(), 1)
    with pytest.raises(UsageError, match="cheap has no price for output_reasoning"):
        overhead_pusd([charge([0], output_reasoning=[1])], [], Book(), 1)
    with pytest.raises(UsageError, match="cheap has no price for input_audio"):
        overhead_pusd([charge([0], input_audio=[1_001])], [], Book(), 1)
    assert overhead_pusd([charge([0], input_audio=[1])], [], Book(), 1).tolist() == [800_000]


def test_nothing_asked_costs_nothing() -> None:
    assert overhead_pusd([charge([], input_fresh=[])], [], Book(), 2).tolist() == [0, 0]


def test_a_cached_token_is_worth_the_difference() -> None:
    calls = [
        call("a", ["user:x"], usage(9)),
        call("b", ["user:x"], usage(9), service_tier="batch"),
        call("c", ["user:x"], usage(9), model="unknown-1"),
        call("d", ["user:x"], usage(9), model="unread"),
        call("e", ["user:x"], usage(9), model="seat"),
    ]
    found = read_discount_pusd(View.of(timed(calls)), Book())
    # ($1.00 - $0.10) x 0.8, and half of it in a batch; no price on either side: 0; a seat pays none.
    assert found.tolist() == [720_000, 360_000, 0, 0, 0]


def test_an_effect_is_empty_without_edits_and_costs() -> None:
    assert Effect().is_empty and Effect(tally={"looked_at": 3}).is_empty
    assert not Effect({Column.SENT: np.zeros(1, np.bool_)}).is_empty
    assert not Effect(charges=(charge([0], input_fresh=[1]),)).is_empty
    assert not Effect(fees=(Fee("query", np.array([0]), np.array([1]), "a setting"),)).is_empty
