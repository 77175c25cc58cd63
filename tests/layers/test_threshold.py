"""The choice of a threshold: proven or not at all, on pairs whose true rates are known."""

from __future__ import annotations

import json
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from costopt.layers.parts.threshold import (
    BLOCKS,
    Choice,
    Hits,
    block_ends,
    candidates,
    choose,
)

NORMAL = NormalDist()
FLOOR = 100_000


def pairs(
    n: int, apart: float, rng: np.random.Generator, same: float = 0.4
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Look-ups with one possible entry each: similarity of a pair that means the same is normal
    around `apart`, of another around 0. Scaled to millionths, one standard deviation is 0.1."""
    means_same = rng.random(n) < same
    score = rng.normal(0, 1, n) + apart * means_same
    return np.round(300_000 + 100_000 * score).astype(np.int64), ~means_same


def true_rate(ppm: float, apart: float, same: float = 0.4) -> float:
    """False-hit rate of all look-ups that there could be."""
    z = (ppm - 300_000) / 100_000
    right, wrong = same * (1 - NORMAL.cdf(z - apart)), (1 - same) * (1 - NORMAL.cdf(z))
    return wrong / (right + wrong)


def chosen(ppm: NDArray[np.int64], false: NDArray[np.bool_], bound: float, seed: int = 0) -> Choice:
    def hits_of(threshold: int) -> Hits:
        rows = np.flatnonzero(ppm >= threshold)
        return Hits(rows, rows, false[rows])

    first = ppm[: block_ends(len(ppm))[0]]
    return choose(candidates(first, FLOOR), hits_of, len(ppm), bound, seed)


def test_a_bound_is_kept_and_not_by_hitting_nothing() -> None:
    """60 logs: the true rate lies above the bound in about 5 % of them at most, and hits are there."""
    above, shares = 0, []
    best = max(
        (t for t in range(200_000, 900_000, 1000) if true_rate(t, 3.0) <= 0.03),
        key=lambda t: -t,
    )
    for seed in range(60):
        ppm, false = pairs(6000, 3.0, np.random.default_rng(seed))
        found = chosen(ppm, false, 0.03).threshold_ppm
        above += found is not None and true_rate(found, 3.0) > 0.03
        shares.append(0.0 if found is None else float((ppm >= found).sum() / (ppm >= best).sum()))
    assert above <= 7  # P(Binomial(60, 0.05) > 7) = 0.008
    assert np.mean(shares) > 0.75


def test_one_percent_needs_300_hits() -> None:
    ppm = np.full(400, 900_000)  # 240 hits in the block that tests, none of them false
    found = chosen(ppm, np.zeros(400, bool), 0.01)
    assert found.threshold_ppm is None and found.hits_needed == 499
    assert "299 hits" in found.reason
    assert chosen(ppm[:0], np.zeros(0, bool), 0.01).threshold_ppm is None


def test_with_300_hits_and_none_false_there_is_a_threshold() -> None:
    n = 500  # 300 in the block that tests
    found = chosen(np.full(n, 900_000), np.zeros(n, bool), 0.01)
    assert found.threshold_ppm is not None
    assert found.tested[0].hits == 300 and found.tested[0].upper < 0.01


def test_300_hits_by_a_few_entries_prove_nothing() -> None:
    """The same 500 look-ups, served by ten entries: they are ten trials at the worst."""

    def hits_of(threshold: int) -> Hits:
        rows = np.arange(500)
        return Hits(rows, rows % 10, np.zeros(500, bool))

    found = choose((900_000,), hits_of, 500, 0.01)
    assert found.threshold_ppm is None and "different entries" in found.reason


def test_a_hopeless_rate_needs_no_number_of_hits() -> None:
    ppm, false = pairs(5000, 0.0, np.random.default_rng(1))
    found = chosen(ppm, false, 0.2)
    assert found.threshold_ppm is None and found.hits_needed is None
    assert "were false" in found.reason


def test_a_bound_of_zero_is_never_proven() -> None:
    found = chosen(np.full(900, 900_000), np.zeros(900, bool), 0.0)
    assert found.threshold_ppm is None and "rate of 0" in found.reason


def test_the_sequence_stops_at_the_first_failure() -> None:
    ppm, false = pairs(20_000, 2.0, np.random.default_rng(2))
    found = chosen(ppm, false, 0.1)
    passed = [t.passed for t in found.tested]
    thresholds = [t.threshold for t in found.tested]
    assert thresholds == sorted(thresholds, reverse=True)
    assert all(passed[:-1]) and not passed[-1]
    assert found.threshold_ppm == round(thresholds[-2] * 1e6)


def test_the_third_block_decides_nothing_and_tells_drift() -> None:
    ppm, false = pairs(10_000, 3.0, np.random.default_rng(3))
    late = np.arange(10_000) >= block_ends(10_000)[1]
    spoiled = false | (late & (np.arange(10_000) % 3 == 0))
    before, after = chosen(ppm, false, 0.05), chosen(ppm, spoiled, 0.05)
    assert before.threshold_ppm == after.threshold_ppm and before.tested == after.tested
    assert before.held_out is not None and not before.held_out.drifted
    assert after.held_out is not None and after.held_out.drifted
    assert "may not last" in after.reason


def test_the_first_block_cannot_make_a_test_pass() -> None:
    """All true in the first block, all false later: ranked high, tested, refused."""
    n = 5000
    late = np.arange(n) >= block_ends(n)[0]
    assert chosen(np.full(n, 900_000), late, 0.2).threshold_ppm is None


def test_a_judged_sample_stands_for_all() -> None:
    """One hit in ten is judged: as sure as a tenth of the hits, at the same rate."""
    rng = np.random.default_rng(4)
    rows = np.arange(0, 60_000, 10)
    false = rng.random(len(rows)) < 0.01
    weighed = choose(
        (900_000,), lambda t: Hits(rows, rows, false, np.full(len(rows), 10.0)), 60_000, 0.03
    )
    alone = choose((900_000,), lambda t: Hits(rows, rows, false), 60_000, 0.03)
    assert weighed.tested[0].hits == 10 * alone.tested[0].hits
    assert weighed.tested[0].upper == pytest.approx(alone.tested[0].upper, rel=0.1)


def test_candidates_are_a_tenth_of_hits_apart_and_never_below_the_floor() -> None:
    ppm = np.random.default_rng(5).integers(0, 1_000_000, 4000)
    found = candidates(ppm, 500_000)
    assert found[-1] == 500_000 and list(found) == sorted(found, reverse=True)
    hits = np.array([(ppm >= t).sum() for t in found])
    assert np.all(hits[1:] <= hits[:-1] * 1.12 + 2)
    assert candidates(ppm[:0], 500_000) == (500_000,)
    assert candidates(np.full(50, 10), 500_000) == (500_000,)


def test_the_same_seed_gives_the_same_choice_as_plain_json() -> None:
    ppm, false = pairs(8000, 2.5, np.random.default_rng(6))
    one, other = (chosen(ppm, false, 0.1, seed=9) for _ in range(2))
    assert one == other and sum(BLOCKS) == pytest.approx(1)
    shown = json.loads(json.dumps(one.evidence()))
    assert shown["threshold"] == one.threshold_ppm / 1e6  # type: ignore[operator]
    assert {"threshold_reason", "hits_needed", "tested", "held_out"} <= set(shown)
