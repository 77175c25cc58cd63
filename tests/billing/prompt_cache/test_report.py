"""The report: shares of what the log shows, None for what it does not, residual on the other half."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.billing.context import PromptCacheReport
from costopt.billing.prompt_cache.report import cache_report, half_of_sessions
from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind, missing_usage
from costopt.model.usage import Counts, inside
from tests.billing.prompt_cache.test_fit import provider
from tests.billing.prompt_cache.world import Rules, Words, sent
from tests.billing.small import LetterTokens

SYSTEM, USER = "system:" + "s" * 40, "user:" + "u" * 30


def report(calls: list[Call], seed: int = 0) -> PromptCacheReport:
    trace = trace_of(calls)
    words = Words(calls, trace)
    return cache_report(trace, Rules(), LetterTokens(trace.segments, words.texts), words, seed=seed)


def test_recorded_ideal_and_modelled() -> None:
    found = report(provider(60, 0.8))
    assert found.recorded_share == pytest.approx(0.8 * (found.ideal_share or 0), abs=0.06)
    assert found.modelled_share == pytest.approx(found.recorded_share, abs=0.03)
    assert found.residual_pp is not None and abs(found.residual_pp) < 8
    assert found.ideal_block_share is None


def test_each_model_has_its_row_the_largest_first() -> None:
    found = report(provider(20, 0.9, model="m") + provider(40, 0.2, 1, model="m2"))
    assert [c.model for c in found.by_model] == ["m2", "m"]
    small, large = (c.recorded_share or 0.0 for c in found.by_model)
    assert small < 0.3 < 0.5 < large


def test_without_content_nothing_is_said_of_it() -> None:
    calls = provider(20, 0.9)
    for call in calls:
        call.request = None
    found = report(calls)
    assert found.recorded_share is not None and found.recorded_share > 0.5
    assert found.ideal_share is None and found.modelled_share is None and found.residual_pp is None
    assert found.break_use.tolist() == [-1] * len(calls)
    assert (found.shared_prefix_tokens == 0).all()


def test_without_usage_there_is_no_share() -> None:
    call = sent(0, [SYSTEM])
    call.usage = missing_usage()
    found = report([call])
    assert (found.recorded_share, found.ideal_share, found.modelled_share) == (None, None, None)
    assert found.by_model == ()


def test_a_model_without_a_cache_has_share_0_and_no_residual() -> None:
    found = report([sent(0, [SYSTEM], model="never"), sent(9, [SYSTEM, USER], model="never")])
    assert (found.recorded_share, found.modelled_share, found.residual_pp) == (0.0, 0.0, None)


def test_no_calls_at_all() -> None:
    found = report([])
    assert found.recorded_share is None and found.by_model == () and len(found.break_use) == 0


def test_the_same_seed_parts_the_same_sessions_in_halves() -> None:
    trace = trace_of(provider(21, 0.5))
    first = half_of_sessions(trace, 4)
    assert (first == half_of_sessions(trace, 4)).all()
    assert len(np.unique(trace.session[first])) == 10
    assert (first != half_of_sessions(trace, 5)).any()


def test_longest_prefix_is_not_reuse_of_any_block() -> None:
    def blocks(number: int, row: list[int]) -> Call:
        made = [Segment(SegmentKind.BLOCK, "", tokens=512, digest=bytes([b]) * 16) for b in row]
        return Call(key=str(number), usage=inside(Counts(input=512 * len(row))), at_us=number,
                    request=made, response=[])  # fmt: skip

    rows = [[1, 2, 3, 4], [9, 2, 3, 4], [1, 2, 9, 4], [1, 2, 3, 5]]
    found = report([blocks(i, row) for i, row in enumerate(rows)])
    assert found.ideal_block_share == 5 / 16, "any block seen before would be 10 / 16"


def test_a_later_half_of_the_trace_does_not_change_what_was_shared() -> None:
    calls = provider(10, 0.9)
    whole, part = report(calls), report(calls[:30])
    assert (whole.shared_prefix_tokens[:30] == part.shared_prefix_tokens).all()
