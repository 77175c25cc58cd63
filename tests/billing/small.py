"""Short ways to write calls, and a bill at the fake book's flat rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill, PriceStatus
from costopt.model.build import trace_of
from costopt.model.call import Call, CallStatus, Segment, SegmentKind, Usage
from costopt.model.leaf import Leaf
from costopt.model.trace import SegmentTable, Trace
from tests.fakes import rates

KINDS = {
    "tools": SegmentKind.TOOLS, "system": SegmentKind.SYSTEM, "user": SegmentKind.USER,
    "assistant": SegmentKind.ASSISTANT, "call": SegmentKind.TOOL_CALL,
    "result": SegmentKind.TOOL_RESULT, "reasoning": SegmentKind.REASONING,
}  # fmt: skip


def seg(spec: str, **more: Any) -> Segment:
    """`system:You are` or `result/search:found it`: kind, tool name, text."""
    head, _, text = spec.partition(":")
    kind, _, name = head.partition("/")
    return Segment(KINDS[kind], text, name, **more)


def usage(fresh: int = 0, read: int = 0, write: int = 0, out: int = 0, reasoning: int = 0) -> Usage:
    made = Usage()
    made.leaves[Leaf.INPUT_FRESH], made.leaves[Leaf.CACHE_READ] = fresh, read
    made.leaves[Leaf.CACHE_WRITE_5M] = write
    made.leaves[Leaf.OUTPUT_TEXT], made.leaves[Leaf.OUTPUT_REASONING] = out, reasoning
    return made


def call(
    key: str, request: list[str] | None, used: Usage, answer: list[str] | None = None, **more: Any
) -> Call:
    """A call of session `s` and agent `planner` unless said otherwise."""
    columns = {"session_id": "s", "agent": "planner", "model": "m", "provider": "openai"} | more
    sent = None if request is None else [seg(r) for r in request]
    answered = None if answer is None else [seg(r) for r in answer]
    return Call(key=key, id=key, usage=used, request=sent, response=answered, **columns)


def timed(calls: list[Call], gap_s: float = 10.0) -> Trace:
    """A trace of these calls, one after the other."""
    for i, c in enumerate(calls):
        if c.at_us is None:
            c.at_us = 1_790_000_000_000_000 + int(i * gap_s * 1e6)
    return trace_of(calls)


@dataclass(frozen=True)
class LetterTokens:
    """One token a byte: what a test says can be counted by eye."""

    segments: SegmentTable
    texts: tuple[str, ...] = ()

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        return self.segments.n_bytes[segments]

    def label(self, model: str) -> str:
        return "exact"

    def common_prefix(self, first: int, second: int, model: str) -> int:
        if not self.texts:
            return 0
        a, b = self.texts[first], self.texts[second]
        return next(
            (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
        )


def flat_bill(trace: Trace, discount_pct: int = 0, fee_pusd: int = 0) -> Bill:
    """Every call at the fake rates; failed calls and gateway hits cost nothing."""
    charged = trace.status == CallStatus.OK
    leaf = np.where(charged[:, None], trace.leaves * np.array(rates(), np.int64), 0)
    fee = np.where(charged, fee_pusd, 0).astype(np.int64)
    listed = leaf.sum(axis=1) + fee
    status = np.where(charged, PriceStatus.PRICED, PriceStatus.NOT_CHARGED).astype(np.int8)
    return Bill(
        leaf, fee, listed, listed * discount_pct // 100, status,
        np.where(charged, 0, -1).astype(np.int32), ("fake/m",),
    )  # fmt: skip
