"""Which half of the sample writes evidence and which judges it: by session, balanced in every layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costopt.replay.items import Half

FEWEST_CALLS = 4
"""With fewer, or with one session alone, all judge: nothing is left to write evidence from."""


def halves(
    drawn: Sequence[tuple[str, tuple[int, ...]]], chances: NDArray[np.uint64]
) -> dict[int, Half]:
    """Session to its half. `drawn`: (stratum, sessions that its requests are of) of each call: a cached
    answer that is asked for anew is of another session and must be of the same half; `chances`: [session].

    The largest groups of sessions first, each to the half that has fewer calls of its layers; the judging
    half takes what is even.
    """
    group = _joined([sessions for _, sessions in drawn])
    calls: dict[int, Counter[str]] = {}
    for stratum, sessions in drawn:
        calls.setdefault(group[sessions[0]], Counter())[stratum] += 1
    if len(drawn) < FEWEST_CALLS or len(calls) < 2:
        return dict.fromkeys(group, Half.JUDGES)
    order = sorted(calls, key=lambda s: (-calls[s].total(), int(chances[s])))
    held = {Half.JUDGES: Counter[str](), Half.WRITES: Counter[str]()}
    found = {}
    for session in order:
        mine = calls[session]
        half = min(held, key=lambda h: _load(held[h], mine))
        found[session] = half
        held[half].update(mine)
    return {session: found[first] for session, first in group.items()}


def _load(held: Counter[str], mine: Counter[str]) -> tuple[int, int]:
    """Calls of the same layers that a half has, then all of its calls."""
    return sum(held[stratum] * n for stratum, n in mine.items()), held.total()


def _joined(together: Sequence[tuple[int, ...]]) -> dict[int, int]:
    """Session to the first one of its group."""
    first: dict[int, int] = {}

    def root(session: int) -> int:
        while first.setdefault(session, session) != session:
            session = first[session]
        return session

    for sessions in together:
        for session in sessions:
            first[root(session)] = root(sessions[0])
    return {session: root(session) for session in list(first)}
