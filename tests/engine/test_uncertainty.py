"""Intervals: as wide as they must be, in parts, given the realised caches, and none where none can be."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from costopt.engine.bootstrap import ratio_interval
from costopt.engine.cache_error import UNJUDGED, CommonError, common_error
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.outcome import InProcess
from costopt.engine.uncertainty import MIN_DAYS, Certainty, certainty, resampled_units
from costopt.model.call import Call
from tests.engine.stories import HOUR_US, calls_of
from tests.engine.toys.last_segments import LastSegments
from tests.engine.toys.same_request import SameRequest
from tests.engine.toys.shorter_output import ShorterOutput
from tests.layers.context import evaluator_of

NONE = CommonError(0.0, True)


def sure(
    evaluator: Evaluator, layers: Layers, error: CommonError = NONE, seed: int = 0
) -> Certainty:
    executor = InProcess(evaluator)
    base, after = executor.outcomes([(), layers])
    return certainty(executor, layers, base, after, evaluator.trace, error, seed)


def plain_percentile(part: np.ndarray, whole: np.ndarray, seed: int) -> tuple[float, float]:
    """The textbook bootstrap, one resample at a time."""
    generator, found = np.random.default_rng(seed), []
    for _ in range(2000):
        drawn = generator.integers(0, len(part), len(part))
        found.append(part[drawn].sum() / whole[drawn].sum())
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def test_many_calm_sessions_have_the_textbook_interval() -> None:
    generator = np.random.default_rng(1)
    whole = generator.lognormal(0, 0.3, 2000)
    part = whole * generator.beta(4, 12, 2000)
    low, high = ratio_interval(part, whole, 0)
    plain = plain_percentile(part, whole, 5)
    width = plain[1] - plain[0]
    assert abs(low - plain[0]) < 0.1 * width and abs(high - plain[1]) < 0.1 * width


def test_few_units_are_wider_than_the_textbook_says() -> None:
    """Savings in 2 of 20 sessions: percentiles of resamples know nothing of a third one."""
    whole = np.ones(20)
    part = np.zeros(20)
    part[:2] = 0.7
    low, high = ratio_interval(part, whole, 0)
    plain = plain_percentile(part, whole, 5)
    assert low <= plain[0] and high > plain[1] * 1.3


def test_an_equal_share_everywhere_has_no_spread() -> None:
    whole = np.random.default_rng(0).lognormal(0, 2, 50)
    assert ratio_interval(whole / 2, whole, 0) == pytest.approx((0.5, 0.5), abs=1e-12)
    assert ratio_interval(np.zeros(50), whole, 0) == (0.0, 0.0)


def test_dollars_of_any_size_give_the_same_interval() -> None:
    generator = np.random.default_rng(2)
    whole = generator.lognormal(0, 1, 100)
    part = whole * generator.random(100)
    assert ratio_interval(part * 1e15, whole * 1e15, 0) == pytest.approx(
        ratio_interval(part, whole, 0), rel=1e-9
    )


def test_the_same_seed_gives_the_same_bytes() -> None:
    evaluator = evaluator_of(calls_of(30))
    assert sure(evaluator, (LastSegments(2),)) == sure(evaluator, (LastSegments(2),))
    assert sure(evaluator, (LastSegments(2),)) != sure(evaluator, (LastSegments(2),), seed=1)


def test_under_twenty_sessions_there_is_a_reason_instead() -> None:
    found = sure(evaluator_of(calls_of(19)), (LastSegments(2),))
    assert found.ci95_pct is None and found.sampling is None
    assert "19 sessions" in found.reason and "20" in found.reason
    assert found.parts["sampling"] is None and found.parts["cache_model"] is not None
    assert sure(evaluator_of(calls_of(20)), (LastSegments(2),)).ci95_pct is not None


def test_no_dollars_no_share() -> None:
    found = sure(evaluator_of([]), ())
    assert found.pct is None and found.ci95_pct is None and "$0" in found.reason


def test_no_layers_save_nothing_for_sure() -> None:
    found = sure(evaluator_of(calls_of(25)), (), CommonError(0.1, True))
    assert found.pct == 0 and found.ci95_pct == (0, 0)


def test_from_fourteen_days_on_days_are_drawn() -> None:
    for apart, days in ((HOUR_US, False), (12 * HOUR_US, True)):
        trace = evaluator_of(calls_of(2 * MIN_DAYS + 1, apart_us=apart)).trace
        units, words = resampled_units(trace, np.arange(len(trace.sessions)))
        assert (len(np.unique(units)) < len(trace.sessions)) is days
        assert words.startswith(f"{len(np.unique(units))} days" if days else "29 sessions")


def test_parts_add_up_in_squares_on_each_side() -> None:
    evaluator = evaluator_of(calls_of(40))
    layers: Layers = (LastSegments(2), ShorterOutput(0.6, doubt=0.2))
    error = CommonError(0.05, True)
    found = sure(evaluator, layers, error)
    assert found.ci95_pct is not None and found.sampling is not None and found.pct is not None
    for side in (0, 1):
        parts = [found.sampling[side], found.cache_model[side], found.assumptions[side]]
        squares = sum((p - found.pct) ** 2 for p in parts)
        assert (found.ci95_pct[side] - found.pct) ** 2 == pytest.approx(squares)
    low, high = (sure(evaluator, (layers[0], ShorterOutput(r))).pct for r in (0.6 + 0.2, 0.6 - 0.2))
    assert found.assumptions == pytest.approx((low, high))


def test_ranges_of_several_settings_add_up_in_squares_each_behind_the_others() -> None:
    """One at a time, all else as it is: the second ratio acts on what the first has left."""
    evaluator = evaluator_of(calls_of(40))
    first, second = ShorterOutput(0.6, doubt=0.2), ShorterOutput(0.5, doubt=0.1)
    layers: Layers = (first, LastSegments(3), second)
    found = sure(evaluator, layers)
    pct = found.pct
    assert pct is not None

    def off(one: float, two: float) -> float:
        moved = sure(evaluator, (ShorterOutput(one), layers[1], ShorterOutput(two))).pct
        assert moved is not None
        return moved - pct

    low = off(0.6 + 0.2, 0.5) ** 2 + off(0.6, 0.5 + 0.1) ** 2
    high = off(0.6 - 0.2, 0.5) ** 2 + off(0.6, 0.5 - 0.1) ** 2
    assert found.assumptions == pytest.approx((pct - low**0.5, pct + high**0.5))
    assert off(0.8, 0.6) < -(low**0.5) < min(off(0.8, 0.5), off(0.6, 0.6))


def test_a_range_that_only_loses_widens_one_side() -> None:
    """A ratio of 0.7 that may as well be no gain at all, and never a larger one."""
    evaluator = evaluator_of(calls_of(40))

    class OneSided(ShorterOutput):
        def ranges(self) -> dict[str, tuple[float, float]]:
            return {"ratio": (self.ratio, 1.0)}

    found = sure(evaluator, (OneSided(0.7),))
    assert found.pct is not None and found.assumptions == pytest.approx((0.0, found.pct))
    assert found.sampling is not None and found.ci95_pct is not None
    assert found.ci95_pct[0] < 0 and found.ci95_pct[1] == pytest.approx(found.sampling[1])


def test_where_no_cache_is_touched_its_model_adds_nothing() -> None:
    evaluator = evaluator_of(calls_of(30))
    found = sure(evaluator, (ShorterOutput(0.5),), CommonError(0.5, True))
    assert found.cache_model == (found.pct, found.pct)


def test_the_common_error_is_that_of_sessions_left_out() -> None:
    """With ten times the sessions the fit is known better, whatever luck a session has."""
    few, many = (common_error(evaluator_of(calls_of(n, seed=3, steps=3))) for n in (30, 300))
    assert few.judged and many.judged and few.residual is not None and many.residual is not None
    assert 0 < many.share < few.share and 0 < many.residual < 0.1
    assert few.residual_pusd(1000) == round(1000 * few.residual)
    assert common_error(evaluator_of(calls_of(30, seed=3, steps=3))) == few


def test_what_calls_share_counts_in_full_and_their_own_luck_by_its_root() -> None:
    assert CommonError(0.0, True).off_pusd(100.0, 10**9) == pytest.approx(19.6, abs=0.01)
    assert CommonError(0.01, True).off_pusd(0.0, 10_000) == pytest.approx(277.6, abs=0.1)
    both = CommonError(0.01, True).off_pusd(100.0, 10_000)
    assert both == pytest.approx((19.6**2 + 277.6**2) ** 0.5, abs=0.1)
    assert CommonError(0.5, False).residual_pusd(100) == 50


def test_a_long_log_is_judged_on_stretches_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = evaluator_of(calls_of(80, seed=3))
    whole = common_error(evaluator)
    monkeypatch.setattr("costopt.engine.cache_error.JUDGED_CALLS", 120)
    part = common_error(evaluator)
    assert part.judged and part != whole and 0 < part.share < 0.3


def test_without_recorded_reads_nothing_judges_the_model() -> None:
    calls = [replace(c, request=None) for c in calls_of(4, steps=1)][:1]
    assert common_error(evaluator_of(calls)) == CommonError(UNJUDGED, False)


@pytest.mark.parametrize(
    "layers", [(LastSegments(2),), (SameRequest(), LastSegments(2))], ids=["window", "answers too"]
)
def test_resampling_sessions_is_as_wide_as_simulating_resamples(layers: Layers) -> None:
    """`Given the realised caches`: 50 resamples of a trace whose sessions share a prefix and answers, each
    simulated anew, spread about as far as the interval that keeps what every session read."""
    calls = calls_of(30, seed=5)
    found = sure(evaluator_of(calls), layers)
    assert found.sampling is not None
    chance, pcts = random.Random(0), []
    for _ in range(50):
        again = evaluator_of(_drawn(calls, chance))
        base = again.value(())
        pcts.append(100 * (base - again.value(layers)) / base)
    realised = (found.sampling[1] - found.sampling[0]) / 2
    simulated = 1.96 * float(np.std(pcts, ddof=1))
    assert 0.6 < realised / simulated < 1.8


def _drawn(calls: list[Call], chance: random.Random) -> list[Call]:
    """Sessions with replacement; each drawn one takes a place of its own in time."""
    by_session: dict[str, list[Call]] = {}
    for c in calls:
        by_session.setdefault(c.session_id, []).append(c)
    names, out = list(by_session), []
    for place in range(len(names)):
        chosen = by_session[chance.choice(names)]
        begin = calls[0].at_us
        assert begin is not None and chosen[0].at_us is not None
        for c in chosen:
            assert c.at_us is not None
            at_us = begin + place * HOUR_US + c.at_us - chosen[0].at_us
            name = f"{place}:{c.key}"
            out.append(replace(c, key=name, id=name, session_id=f"s{place}", at_us=at_us))
    return out
