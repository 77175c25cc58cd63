"""Summaries of dropped turns: which stand in each request, when each is made, and from what.

Each cut closes a block of turns. With one level a running summary takes in the last one and the new
block. With more, `fan` summaries of a level are put together as one of the next, and the top level runs
on. What a summary covers is a beginning of the history, so equal beginnings in a session share it: its
bytes stay until the next cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.cuts import Cuts
from costopt.layers.parts.turns import Turns
from costopt.model.view import View

Int = NDArray[np.int64]
Hash = NDArray[np.uint64]

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that it has an inverse modulo 2^64: powers of it mark the place of a use."""


@dataclass(frozen=True, slots=True)
class Summaries:
    """Distinct summaries, in the order in which they are made, and where they stand."""

    call: Int  # [summary]: the call before which it is made
    input_tokens: Int  # [summary]: what the summariser reads, instructions aside
    tokens: Int  # [summary]: its own length
    mark: list[str]  # [summary]: what it covers, by content
    stands_call: Int  # [standing], by call, oldest summary first
    stands: Int  # [standing], into the summaries


@dataclass(frozen=True, slots=True)
class Plan:
    """How summaries are kept."""

    levels: int
    fan: int
    tokens: int
    """Length of a summary; one of less text is as long as the text."""

    def size(self, level: int) -> int:
        """Cuts that a summary of this level is made of."""
        return self.fan ** (level - 1)

    @property
    def most(self) -> int:
        """Tokens of all that can stand at once."""
        return self.tokens * ((self.levels - 1) * (self.fan - 1) + 1)


def summaries(view: View, turns: Turns, cuts: Cuts, turn_tokens: Int, plan: Plan) -> Summaries:
    """`turn_tokens`: [turn] under the summariser's model. Only calls that have cuts are looked at."""
    lengths = np.diff(cuts.offsets)
    call = np.repeat(np.arange(len(lengths)), lengths)
    nth = np.arange(len(cuts.turn)) - np.repeat(cuts.offsets[:-1], lengths) + 1
    history = _history_hashes(view, turns, call, cuts.turn)
    event, first = _events(view.trace.session[call], nth, history)
    end = _covered(turns, cuts, turn_tokens)
    level_of, cut_of, reads, long = [], [], [], []
    for level in range(1, plan.levels + 1):
        made = first[nth[first] % plan.size(level) == 0]
        covered, block = _spans(end, nth, made, plan, level)
        level_of.append(np.full(len(made), level))
        cut_of.append(made)
        reads.append(block if level == 1 else np.minimum(block, plan.fan * plan.tokens))
        if level == plan.levels:  # it runs on: what it said so far is read again
            reads[-1] = reads[-1] + np.minimum(covered - block, plan.tokens)
        long.append(np.minimum(covered, plan.tokens))
    levels, made = np.concatenate(level_of), np.concatenate(cut_of)
    key = event[made] * plan.levels + levels - 1
    order = np.argsort(key)
    levels, made = levels[order], made[order]
    stands_call, standing = _standing(cuts, event, plan)
    return Summaries(
        call[made], np.concatenate(reads)[order], np.concatenate(long)[order],
        _marks(view, call[made], history[made], levels, plan),
        stands_call, np.searchsorted(key[order], standing),
    )  # fmt: skip


def _events(session: NDArray[np.int32], nth: Int, history: Hash) -> tuple[Int, Int]:
    """([cut] which distinct history it closes, [event] its first cut), numbered as they are made.

    Cuts are in the order of calls, and calls in that of time.
    """
    key = (history ^ (session.astype(np.uint64) * _ODD)) * _ODD + nth.astype(np.uint64)
    _, first, event = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[event.reshape(-1)], np.sort(first)


def _history_hashes(view: View, turns: Turns, call: Int, turn: Int) -> Hash:  # [cut]
    """Hash of a call's uses from its first turn to the end of this turn: equal bytes, equal hash."""
    block = view.request
    place = np.arange(len(block.ids)) - np.repeat(block.offsets[:-1], block.lengths)
    powers = np.cumprod(np.full(int(block.lengths.max(initial=1)), _ODD))
    digest = view.segments.digest[:, 0] ^ (view.segments.digest[:, 1] * _ODD)
    row = turns.of_use(block)
    inside = row >= 0
    by_turn = np.zeros(int(turns.offsets[-1]), np.uint64)
    np.add.at(by_turn, row[inside], digest[block.ids[inside]] * powers[place[inside]])
    running = np.concatenate((np.zeros(1, np.uint64), np.cumsum(by_turn)))
    begin = turns.offsets[:-1][call]
    return running[begin + turn] - running[begin]


def _covered(turns: Turns, cuts: Cuts, turn_tokens: Int) -> Int:  # [cut]
    """Tokens of the history up to each cut."""
    running = np.concatenate(([0], np.cumsum(turn_tokens)))
    begin = np.repeat(turns.offsets[:-1], np.diff(cuts.offsets))
    return running[begin + cuts.turn] - running[begin]


def _spans(end: Int, nth: Int, made: Int, plan: Plan, level: int) -> tuple[Int, Int]:
    """(tokens that the summary stands for, of them new in it), of the cuts `made`."""
    size = plan.size(level)
    before = np.where(nth[made] > size, end[made - np.minimum(size, nth[made] - 1)], 0)
    block = end[made] - before
    return (end[made] if level == plan.levels else block), block


def _standing(cuts: Cuts, event: Int, plan: Plan) -> tuple[Int, Int]:
    """(call, key of the summary) of all that stand behind each call's last cut, oldest first."""
    number = np.diff(cuts.offsets)
    calls, keys, ranks = [], [], []
    for level in range(plan.levels, 0, -1):
        size, top = plan.size(level), level == plan.levels
        count = (number >= size).astype(np.int64) if top else number // size % plan.fan
        call = np.repeat(np.arange(len(number)), count)
        i = np.arange(len(call)) - np.repeat(np.cumsum(count) - count, count) + 1
        higher = number[call] // (size * plan.fan) * (size * plan.fan)
        last = number[call] // size * size if top else higher + i * size
        calls.append(call)
        keys.append(event[cuts.offsets[:-1][call] + last - 1] * plan.levels + level - 1)
        ranks.append(last)
    call, key, rank = np.concatenate(calls), np.concatenate(keys), np.concatenate(ranks)
    order = np.lexsort((rank, call))
    return call[order], key[order]


def _marks(view: View, call: Int, history: Hash, levels: Int, plan: Plan) -> list[str]:
    """Names of what is covered, of content alone: parts of a trace give the whole's."""
    sessions = view.trace.sessions
    session = [sessions[s] for s in view.trace.session[call].tolist()]
    return [
        f"{s!r} {h:016x} {level} of {plan.levels} levels of {plan.fan}"
        for s, h, level in zip(session, history.tolist(), levels.tolist(), strict=True)
    ]


def plain_standing(cuts: int, levels: int, fan: int) -> list[tuple[int, int, int]]:
    """(level, first block, last block) that stand after so many cuts, made one after the other: the
    specification of where summaries stand."""
    stacks: list[list[tuple[int, int]]] = [[] for _ in range(levels)]
    for block in range(1, cuts + 1):
        new = (block, block)
        for level, stack in enumerate(stacks):
            if level == levels - 1:
                stack[:] = [(stack[0][0] if stack else new[0], new[1])]
                break
            stack.append(new)
            if len(stack) < fan:
                break
            new = (stack[0][0], stack[-1][1])
            stack.clear()
    return [(n + 1, a, b) for n in range(levels - 1, -1, -1) for a, b in stacks[n]]
