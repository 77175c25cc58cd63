"""The fit tells what the provider did, falls back for what it never saw, and learns steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from costopt.billing.prompt_cache.fit import CacheFit, fit_cache, rule_fit
from costopt.billing.prompt_cache.logistic import chance, fitted
from costopt.billing.prompt_cache.model import CacheModel
from costopt.billing.prompt_cache.proven import ProvenRules
from costopt.billing.prompt_cache.steps import learned_step
from costopt.model.build import trace_of
from costopt.model.call import Call
from costopt.model.leaf import Leaf
from costopt.model.view import View
from tests.billing.prompt_cache.world import Rules, modelled, sent

SYSTEM = "system:" + "s" * 40


def provider(sessions: int, p_hit: float, seed: int = 0, **more: Any) -> list[Call]:
    """Sessions of six steps against a cache that serves the last request with chance `p_hit`."""
    rng = np.random.default_rng(seed)
    calls = []
    for s in range(sessions):
        text = [f"user:{s:04d}" + "x" * 36]
        for step in range(6):
            size = sum(len(t) - 5 for t in text)
            more_text = f"user:{s:04d}{step}" + "u" * 45
            hit = step > 0 and rng.random() < p_hit
            text = [*text, more_text] if step else text
            calls.append(sent(1000.0 * s + 10 * step, list(text), read=size if hit else 0,
                              session_id=f"{seed}-{s}", **more))  # fmt: skip
    return calls


@pytest.mark.parametrize("p_hit", [0.1, 0.5, 0.95])
def test_the_share_of_sessions_left_out_is_met(p_hit: float) -> None:
    model = modelled(provider(120, p_hit))
    trace, recorded = model.lineage.trace, model.recorded
    half = trace.session < 60
    fit = fit_cache(View.of(trace), recorded.prefix, recorded.rules, half)
    served = fit.served(recorded.prefix, recorded.rules, View.of(trace))
    off = served.tokens[~half].sum() - trace.cache_read[~half].sum()
    assert abs(off) / trace.input_tokens[~half].sum() < 0.05, "a half of 60 sessions is that noisy"
    hit = served.hit[~half & (trace.step > 1)].mean()
    assert abs(hit - p_hit) < 0.08


def test_nothing_recorded_means_the_dated_rules() -> None:
    model = modelled([sent(0, [SYSTEM]), sent(9, [SYSTEM, "user:u"])])
    none = fit_cache(View.of(model.lineage.trace), model.recorded.prefix, model.recorded.rules,
                     np.zeros(2, np.bool_))  # fmt: skip
    assert none.calls == 0 and none.any_read.keys() == rule_fit().any_read.keys()


def test_a_model_never_seen_takes_its_providers_habits_less_surely() -> None:
    fit = modelled(provider(100, 0.98)).fit
    at = lambda name: modelled(provider(3, 1.0, 7, model=name), fit=fit).recorded.served  # noqa: E731
    known, unknown = at("m"), at("m-next")
    later = known.tokens > 0
    assert (unknown.hit[later] < known.hit[later]).all() and unknown.hit[later].min() > 0.6


def test_variance_is_that_of_all_or_nothing() -> None:
    served = modelled(provider(100, 0.5)).recorded.served
    later = served.tokens > 1
    assert (np.sqrt(served.variance[later]) > 0.5 * served.tokens[later]).all()


def test_steps_are_learned_from_reads() -> None:
    rng = np.random.default_rng(2)
    assert learned_step(128 * rng.integers(8, 90, 200)) == 128
    near = 2000 * rng.integers(1, 9, 200) + rng.integers(-20, 20, 200)
    found = learned_step(near)
    assert found is not None and abs(found - 2000) < 40
    assert learned_step(rng.integers(1000, 30_000, 200)) is None
    assert learned_step(128 * rng.integers(8, 90, 20)) is None, "too few to tell"


def test_logistic_goes_from_prior_to_data() -> None:
    centre, spread = np.array([1.0]), np.array([0.5])
    none = fitted(np.zeros((0, 1)), np.zeros(0, np.bool_), centre, spread)
    assert none == pytest.approx(centre)
    much = fitted(np.ones((5000, 1)), np.arange(5000) < 1000, centre, spread)
    assert float(chance(much)[0]) == pytest.approx(0.2, abs=0.01)


def test_reads_prove_a_cache_that_the_book_does_not_know() -> None:
    calls = provider(20, 0.9, model="never-heard")
    model = modelled(calls)
    share = model.recorded.served.tokens.sum() / model.lineage.trace.cache_read.sum()
    assert 0.8 < share < 1.2
    lone = ProvenRules.of(trace_of(calls[:2]), Rules())
    assert lone.cache_rules("openai", "never-heard", None).mode == "none", "one read proves nothing"


def test_reads_prove_a_smaller_minimum_than_the_documented_one() -> None:
    calls = provider(20, 0.9)
    trace = trace_of(calls)
    found = ProvenRules.of(trace, Rules(min_tokens=4096)).cache_rules("openai", "m", None)
    assert found.min_tokens == 40
    assert ProvenRules.of(trace, Rules()).cache_rules("openai", "m", None).min_tokens == 20


def test_no_reads_leave_the_rules_alone() -> None:
    calls = provider(20, 0.0)
    model = modelled(calls)
    assert isinstance(model, CacheModel) and isinstance(model.fit, CacheFit)
    assert (
        model.recorded.served.tokens.sum()
        < 0.05 * model.lineage.trace.leaves[:, Leaf.INPUT_FRESH].sum()
    )
