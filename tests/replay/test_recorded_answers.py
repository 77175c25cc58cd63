"""The log's own answers by the bytes that were asked: earliest first, ambiguity counted."""

from __future__ import annotations

from costopt.model.build import trace_of
from costopt.model.call import Call, CallStatus, Segment, SegmentKind, Usage, missing_usage
from costopt.model.exchange import Block, Origin, Request
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.replay.recorded_answers import recorded_answers

ASKED = ("why?", "why?", "why?", "who?", "gone?")
SAID = ("because", "because", "no reason", "me", "")


def used(n: int) -> Usage:
    usage = Usage()
    usage.leaves[Leaf.INPUT_FRESH], usage.leaves[Leaf.OUTPUT_TEXT] = n, 2 * n
    return usage


def log() -> View:
    """Five calls, a second apart: three ask the same, the fourth has no usage, the last failed."""
    calls = []
    for n, (asked, said) in enumerate(zip(ASKED, SAID, strict=True)):
        calls.append(Call(
            f"k{n}", missing_usage() if n == 3 else used(n + 1), id=f"c{n}", at_us=n * 1_000_000,
            provider="openai", model="gpt-5.2", finish="stop",
            status=CallStatus.FAILED if n == 4 else CallStatus.OK,
            latency_ms=None if n == 3 else 10.0 * n, ttft_ms=4.0 if n == 0 else None,
            request=[Segment(SegmentKind.USER, asked)], response=[Segment(SegmentKind.ASSISTANT, said)],
        ))  # fmt: skip
    return View.of(trace_of(calls))


class Built:
    """`Requests` of the log above; `unsent`: rows that cannot be sent."""

    def __init__(self, unsent: tuple[int, ...] = ()) -> None:
        self.unsent = unsent

    def build(self, row: int) -> Request | str:
        if row in self.unsent:
            return "the log kept no text of it"
        return Request("openai", "gpt-5.2", (Block(SegmentKind.USER, ASKED[row]),))

    def answer(self, row: int) -> tuple[Block, ...] | None:
        return (
            (Block(SegmentKind.ASSISTANT, SAID[row], call_id=f"id-{row}"),) if SAID[row] else None
        )


def key(row: int) -> str:
    built = Built().build(row)
    assert isinstance(built, Request)
    return built.key


def test_the_earliest_answer_stands_for_equal_bytes_and_ambiguity_is_counted() -> None:
    found = recorded_answers(log(), Built())
    assert set(found.answers) == {key(0), key(3)}
    assert (found.repeated, found.differing) == (2, 1)
    first = found.answers[key(0)]
    assert first.origin is Origin.RECORDED and first.answer.id == "c0"
    assert first.answer.blocks[0].text == "because" and first.answer.finish == "stop"
    leaves = first.answer.leaves
    assert leaves and (leaves[Leaf.INPUT_FRESH], leaves[Leaf.OUTPUT_TEXT]) == (1, 2)
    assert (first.latency_ms, first.ttft_ms) == (0.0, 4.0)


def test_what_the_log_does_not_say_stays_unknown() -> None:
    answer = recorded_answers(log(), Built()).answers[key(3)]
    assert answer.answer.leaves is None and answer.ttft_ms is None


def test_calls_that_cannot_be_built_or_failed_answer_nothing() -> None:
    found = recorded_answers(log(), Built(unsent=(0, 1)))
    assert found.answers[key(0)].answer.blocks[0].text == "no reason"
    assert key(4) not in found.answers and found.repeated == 0


def test_only_the_rows_asked_for_are_read() -> None:
    found = recorded_answers(log(), Built(), rows=[2, 1])
    assert found.answers[key(0)].answer.id == "c1" and found.repeated == 1
