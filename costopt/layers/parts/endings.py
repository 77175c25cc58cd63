"""How a session ended, as far as its last call tells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.layers.base import Artifacts
from costopt.layers.settings import Patterns, matching
from costopt.model.call import CallStatus
from costopt.model.view import View

UNKNOWN, BAD, GOOD = -1, 0, 1
_STOPPED_BY_ITSELF = frozenset({"stop", "end_turn", "stop_sequence", "completed", "done"})
"""Finish reasons of an answer that was not cut: OpenAI, Gemini and Ollama `stop`, Anthropic `end_turn`
and `stop_sequence`, OpenAI Responses `completed`; in lower case."""


def endings(
    view: View, ended_well: Patterns, artifacts: Artifacts
) -> NDArray[np.int8]:  # [session]
    """GOOD, BAD, or UNKNOWN where the log gives neither a finish reason nor an error."""
    trace = view.trace
    last = np.full(len(trace.sessions), -1, np.int64)
    last[trace.session] = np.arange(trace.n)  # rows are in time order: the last one stays
    if ended_well:
        return matching(view, ended_well, artifacts)[last].astype(np.int8)
    finish = trace.dims["finish"]
    good = np.array([f.lower() in _STOPPED_BY_ITSELF for f in finish.values], np.bool_)
    told = np.where(finish.codes == 0, UNKNOWN, good[finish.codes].astype(np.int8))
    told[trace.dims["tool"].codes > 0] = BAD  # it asked for a tool and nobody went on
    told[trace.status == CallStatus.FAILED] = BAD
    return told[last].astype(np.int8)
