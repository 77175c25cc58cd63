"""Where a window cuts each request: how many of its oldest turns are not sent.

A cut depends on the turns of its own request alone, and moves in steps: consecutive calls of a session
come to the same cut until the next step, so that they share their beginning. Histories that the log
itself edited or compacted are cut by the turns that they show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.turns import Turns

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cuts:
    """The cut of each call, and every earlier one that its history went through."""

    dropped: Int  # [call]: turns left out, the oldest ones
    offsets: Int  # [call + 1], into `turn`
    turn: Int  # [cut]: turns that this and all earlier cuts of the call left out

    @classmethod
    def of(cls, call: Int, turn: Int, n: int) -> Cuts:
        """From (call, turn) pairs in any order."""
        same, rising = np.diff(call) == 0, np.diff(call) > 0
        if (rising | (same & (np.diff(turn) >= 0))).all():  # as most are given
            order = np.arange(len(call))
        else:
            order = np.lexsort((turn, call))
        offsets = np.concatenate(([0], np.cumsum(np.bincount(call, minlength=n)))).astype(np.int64)
        dropped = np.zeros(n, np.int64)
        np.maximum.at(dropped, call, turn)
        return cls(dropped, offsets, turn[order])

    @property
    def call(self) -> Int:  # [cut]
        return np.repeat(np.arange(len(self.dropped)), np.diff(self.offsets))

    def only(self, rows: NDArray[np.bool_]) -> Cuts:
        """The cuts of these calls."""
        inside = rows[self.call]
        return Cuts.of(self.call[inside], self.turn[inside], len(self.dropped))

    def then(self, dropped: Int) -> Cuts:
        """One more cut where more turns are dropped."""
        more = np.flatnonzero(dropped > self.dropped)
        if not len(more):
            return self
        call, turn = np.append(self.call, more), np.append(self.turn, dropped[more])
        return Cuts.of(call, turn, len(self.dropped))


def by_turns(count: Int, turns: int, step: int) -> Int:  # [call]
    """Turns dropped so that at least `turns` and fewer than `turns + step` are sent."""
    return np.where(count > turns, (count - turns) // step * step, 0)


def steps(dropped: Int, step: int) -> Cuts:
    """The cuts that lead to `dropped`: every whole step, and what is no whole one at the end."""
    number = -(-dropped // step)
    call = np.repeat(np.arange(len(dropped)), number)
    first = np.cumsum(number) - number
    nth = np.arange(len(call)) - first[call] + 1
    return Cuts.of(call, np.minimum(nth * step, dropped[call]), len(dropped))


def to_fit(
    dropped: Int, turns: Turns, turn_tokens: Int, excess_tokens: Int, step: int
) -> Int:  # [call]
    """More turns dropped, in whole steps, until at least `excess_tokens` of a call are gone.

    `turn_tokens`: [turn]. The last turn stays whatever it holds: it is what the call answers.
    """
    running = np.concatenate(([0], np.cumsum(turn_tokens)))
    begin = running[turns.offsets[:-1]]
    found = np.searchsorted(running, begin + excess_tokens) - turns.offsets[:-1]
    whole = -(-found // step) * step
    most = np.maximum(turns.count - 1, 0)
    wanted = np.where(whole <= most, whole, np.minimum(found, most))
    return np.where(excess_tokens > 0, np.maximum(dropped, wanted), dropped)


def by_tokens(turns: Turns, turn_tokens: Int, keep: int, step: int, above_tokens: int) -> Cuts:
    """All but the last `keep` turns are cut off as soon as the turns sent exceed `above_tokens`.

    `turn_tokens`: [turn]. Each time at least `step` turns go. All calls advance together, one cut a
    round.
    """
    n = len(turns.count)
    running = np.concatenate(([0], np.cumsum(turn_tokens)))
    begin = turns.offsets[:-1]
    live, cut = np.arange(n), np.zeros(n, np.int64)
    calls, cuts = [], []
    while len(live):
        at = begin[live]
        over = np.searchsorted(running, running[at + cut[live]] + above_tokens, "right") - at
        reached = np.maximum(over, cut[live] + keep + step)
        inside = reached <= turns.count[live]
        live = live[inside]
        cut[live] = reached[inside] - keep
        calls.append(live)
        cuts.append(cut[live])
    return Cuts.of(np.concatenate([*calls, live]), np.concatenate([*cuts, cut[live]]), n)


def plain_by_tokens(tokens: list[int], keep: int, step: int, above_tokens: int) -> list[int]:
    """The cuts of one history, turn by turn: the specification of `by_tokens`."""
    cuts, cut = [], 0
    for seen in range(1, len(tokens) + 1):
        if sum(tokens[cut:seen]) > above_tokens and seen - keep - cut >= step:
            cut = seen - keep
            cuts.append(cut)
    return cuts
