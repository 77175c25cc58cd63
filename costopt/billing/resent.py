"""Which segment uses are sent again: they stood in an earlier answered request of the session."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.segment_counts import CHUNK_USES
from costopt.model.call import CallStatus
from costopt.model.trace import Trace


def resent_uses(trace: Trace) -> NDArray[np.bool_]:  # [request use]
    """True where an earlier call of the session, that a provider answered, held the same segment.

    Works on whole sessions, some millions of uses at a time.
    """
    block = trace.request
    out = np.zeros(len(block.ids), np.bool_)
    order, bounds = trace.session_order, trace.session_bounds()
    lengths = block.lengths[order]
    running = np.concatenate(([0], np.cumsum(lengths)))
    session = 0
    while session < len(bounds) - 1:
        goal = running[bounds[session]] + CHUNK_USES
        last = int(np.searchsorted(running[bounds], goal, side="right")) - 1
        last = min(len(bounds) - 1, max(last, session + 1))
        calls = order[bounds[session] : bounds[last]]
        _mark(trace, calls, out)
        session = last
    return out


def _mark(trace: Trace, calls: NDArray[np.int64], out: NDArray[np.bool_]) -> None:
    """`calls`: whole sessions, each in time order."""
    block = trace.request
    place = np.repeat(np.arange(len(calls)), block.lengths[calls])
    uses = block.uses_of(calls)
    key = trace.session[calls][place].astype(np.int64) * len(trace.segments) + block.ids[uses]
    _, group = np.unique(key, return_inverse=True)
    answered = trace.status[calls][place] == CallStatus.OK
    never = len(calls)
    first = np.full(int(group.max(initial=-1)) + 1, never, np.int64)
    np.minimum.at(first, group, np.where(answered, place, never))
    out[uses] = first[group] < place
