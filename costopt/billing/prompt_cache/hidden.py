"""The prompt that the log does not show: reported input that no visible segment explains.

Logs often lack the system prompt or the tools. What is left over is stable within an agent, and the
provider caches it like any other prefix, for all sessions of that agent at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import combined
from costopt.model.call import UsageState
from costopt.model.trace import Trace

MIN_HIDDEN_TOKENS = 64
"""Less is message overhead of the wire format, not a prompt."""
_MIN_GROWTH_TOKENS = 50
_MIN_PAIRS = 8
_FEW = 5


@dataclass(frozen=True, slots=True)
class Hidden:
    """What stands before the visible segments of each call."""

    code: NDArray[np.int64]  # [call]: calls with one code share their hidden prompt
    tokens: NDArray[np.int64]  # [call]: 0 where everything is visible


def hidden_prefix(trace: Trace, visible: NDArray[np.int64]) -> Hidden:
    """Infer it for each provider, model and agent. `visible`: counted tokens of each request."""
    dims = trace.dims
    names = [dims[d].codes for d in ("provider", "model", "agent")]
    group = combined(names, trace.n)
    tokens = np.zeros(trace.n, np.int64)
    known = trace.has_content & (trace.usage_state == UsageState.REPORTED)
    known &= (trace.input_tokens > 0) & (visible > 0)
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        surplus = _surplus(trace, visible, rows[known[rows]])
        tokens[rows] = np.minimum(surplus, trace.input_tokens[rows])
    return Hidden(np.where(tokens > 0, group + 1, 0), tokens)


def _surplus(trace: Trace, visible: NDArray[np.int64], rows: NDArray[np.int64]) -> int:
    """Stable part of reported minus visible; 0 where it is small or not stable."""
    if len(rows) == 0:
        return 0
    reported, shown = trace.input_tokens[rows], visible[rows]
    left = reported - _scale(trace.session[rows], reported, shown) * shown
    # The shortest requests show it best: errors of the counter, and text that the log drops
    # elsewhere (a summary after compaction), only grow with the request.
    short = np.argsort(reported, kind="stable")[: max(_FEW, len(shown) // 20)]
    typical = float(np.median(left[short]))
    spread = float(np.median(np.abs(left[short] - typical)))
    noise = max(3.0 * spread, 0.05 * float(np.median(shown[short])))
    return int(typical) if typical > max(MIN_HIDDEN_TOKENS, noise) else 0


def _scale(
    session: NDArray[np.int32], reported: NDArray[np.int64], shown: NDArray[np.int64]
) -> float:
    """Reported tokens for each counted one, from how sessions grow (the hidden part stays put)."""
    order = np.argsort(session, kind="stable")
    same = np.diff(session[order]) == 0
    grown = np.diff(shown[order])
    usable = same & (grown >= _MIN_GROWTH_TOKENS)
    if int(usable.sum()) < _MIN_PAIRS:
        return 1.0
    return float(np.median(np.diff(reported[order])[usable] / grown[usable]))
