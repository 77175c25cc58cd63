"""Rows to columns: one call once, wrappers dropped, order decided by time and content alone."""

from __future__ import annotations

import random

import numpy as np

from costopt.model.build import trace_of, without_wrappers
from costopt.model.call import Call, Segment, SegmentKind, Usage
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.usage import Counts, inside


def usage(fresh: int = 10, output: int = 1) -> Usage:
    leaves = [0] * N_LEAVES
    leaves[Leaf.INPUT_FRESH], leaves[Leaf.OUTPUT_TEXT] = fresh, output
    return Usage(leaves)


def text(kind: SegmentKind, words: str) -> Segment:
    return Segment(kind, words)


def test_the_latest_record_of_a_key_wins() -> None:
    calls = [
        Call("a", usage(output=9), version_us=1),
        Call("a", usage(output=5), version_us=2),
    ]
    trace = trace_of(calls)
    assert trace.n == 1
    assert trace.output_tokens.tolist() == [5]


def test_a_record_with_usage_beats_a_later_one_without() -> None:
    from costopt.model.call import missing_usage

    calls = [Call("a", usage(), version_us=1), Call("a", missing_usage(), version_us=2)]
    assert trace_of(calls).input_tokens.tolist() == [10]


def test_without_a_key_equal_content_is_one_call() -> None:
    assert trace_of([Call("", usage(), id="x"), Call("", usage(), id="x")]).n == 1
    assert trace_of([Call("", usage(), id="x"), Call("", usage(), id="y")]).n == 2


def test_order_of_records_does_not_matter() -> None:
    calls = [
        Call(f"k{i}", usage(fresh=i), at_us=(i % 3) * 1000, session_id=f"s{i % 2}", version_us=0)
        for i in range(30)
    ]
    first = trace_of(calls)
    random.Random(1).shuffle(calls)
    again = trace_of(calls)
    assert np.array_equal(first.key, again.key)
    assert first.sessions == again.sessions
    assert first.step.tolist() == again.step.tolist()


def test_a_segment_is_stored_once() -> None:
    system = text(SegmentKind.SYSTEM, "You help.")
    calls = [
        Call("a", usage(), at_us=1, request=[system, text(SegmentKind.USER, "one")]),
        Call("b", usage(), at_us=2, request=[system, text(SegmentKind.USER, "two")]),
    ]
    trace = trace_of(calls)
    assert len(trace.segments) == 3
    assert trace.request.row(0)[0] == trace.request.row(1)[0]


def test_a_span_above_a_model_call_is_no_call() -> None:
    calls = [
        Call("w", usage(), id="wrapper", span=True),
        Call("c", usage(), id="sdk", parent_id="chain", span=True),
    ]
    kept = without_wrappers(calls, {"chain": "wrapper"})
    assert [c.id for c in kept] == ["sdk"]


def test_a_wrapper_stays_when_only_it_has_usage() -> None:
    from costopt.model.call import missing_usage

    calls = [
        Call("w", usage(), id="wrapper", span=True),
        Call("c", missing_usage(), id="sdk", parent_id="wrapper", span=True),
    ]
    assert [c.id for c in without_wrappers(calls, {})] == ["wrapper"]


def test_a_span_begun_in_one_file_and_ended_in_another_is_one_call() -> None:
    from costopt.model.call import missing_usage

    begun = Call("run", missing_usage(), id="run", span=True)
    ended = Call("chatcmpl-1", usage(), id="run", span=True)
    assert without_wrappers([begun, ended], {}) == [ended]


def test_columns_are_sealed() -> None:
    trace = trace_of([Call("a", usage(), at_us=1)])
    assert not trace.leaves.flags.writeable


def test_cached_input_is_part_of_openai_input() -> None:
    counted = inside(Counts(input=2000, read=1024, output=100, reasoning=60))
    assert counted[Leaf.INPUT_FRESH] == 976
    assert counted[Leaf.OUTPUT_TEXT] == 40
    assert counted.input_tokens == 2000
