"""The interval of a total covers it as often as it says, for sizes and sessions of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from costopt.replay.compare.ratio import Sizes, foretold, interval, ratio_of

Float = NDArray[np.float64]
RUNS = 200


def measured_of(kind: str, x: Float, session: Float, rng: np.random.Generator) -> Float:
    """What an endpoint counts where x was predicted. `session`: standard normal, one for its session."""
    noise = rng.normal(size=len(x))
    if kind == "writes freely":  # output lengths at temperature 1
        return x * np.exp(0.5 * noise + 0.3 * session)
    if kind == "capped":
        return np.minimum(x * np.exp(0.8 * noise + 0.3 * session), np.maximum(2 * x, 256))
    if kind == "another tokenizer":  # a template on every request, other tokens for the same text
        return np.round(1.07 * (1 + 0.05 * noise + 0.03 * session) * x + 30)
    return np.maximum(x + 4 * np.sqrt(x) * noise, 0)  # sums of many small errors


@pytest.mark.parametrize("kind", ["writes freely", "capped", "another tokenizer", "small errors"])
@pytest.mark.parametrize("sessions", [8, 24, 90])
def test_it_covers_the_total(kind: str, sessions: int) -> None:
    """`sessions` over both halves, of one to four calls with heavy-tailed sizes: 8 to 225 calls."""
    rng = np.random.default_rng(sessions)
    covered = 0
    for _ in range(RUNS):
        cluster = np.repeat(np.arange(sessions), rng.integers(1, 5, sessions))
        x = np.exp(rng.normal(5.5, 1.0, len(cluster)))
        y = measured_of(kind, x, rng.normal(size=sessions)[cluster], rng)
        writes = cluster % 2 == 0
        ratio = ratio_of(Sizes(x[writes], y[writes], cluster[writes]))
        assert ratio is not None
        bounds = interval([foretold(ratio, Sizes(x[~writes], y[~writes], cluster[~writes]))])
        assert bounds is not None
        covered += bounds[0] <= y[~writes].sum() <= bounds[1]
    assert 0.90 <= covered / RUNS <= 0.99


def test_two_models_together_cover_too() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(RUNS):
        parts, whole = [], 0.0
        for factor in (1.0, 3.0):
            cluster = np.repeat(np.arange(16), 2)
            x = np.exp(rng.normal(5.5, 1.0, len(cluster)))
            y = factor * measured_of("writes freely", x, rng.normal(size=16)[cluster], rng)
            writes = cluster % 2 == 0
            ratio = ratio_of(Sizes(x[writes], y[writes], cluster[writes]))
            assert ratio is not None
            parts.append(foretold(ratio, Sizes(x[~writes], y[~writes], cluster[~writes])))
            whole += y[~writes].sum()
        bounds = interval(parts)
        assert bounds is not None
        covered += bounds[0] <= whole <= bounds[1]
    assert 0.90 <= covered / RUNS <= 0.99


def test_too_little_gives_no_interval() -> None:
    three = Sizes.of([1, 2, 3], [1, 2, 3], [0, 1, 2])
    assert ratio_of(three) is None
    one_session = ratio_of(Sizes.of([1.0] * 6, [2.0] * 6, [0] * 6))
    assert one_session is not None and one_session.value == 2 and one_session.ci95 is None
    assert interval([foretold(one_session, three)]) is None
    assert ratio_of(Sizes.of([0.0] * 6, [5.0] * 6, range(6))) is None  # nothing was predicted


def test_a_session_that_dominates_hides_no_error() -> None:
    """Its own residual is near 0 because the ratio is its own: the others tell how far off it may be."""
    ratio = ratio_of(Sizes.of([1000, 10, 10, 10, 10], [2000, 10, 10, 10, 10], range(5)))
    assert ratio is not None and ratio.ci95 is not None
    assert ratio.ci95[0] < 1 and ratio.freedom == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("together", [False, True], ids=["call by call", "whole sessions"])
@pytest.mark.parametrize("chance", [0.95, 0.5])
def test_it_covers_what_a_cache_serves(chance: float, together: bool) -> None:
    """All of a prefix or nothing: few sessions may all hit, and their residuals would promise certainty."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(RUNS):
        cluster = np.repeat(np.arange(16), rng.integers(1, 5, 16))
        size = np.exp(rng.normal(7, 0.7, len(cluster)))
        luck = rng.random(16)[cluster] if together else rng.random(len(cluster))
        x, y = chance * size, np.where(luck < chance, size, 0)
        variance = chance * (1 - chance) * size**2
        writes = cluster % 2 == 0
        ratio = ratio_of(Sizes(x[writes], y[writes], cluster[writes]))
        assert ratio is not None
        own = float(variance[writes].sum()), float(variance[~writes].sum())
        judges = Sizes(x[~writes], y[~writes], cluster[~writes])
        bounds = interval([foretold(ratio, judges, own)])
        assert bounds is not None
        covered += bounds[0] - 0.5 <= y[~writes].sum() <= bounds[1] + 0.5
    assert 0.90 <= covered / RUNS <= 0.99
