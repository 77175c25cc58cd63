"""Which calls of a log cannot be sent again, as far as columns tell: reasons, call by call."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from costopt.engine.evaluate import Evaluator
from costopt.model.call import CallStatus, UsageState
from costopt.model.trace import Ragged
from costopt.model.view import View

Bool = NDArray[np.bool_]
NO_REASON = 0


class Unsendable:
    """The first reason of each call: `code` [call] into `reasons`; 0: none."""

    def __init__(self, evaluator: Evaluator, providers: Collection[str] | None) -> None:
        trace, recorded = evaluator.trace, evaluator.recorded
        self.reasons: list[str] = [""]
        self.code: NDArray[np.int64] = np.zeros(trace.n, np.int64)
        self._note(
            "it failed, or a gateway answered it", ~recorded.sent | (trace.status != CallStatus.OK)
        )
        self._note("the record stands for several requests", trace.requests != 1)
        missing = trace.usage_state == UsageState.MISSING
        self._note("the log counts no tokens of it, so nothing is projected", missing)
        self._note("it has no known price, so nothing is projected", ~evaluator.known)
        self._note("the log keeps no text of its request", ~trace.has_content)
        self._note("the text of a part of its request was not kept", without_text(recorded))
        extra = np.zeros(trace.n, np.bool_)
        extra[[call for call, _, _ in trace.extra]] = True
        self._note("it calls another model inside", extra)
        searched = trace.web_searches > 0
        self._note("it used the provider's hosted search, whose fees have no bound", searched)
        if providers is not None:
            there = np.array([name in providers for name in recorded.provider.values], np.bool_)
            self._note("no endpoint is given for its provider", ~there[recorded.provider.codes])

    @property
    def can(self) -> Bool:  # [call]
        return self.code == NO_REASON

    def counted(self, rows: Bool) -> dict[str, int]:
        """Reason to the calls among `rows` that it keeps out, the most first."""
        counts = np.bincount(self.code[rows], minlength=len(self.reasons))
        order = np.argsort(-counts[1:], kind="stable") + 1
        return {self.reasons[i]: int(counts[i]) for i in order.tolist() if counts[i]}

    def _note(self, reason: str, rows: Bool) -> None:
        self.code[rows & (self.code == NO_REASON)] = len(self.reasons)
        self.reasons.append(reason)


def without_text(view: View) -> Bool:  # [call]
    """Requests with a segment of which the log or a layer knows no text."""
    return _any(view.request, ~view.segments.has_text)


def _any(block: Ragged, marked: Bool) -> Bool:
    """[call]: whether any of its uses is a marked segment."""
    sums = np.concatenate(([0], np.cumsum(marked[block.ids])))
    return np.asarray(sums[block.offsets[1:]] > sums[block.offsets[:-1]])
