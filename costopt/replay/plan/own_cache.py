"""What the provider's prompt cache would serve of the planned requests: a small trace of their own.

Only what a replay sends itself can be warm for it, in its own order and at its own pace; the log's cache
model, fitted on recorded reads, is asked about that. A model that the book knows no cache of has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import as_of_us
from costopt.billing.prompt_cache.hidden import Hidden
from costopt.billing.prompt_cache.lineage import Lineage
from costopt.billing.prompt_cache.model import CacheModel, Modelled
from costopt.billing.prompt_cache.rules import rule_columns
from costopt.model.beginning import shared_length
from costopt.model.build import trace_of
from costopt.model.call import Breakpoint, Call, Segment, SegmentKind, Usage
from costopt.model.identity import segment_digest
from costopt.model.leaf import Leaf
from costopt.model.trace import SegmentTable, Trace
from costopt.model.view import View
from costopt.prices.contract import DatedRates
from costopt.replay.money import Money
from costopt.replay.plan.sends import Send

BYTES_A_TOKEN = 4
PICTURE_TOKENS = 1_000
_WRITES = {Breakpoint.TTL_5M: Leaf.CACHE_WRITE_5M, Breakpoint.TTL_1H: Leaf.CACHE_WRITE_1H}


@dataclass(frozen=True)
class Warm:
    """Of one request."""

    read_tokens: float
    variance: float
    write_tokens: int
    write_leaf: Leaf


COLD = Warm(0.0, 0.0, 0, Leaf.INPUT_FRESH)


@dataclass(frozen=True)
class Planned:
    """A request at its time."""

    send: Send
    session: int
    start_ms: float
    """After the replay's start."""
    latency_ms: float


def warmth(planned: Sequence[Planned], model: CacheModel, money: Money) -> list[Warm]:
    """Of each request, in the order given; those of one moment go out in it."""
    if not planned:
        return []
    begin_us = as_of_us(money.prices)
    order = sorted(range(len(planned)), key=lambda i: (planned[i].start_ms, i))
    calls = [_call(planned[i], i, begin_us, nth, money) for nth, i in enumerate(order)]
    trace = trace_of(calls)
    texts = _texts(trace, calls)
    counter = _Known(trace.segments, texts)
    lineage = Lineage.of(trace, counter, _Texts(texts))
    none = np.zeros(trace.n, np.int64)
    lineage = replace(lineage, hidden=Hidden(none, none))
    view = View.of(trace)
    lineage = lineage.judged(view, rule_columns(view, model.book))
    found = CacheModel.on(lineage, model.fit, model.book).recorded
    row_of = {int(name): row for row, name in enumerate(trace.id)}
    return [_warm(found, p, row_of[i], counter, trace) for i, p in enumerate(planned)]


def _warm(
    found: Modelled, planned: Planned, row: int, counter: _Known, trace: Trace
) -> Warm:  # fmt: skip
    total = planned.send.input_tokens
    read = min(float(found.served.tokens[row]), float(found.limit[row]), float(total))
    variance = float(found.served.variance[row]) if read else 0.0
    written, leaf = _written(found, planned, row, counter, trace, read)
    return Warm(read, variance, written, leaf)


def _written(
    found: Modelled, planned: Planned, row: int, counter: _Known, trace: Trace, read: float
) -> tuple[int, Leaf]:
    """What is written and dearer than fresh: up to the last mark, or (without marks) whole steps."""
    rules, total = found.rules, planned.send.input_tokens
    if not (rules.active[row] and rules.writes_charged[row]):
        return 0, Leaf.INPUT_FRESH
    leaf, region = Leaf.CACHE_WRITE_OTHER, total
    if rules.breakpoints[row]:
        blocks = planned.send.request.blocks
        marked = [i for i, b in enumerate(blocks) if b.breakpoint != Breakpoint.NONE]
        if not marked:
            return 0, Leaf.INPUT_FRESH
        counts = counter.count(trace.request.row(row), "")
        region = total * int(counts[: marked[-1] + 1].sum()) // max(1, int(counts.sum()))
        leaf = _WRITES[blocks[marked[-1]].breakpoint]
    else:
        step = int(rules.step_tokens[row])
        region = region // step * step
    if region < rules.min_tokens[row]:
        return 0, Leaf.INPUT_FRESH
    return max(0, region - round(read)), leaf


def _call(planned: Planned, number: int, begin_us: int, nth: int, money: Money) -> Call:
    """`nth` in time keeps the order of those that go out at one moment."""
    send, request = planned.send, planned.send.request
    usage = Usage()
    usage.leaves[Leaf.INPUT_FRESH] = send.input_tokens
    usage.leaves[Leaf.OUTPUT_TEXT] = send.output_tokens
    provider, model = _names(send, money)
    return Call(
        key=str(number), id=str(number), usage=usage, session_id=str(planned.session),
        at_us=begin_us + int(planned.start_ms * 1_000) + nth, latency_ms=planned.latency_ms,
        provider=provider, model=model, agent=send.agent, service_tier=request.service_tier,
        prompt_cache_key=request.prompt_cache_key, request=_segments(send),
    )  # fmt: skip


def _names(send: Send, money: Money) -> tuple[str, str]:
    """As the cache model knows them: the log's own, else the book's of the model that stands in."""
    request = send.request
    if request.model == send.model:
        return send.provider, send.model
    rates = money.rates(request.provider, request.model)
    if isinstance(rates, DatedRates):
        return rates.provider, rates.model
    return request.provider, request.model


def _segments(send: Send) -> list[Segment]:
    blocks = send.request.blocks
    counts = send.pieces if len(send.pieces) == len(blocks) else ()
    return [
        Segment(
            b.kind, b.text, b.name, breakpoint=b.breakpoint,
            tokens=counts[i] if counts else _guess(b.kind, b.text),
        )
        for i, b in enumerate(blocks)
    ]  # fmt: skip


def _guess(kind: SegmentKind, text: str) -> int:
    if kind in (SegmentKind.IMAGE, SegmentKind.FILE):
        return PICTURE_TOKENS
    return max(1, len(text.encode("utf-8", "surrogatepass")) // BYTES_A_TOKEN)


def _texts(trace: Trace, calls: Sequence[Call]) -> tuple[str, ...]:
    """[segment]"""
    by_digest = {segment_digest(s): s.text for c in calls for s in c.request or ()}
    pairs = trace.segments.digest.tolist()
    return tuple(by_digest[a.to_bytes(8, "big") + b.to_bytes(8, "big")] for a, b in pairs)


@dataclass(frozen=True)
class _Texts:
    """The blocks' texts by segment."""

    texts: tuple[str, ...]

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [self.texts[int(s)] for s in segments]


@dataclass(frozen=True)
class _Known:
    """The counts that the segments carry; totals are scaled to each request's own."""

    segments: SegmentTable
    texts: tuple[str, ...]

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        return self.segments.tokens[np.asarray(segments, np.int32)].astype(np.int64)

    def label(self, model: str) -> str:
        return "estimated"

    def common_prefix(self, first: int, second: int, model: str) -> int:
        a, b = self.texts[first], self.texts[second]
        if not a:
            return 0
        return int(self.segments.tokens[first]) * shared_length(a, b) // len(a)
