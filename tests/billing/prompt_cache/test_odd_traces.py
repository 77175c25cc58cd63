"""Logs of any shape: no times, no text, failures, run totals. Never an error, never a share above 1."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.accel.tokens import token_counter
from costopt.billing.prompt_cache.report import cache_report
from costopt.billing.usage_estimate import missing_range, with_estimates
from costopt.model.build import trace_of
from costopt.model.call import Call, CallStatus, Segment, SegmentKind, missing_usage
from tests.billing.prompt_cache.world import T0, Rules, Words
from tests.billing.small import seg, usage

SPECS = st.sampled_from(
    ["system:Be kind.", "system:" + "s" * 90, "user:hi", "user:" + "u" * 60, "user:", "call/find:{}",
     "result/find:" + "r" * 50, "assistant:done \ud800", "reasoning:hm", "tools/find:{\"a\": 1}"]
)  # fmt: skip
BLOCKS = st.one_of(st.none(), st.lists(SPECS, max_size=6))


@st.composite
def odd_call(draw: st.DrawFn) -> Call:
    number = draw(st.integers(0, 10**9))
    read, fresh = draw(st.integers(0, 300)), draw(st.integers(0, 300))
    used = (
        missing_usage() if draw(st.booleans()) else usage(fresh, read, draw(st.integers(0, 90)), 7)
    )
    request, answer = draw(BLOCKS), draw(BLOCKS)
    made = Call(
        key=str(number), usage=used, session_id=draw(st.sampled_from(["", "a", "b"])),
        at_us=draw(st.one_of(st.none(), st.integers(T0, T0 + 10**9), st.just(0))),
        latency_ms=draw(st.one_of(st.none(), st.floats(0, 1e5))),
        provider=draw(st.sampled_from(["", "openai", "anthropic"])),
        model=draw(st.sampled_from(["", "gpt-4o", "claude-x", "never", "unknown"])),
        status=draw(st.sampled_from(list(CallStatus)[:3])), requests=draw(st.sampled_from([1, 1, 9])),
        service_tier=draw(st.sampled_from(["default", "batch"])),
        request=None if request is None else [seg(s) for s in request],
        response=None if answer is None else [seg(s) for s in answer],
    )  # fmt: skip
    if made.request and draw(st.booleans()):
        made.request.append(Segment(SegmentKind.IMAGE, "", digest=b"i" * 16))
    return made


@settings(max_examples=150, deadline=None)
@given(st.lists(odd_call(), max_size=14), st.sampled_from(["automatic", "breakpoint", "none"]))
def test_any_log_gets_an_answer(calls: list[Call], mode: str) -> None:
    trace = trace_of(calls)
    words = Words(calls, trace)
    tokens, book = token_counter(trace, words), Rules(mode=mode)
    trace = with_estimates(trace, tokens)
    bounds = missing_range(trace, book, tokens)
    assert bounds is None or 0 <= bounds[0] <= bounds[1]
    found = cache_report(trace, book, tokens, words)
    for share in (found, *found.by_model):
        for value in (share.recorded_share, share.ideal_share, share.modelled_share):
            assert value is None or 0.0 <= value <= 1.0
    assert len(found.shared_prefix_tokens) == len(found.break_use) == trace.n
    assert (found.shared_prefix_tokens >= 0).all()
    assert (found.shared_prefix_tokens <= trace.input_tokens).all()
    assert cache_report(trace, book, tokens, None).recorded_share == found.recorded_share
