"""Usage counted where the log has text but no counts; bounds where text lacks; never $0."""

from __future__ import annotations

from typing import Any

from costopt.billing.meter import meter
from costopt.billing.usage_estimate import (
    MESSAGE_TOKENS,
    REPLY_TOKENS,
    missing_range,
    with_estimates,
)
from costopt.model.call import Call, CallStatus, Segment, SegmentKind, UsageState, missing_usage
from costopt.model.leaf import Leaf
from costopt.model.trace import Trace
from costopt.model.view import View
from tests.billing.small import LetterTokens, call, timed, usage
from tests.fakes import INPUT_RATE, OUTPUT_RATE, READ_RATE, WRITE_RATE, FakeBook

FRAME = MESSAGE_TOKENS + REPLY_TOKENS


def silent_call(request: list[str] | None, answer: list[str] | None, **more: Any) -> Call:
    return call("silent", request, missing_usage(), answer, **more)


def estimated(*calls: Call) -> tuple[Trace, Trace]:
    trace = timed(list(calls))
    return trace, with_estimates(trace, LetterTokens(trace.segments))


def test_both_texts_give_counts_and_the_state_says_estimated() -> None:
    trace, after = estimated(silent_call(["user:" + "q" * 100], ["assistant:" + "a" * 20]))
    assert after.usage_state.tolist() == [UsageState.ESTIMATED]
    assert after.leaves[0, Leaf.INPUT_FRESH] == 100 + FRAME
    assert after.leaves[0, Leaf.OUTPUT_TEXT] == 20 and after.leaves[0].sum() == 120 + FRAME
    assert trace.usage_state.tolist() == [UsageState.MISSING], "the trace itself is left alone"


def test_logged_reasoning_is_its_own_leaf() -> None:
    _, after = estimated(silent_call(["user:q"], ["reasoning:" + "r" * 30, "assistant:aa"]))
    assert after.leaves[0, Leaf.OUTPUT_REASONING] == 30 and after.leaves[0, Leaf.OUTPUT_TEXT] == 2


def test_without_answer_or_request_text_it_stays_missing() -> None:
    for one in (silent_call(["user:q"], None), silent_call(None, ["assistant:a"])):
        _, after = estimated(one)
        assert after.usage_state.tolist() == [UsageState.MISSING] and after.leaves.sum() == 0


def test_an_attachment_without_text_cannot_be_counted_but_a_picture_can() -> None:
    for kind, state in (
        (SegmentKind.FILE, UsageState.MISSING),
        (SegmentKind.IMAGE, UsageState.ESTIMATED),
    ):
        one = silent_call(["user:q"], ["assistant:a"])
        assert one.request is not None
        one.request.append(Segment(kind, "", digest=b"7" * 16))
        _, after = estimated(one)
        assert after.usage_state.tolist() == [state]


def test_failed_calls_and_gateway_hits_are_not_missing() -> None:
    for status in (CallStatus.FAILED, CallStatus.GATEWAY_HIT):
        trace, after = estimated(silent_call(["user:q"], ["assistant:a"], status=status))
        assert after is trace
        assert missing_range(trace, FakeBook(), LetterTokens(trace.segments)) is None


def test_reported_calls_are_untouched_and_tell_the_hidden_prompt() -> None:
    shown = 10 + FRAME
    reported = [
        call(str(i), [f"user:{i:010d}"], usage(700 + shown, out=3), ["assistant:a"])
        for i in range(6)
    ]
    trace, after = estimated(*reported, silent_call(["user:" + "q" * 50], ["assistant:a"]))
    assert (after.leaves[:6] == trace.leaves[:6]).all()
    assert after.leaves[6, Leaf.INPUT_FRESH] == 50 + FRAME + 700


def test_tools_of_a_claude_model_bring_their_own_prompt() -> None:
    plain, with_tools = (
        estimated(silent_call([*tools, "user:q"], ["assistant:a"], model="claude-sonnet-4-5"))[1]
        for tools in ([], ["tools:{}"])
    )
    more = with_tools.leaves[0, Leaf.INPUT_FRESH] - plain.leaves[0, Leaf.INPUT_FRESH]
    assert more == 346 + len("{}") + MESSAGE_TOKENS


def test_estimates_are_priced_and_counted_apart() -> None:
    _, after = estimated(silent_call(["user:" + "q" * 100], ["assistant:" + "a" * 20]))
    bill = meter(View.of(after), FakeBook())
    assert bill.total_pusd == (100 + FRAME) * INPUT_RATE + 20 * OUTPUT_RATE


def test_bounds_of_a_lost_answer_reach_to_max_tokens() -> None:
    trace = timed([silent_call(["user:" + "q" * 100], None, max_tokens=500)])
    found = missing_range(trace, FakeBook(), LetterTokens(trace.segments))
    assert found == ((100 + FRAME) * READ_RATE, (100 + FRAME) * WRITE_RATE + 500 * OUTPUT_RATE)


def test_bounds_of_a_lost_request_reach_to_the_largest_reported() -> None:
    trace = timed(
        [call("r", None, usage(3000, out=90)), silent_call(None, ["assistant:" + "a" * 20])]
    )
    found = missing_range(trace, FakeBook(), LetterTokens(trace.segments))
    assert found == (20 * OUTPUT_RATE, 3000 * WRITE_RATE + 20 * OUTPUT_RATE)


def test_no_bound_is_invented() -> None:
    for one in (silent_call(["user:q"], None), silent_call(None, ["assistant:a"])):
        trace = timed([one])
        assert missing_range(trace, FakeBook(), LetterTokens(trace.segments)) is None
    unpriced = timed([silent_call(["user:q"], None, model="unknown-1", max_tokens=5)])
    assert missing_range(unpriced, FakeBook(), LetterTokens(unpriced.segments)) is None


def test_estimates_leave_nothing_to_bound() -> None:
    _, after = estimated(silent_call(["user:q"], ["assistant:a"]))
    assert missing_range(after, FakeBook(), LetterTokens(after.segments)) is None
