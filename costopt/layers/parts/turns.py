"""Turns of every request of a view: what opens one, what is never dropped, what belongs together.

A turn opens with an answer of the model and holds what follows until the next one: its tool calls with
their results, or the user's reply. What stands before the first answer (tools, system prompt, task) is
no turn, and a system message is none wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import charged
from costopt.billing.segment_counts import chunks, readable
from costopt.model.call import CallStatus, SegmentKind
from costopt.model.trace import Ragged
from costopt.model.view import View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

ANSWER = (SegmentKind.ASSISTANT, SegmentKind.TOOL_CALL, SegmentKind.REASONING)
_NO_TURN = (SegmentKind.SYSTEM, SegmentKind.TOOLS)


@dataclass(frozen=True, slots=True)
class Turns:
    """The turns of each request, numbered from 1, oldest first."""

    number: NDArray[np.int32]  # [request use]: 0: tools, system, task
    count: Int  # [call]
    offsets: Int  # [call + 1]: rows of each call's turns in tables over all turns

    def of_use(self, block: Ragged) -> Int:  # [request use]
        """Row of each use's turn; -1: it is in none."""
        row = np.repeat(self.offsets[:-1], block.lengths) + self.number - 1
        return np.where(self.number > 0, row, -1)

    def sums(self, block: Ragged, values: Int) -> Int:  # [turn]
        """Sums of `values` [request use] by turn."""
        out = np.zeros(int(self.offsets[-1]), np.int64)
        row = self.of_use(block)
        inside = row >= 0
        np.add.at(out, row[inside], values[inside])
        return out


def turns_of(view: View) -> Turns:
    """Turns of all requests, a chunk of calls at a time."""
    block, kind = view.request, view.segments.kind
    number = np.zeros(len(block.ids), np.int32)
    for first, last in chunks(block):
        begin, end = int(block.offsets[first]), int(block.offsets[last])
        offsets = block.offsets[first : last + 1] - begin
        number[begin:end] = _numbers(kind[block.ids[begin:end]], offsets)
    count = _most(number, block.offsets)
    return Turns(number, count, np.concatenate(([0], np.cumsum(count))).astype(np.int64))


def plain_numbers(kinds: Iterable[int]) -> list[int]:
    """Turn numbers of one request, read as it stands: the specification of `turns_of`.

    An answer that a later result still belongs to stays with it: their turns are one.
    """
    listed, opened, out, before = list(kinds), 0, [], False
    for kind in listed:
        answer = kind in ANSWER
        opened += answer and not before
        out.append(0 if kind in _NO_TURN else opened)
        before = answer
    return _joined(out, listed)


def _numbers(kinds: NDArray[np.int8], offsets: Int) -> NDArray[np.int32]:  # [use]
    """Turn numbers of a chunk of requests whose uses have these kinds."""
    if not len(kinds):
        return np.zeros(0, np.int32)
    answer = np.isin(kinds, ANSWER)
    opens = answer.copy()
    opens[1:] &= ~answer[:-1]
    starts = offsets[:-1][np.diff(offsets) > 0]
    opens[starts] = answer[starts]
    running = np.cumsum(opens, dtype=np.int32)
    before = np.concatenate((np.zeros(1, np.int32), running))[offsets[:-1]]
    number: NDArray[np.int32] = running - np.repeat(before, np.diff(offsets))
    number[np.isin(kinds, _NO_TURN)] = 0
    for call in _split_pairs(number, kinds, offsets).tolist():
        row = slice(int(offsets[call]), int(offsets[call + 1]))
        number[row] = _joined(number[row].tolist(), kinds[row].tolist())
    return number


def _split_pairs(number: NDArray[np.int32], kinds: NDArray[np.int8], offsets: Int) -> Int:
    """Calls of which a turn lacks results that a later turn has too many of: next to none."""
    call = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    inside = number > 0
    first = np.concatenate(([0], np.cumsum(_most(number, offsets)))).astype(np.int64)
    row = (first[:-1][call] + number - 1)[inside]
    kind = kinds[inside]
    asked = np.bincount(row[kind == SegmentKind.TOOL_CALL], minlength=int(first[-1]))
    given = np.bincount(row[kind == SegmentKind.TOOL_RESULT], minlength=int(first[-1]))
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(first))
    pending, surplus = np.unique(owner[asked > given]), np.unique(owner[given > asked])
    return np.intersect1d(pending, surplus, assume_unique=True)


def _joined(number: list[int], kinds: list[int]) -> list[int]:
    """Turns of one request with a call and its late result in the same turn."""
    last = max(number, default=0)
    balance = [0] * (last + 1)
    for turn, kind in zip(number, kinds, strict=True):
        balance[turn] += (kind == SegmentKind.TOOL_CALL) - (kind == SegmentKind.TOOL_RESULT)
    opens = [True] * (last + 1)
    for turn in range(2, last + 1):
        back = turn
        while balance[turn] < 0 and (back := _pending(balance, back)):
            paid = min(balance[back], -balance[turn])
            balance[back] -= paid
            balance[turn] += paid
            opens[back + 1 : turn + 1] = [False] * (turn - back)
    new = [0]
    for turn in range(1, last + 1):
        new.append(new[-1] + opens[turn])
    return [new[turn] for turn in number]


def _pending(balance: list[int], before: int) -> int:
    """The nearest earlier turn with a call that has no result yet; 0: none."""
    return next((t for t in range(before - 1, 0, -1) if balance[t] > 0), 0)


def _most(number: NDArray[np.int32], offsets: Int) -> Int:  # [call]
    """The highest number of each call."""
    out = np.zeros(len(offsets) - 1, np.int64)
    filled = np.diff(offsets) > 0
    if filled.any():
        out[filled] = np.maximum.reduceat(number, offsets[:-1][filled])
    return out


def editable(view: View, prices: PriceBook) -> Bool:  # [call]
    """Charged calls whose request the log shows as blocks.

    What has no price or no usage can save nothing, and a summariser paid for it would look like a loss.
    """
    return view.trace.has_content & charged(view, prices)


def without_blocks(view: View) -> dict[str, int]:
    """A tally of calls whose turns nobody can see: no request in the log, or hashes of its bytes alone."""
    made = view.sent & (view.trace.status == CallStatus.OK)
    blind = int((made & ~readable(view.trace)).sum())
    return {"calls_without_blocks": blind} if blind else {}


def blind_notes(tally: Mapping[str, int]) -> tuple[str, ...]:
    """The same in a sentence; empty where there are none."""
    blind = tally.get("calls_without_blocks", 0)
    return (
        (f"Of {blind:,} calls the log shows no messages: they are left as they are.",)
        if blind
        else ()
    )


def first_turns(view: View) -> Bool:  # [call]
    """Calls whose request shows no earlier answer: the first turn of a conversation or loop."""
    return view.trace.has_content & ~_shows_answer(view)


def _shows_answer(view: View) -> Bool:  # [call]
    """Calls whose request holds an earlier answer, so at least one turn."""
    block = view.request
    answer = np.isin(view.segments.kind, ANSWER)[block.ids]
    before = np.concatenate(([0], np.cumsum(answer)))[block.offsets]
    return np.asarray(before[1:] > before[:-1])
