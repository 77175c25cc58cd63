"""The prompt that the log leaves out is told from what is reported beyond what is shown."""

from __future__ import annotations

import random

import numpy as np
import pytest

from costopt.billing.prompt_cache.hidden import MIN_HIDDEN_TOKENS, hidden_prefix
from costopt.model.build import trace_of
from costopt.model.call import Call, missing_usage
from tests.billing.prompt_cache.world import sent


def sessions(hidden: int, scale: float = 1.0, noise: int = 0, lost: int = 0) -> list[Call]:
    """Twelve sessions of eight calls. `lost`: tokens that later calls carry but the log drops."""
    rng = random.Random(2)
    calls = []
    for s in range(12):
        text: list[str] = []
        for step in range(8):
            text = [*text, "user:" + "u" * rng.randint(60, 400) + f"{s}-{step}"]
            shown = sum(len(t) - 5 for t in text)
            size = hidden + int(scale * shown) + rng.randint(0, noise) + (lost if step > 2 else 0)
            calls.append(sent(100.0 * s + step, list(text), size=size, session_id=f"s{s}"))
    return calls


def inferred(calls: list[Call]) -> tuple[np.ndarray, np.ndarray]:
    trace = trace_of(calls)
    shown = np.array([trace.segments.n_bytes[trace.request.row(i)].sum() for i in range(trace.n)])
    found = hidden_prefix(trace, shown)
    return found.tokens, found.code


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.3])
def test_a_stable_surplus_is_hidden_whatever_the_counters_scale(scale: float) -> None:
    tokens, code = inferred(sessions(3000, scale, noise=6))
    assert np.abs(tokens - 3000).max() < 60 and len(np.unique(code)) == 1


def test_text_that_is_lost_later_does_not_swell_it() -> None:
    tokens, _ = inferred(sessions(3000, lost=20_000))
    assert np.abs(tokens - 3000).max() < 60


def test_overhead_of_the_wire_format_is_no_prompt() -> None:
    tokens, code = inferred(sessions(MIN_HIDDEN_TOKENS - 20))
    assert (tokens == 0).all() and (code == 0).all()


def test_without_reported_usage_nothing_is_inferred() -> None:
    calls = sessions(3000)
    for call in calls:
        call.usage = missing_usage()
    assert (inferred(calls)[0] == 0).all()


def test_agents_have_prompts_of_their_own() -> None:
    second = sessions(900)
    for call in second:
        call.agent, call.session_id, call.key = "other", "b" + call.session_id, "b" + call.key
    tokens, code = inferred(sessions(3000) + second)
    assert len(np.unique(code)) == 2
    assert sorted({round(int(t), -2) for t in tokens}) == [900, 3000]
