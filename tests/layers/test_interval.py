"""Intervals against exact enumeration: every count of small binomials, and clusters of known kind."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.layers.parts.clustered import EntryHits
from costopt.layers.parts.interval import (
    RatioSums,
    _quantile_of_one,
    _quantiles,
    beta_cdf,
    clopper_pearson,
    lower_bound,
    trials_needed,
    upper_bound,
    wilson,
)


def at_most(hits: int, trials: int, share: float) -> float:
    """P(as few hits or fewer), summed exactly."""
    p = Fraction(share)
    terms = (comb(trials, i) * p**i * (1 - p) ** (trials - i) for i in range(hits + 1))
    return float(sum(terms))


@given(st.integers(1, 60), st.data())
@settings(max_examples=60, deadline=None)
def test_the_exact_bounds_have_the_tail_that_they_say(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials))
    upper, lower = float(upper_bound(hits, trials)), float(lower_bound(hits, trials))
    if hits < trials:
        assert at_most(hits, trials, upper) == pytest.approx(0.05, abs=1e-9)
    if hits:
        assert 1 - at_most(hits - 1, trials, lower) == pytest.approx(0.05, abs=1e-9)
    assert lower <= hits / trials <= upper


@pytest.mark.parametrize("share", [0.01, 0.1, 0.37, 0.5, 0.9])
def test_the_exact_interval_covers_at_every_share(share: float) -> None:
    """By enumeration: the chance of all counts whose interval holds the share."""
    trials = 40
    low, high = clopper_pearson(np.arange(trials + 1), trials)
    chance = [comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(trials + 1)]
    assert np.dot((low <= share) & (share <= high), chance) >= 0.95


def test_wilson_covers_on_average_and_is_shorter() -> None:
    trials, shares = 50, np.linspace(0.02, 0.98, 49)
    low, high = wilson(np.arange(trials + 1), trials)
    covered = [
        sum(
            comb(trials, k) * p**k * (1 - p) ** (trials - k)
            for k in range(trials + 1)
            if low[k] <= p <= high[k]
        )
        for p in shares.tolist()
    ]
    exact_low, exact_high = clopper_pearson(np.arange(trials + 1), trials)
    assert 0.94 <= np.mean(covered) <= 0.97
    assert (high - low).mean() < (exact_high - exact_low).mean()


def test_the_tail_of_the_binomial_is_the_beta_distribution() -> None:
    for share in (0.003, 0.2, 0.71):
        for hits, trials in ((0, 9), (3, 30), (29, 30), (4, 700)):
            tail = 1 - at_most(hits, trials, share)
            assert beta_cdf(share, hits + 1, trials - hits) == pytest.approx(tail, abs=1e-10)


def test_one_percent_needs_299_hits_without_a_false_one() -> None:
    assert trials_needed(0.01) == 299
    assert upper_bound(0, 299) <= 0.01 < upper_bound(0, 298)


def test_without_a_trial_nothing_is_known() -> None:
    assert [float(v) for v in clopper_pearson(0, 0)] == [0, 1]
    assert [float(v) for v in wilson(0, 0)] == [0, 1]
    assert RatioSums.of([], []).interval() == (0, 1)


def test_more_hits_than_trials_are_a_defect_of_the_caller() -> None:
    with pytest.raises(ValueError, match="between 0"):
        upper_bound(3, 2)


def test_sums_of_parts_are_the_whole() -> None:
    n, x = np.array([4, 1, 9, 3]), np.array([1, 0, 4, 3])
    whole, a, b = RatioSums.of(n, x), RatioSums.of(n[:2], x[:2]), RatioSums.of(n[2:], x[2:])
    fields = RatioSums.__dataclass_fields__
    assert all(getattr(whole, f) == getattr(a, f) + getattr(b, f) for f in fields)


def test_a_cluster_of_one_kind_counts_as_one_trial() -> None:
    """100 entries of ten hits each, five of them false throughout: five of 100, not 50 of 1,000."""
    sums = RatioSums.of(np.full(100, 10), np.where(np.arange(100) < 5, 10, 0))
    assert sums.effective == pytest.approx(99, abs=1)
    low, high = sums.interval()
    assert low == pytest.approx(float(clopper_pearson(5, 100)[0]), abs=0.001)
    assert high == pytest.approx(float(clopper_pearson(5, 100)[1]), abs=0.001)


def test_where_each_entry_served_once_the_bootstrap_is_the_exact_bound() -> None:
    """Also where it is really run: one entry with two hits among many changes next to nothing."""
    false = np.arange(2000) < 31
    once = EntryHits.of(np.arange(2000), false)
    nearly = EntryHits.of(np.append(np.arange(2000), 1999), np.append(false, False))
    rng = np.random.default_rng(1)
    assert once.upper(rng) == float(upper_bound(31, 2000))
    assert nearly.upper(rng) == pytest.approx(once.upper(rng), rel=0.02)
    assert nearly.lower(rng) == pytest.approx(once.lower(rng), rel=0.02)


def test_no_false_hit_proves_no_more_than_the_entries_do() -> None:
    """1,000 hits by 50 entries of 20: three in 50 at the worst, not three in 1,000."""
    hits = EntryHits.of(np.repeat(np.arange(50), 20), np.zeros(1000, bool))
    assert hits.upper(np.random.default_rng(2)) == pytest.approx(
        float(upper_bound(0, 50)), rel=0.05
    )


@pytest.mark.parametrize("alike", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("share", [0.02, 0.2])
def test_the_clustered_bound_covers(alike: float, share: float) -> None:
    """Entries of uneven size whose hits share their fate to a degree: 95 % within 200 runs' noise."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(200):
        sizes = rng.geometric(0.4, 500)
        fate = rng.random(500) < share
        own = rng.random(sizes.sum()) < share
        entry = np.repeat(np.arange(500), sizes)
        false = np.where(rng.random(sizes.sum()) < alike, fate[entry], own)
        covered += EntryHits.of(entry, false).upper(rng) >= share
    assert covered >= 183  # P(Binomial(200, 0.95) < 183) = 0.008


def test_a_judged_hit_can_stand_for_several() -> None:
    plain = EntryHits.of(np.array([1, 1, 2, 3]), np.array([True, True, False, False]))
    weighed = EntryHits.of(
        np.array([1, 2, 3]), np.array([True, False, False]), np.array([2.0, 1, 1])
    )
    assert plain.rate == weighed.rate == 0.5
    assert np.array_equal(plain.hits, weighed.hits)


def test_one_number_alone_is_what_it_is_among_others() -> None:
    rng = np.random.default_rng(5)
    p = np.concatenate((rng.random(200), [1e-9, 0.025, 0.975, 1 - 1e-9]))
    a = np.concatenate((rng.random(200) * 500 + 0.1, [1.0, 0.5, 3000.0, 2.0]))
    b = np.concatenate((rng.random(200) * 500 + 0.1, [1.0, 40.0, 2.0, 3000.0]))
    alone = [_quantile_of_one(*v) for v in zip(p.tolist(), a.tolist(), b.tolist(), strict=True)]
    assert np.allclose(alone, _quantiles(p, a, b), rtol=1e-11, atol=1e-15)
