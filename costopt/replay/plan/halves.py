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
    drawn: Sequence[tuple[str, int]], chances: NDArray[np.uint64]
) -> dict[int, Half]:  # fmt: skip
    """Session to its half. `drawn`: (stratum, session) of each call; `chances`: [session].

    The largest sessions first, each to the half that has fewer calls of its layers; the judging half
    takes what is even.
    """
    calls: dict[int, Counter[str]] = {}
    for stratum, session in drawn:
        calls.setdefault(session, Counter())[stratum] += 1
    if len(drawn) < FEWEST_CALLS or len(calls) < 2:
        return dict.fromkeys(calls, Half.JUDGES)
    order = sorted(calls, key=lambda s: (-calls[s].total(), int(chances[s])))
    held = {Half.JUDGES: Counter[str](), Half.WRITES: Counter[str]()}
    found = {}
    for session in order:
        mine = calls[session]
        half = min(
            held,
            key=lambda h: (sum(held[h][s] * n for s, n in mine.items()), held[h].total()),
        )
        found[session] = half
        held[half].update(mine)
    return found
