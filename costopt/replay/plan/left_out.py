"""Which calls of a log cannot be sent again, as far as columns tell: reasons, call by call."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from costopt.engine.evaluate import Evaluator
from costopt.model.call import UsageState
from costopt.model.view import View
from costopt.replay.plan.sends import Sender
from costopt.replay.sendable import Sendable

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
NO_REASON = 0
NO_PLACE = "no endpoint is given for"
"""How the reason begins where nobody speaks for a call's provider."""


class Unsendable:
    """The first reason of each call: [call] places in `reasons`, 0: none. `logged` speaks of the unchanged
    request alone, `policy` of both."""

    def __init__(
        self, evaluator: Evaluator, sender: Sender, view: View, providers: Collection[str] | None
    ) -> None:
        self.reasons: list[str] = [""]
        trace, recorded = evaluator.trace, evaluator.recorded
        code: Int = np.zeros(trace.n, np.int64)
        self._by_text(code, evaluator, sender, recorded)
        missing = trace.usage_state == UsageState.MISSING
        self._note(code, "the log counts no tokens of it, so nothing is projected", missing)
        self._note(code, "it has no known price, so nothing is projected", ~evaluator.known)
        extra = np.zeros(trace.n, np.bool_)
        extra[[call for call, _, _ in trace.extra]] = True
        self._note(code, "it calls another model inside", extra)
        searched = trace.web_searches > 0
        self._note(code, "it used the provider's hosted search, whose fees have no bound", searched)
        if providers is not None:
            there = np.array([name in providers for name in recorded.provider.values], np.bool_)
            self._note(code, f"{NO_PLACE} its provider", ~there[recorded.provider.codes])
        self.logged: Int = code
        self.policy: Int = code.copy()
        self._by_text(self.policy, evaluator, sender, view)
        if providers is not None:
            there = np.array([name in providers for name in view.provider.values], np.bool_)
            unknown = ~there[view.provider.codes]
            self._note(self.policy, f"{NO_PLACE} the provider it moves to", unknown)

    def counted(self, code: Int, rows: Bool) -> dict[str, int]:
        """Reason to the calls among `rows` that it keeps out, the most first."""
        counts = np.bincount(code[rows], minlength=len(self.reasons))
        order = np.argsort(-counts[1:], kind="stable") + 1
        return {self.reasons[i]: int(counts[i]) for i in order.tolist() if counts[i]}

    def _by_text(self, code: Int, evaluator: Evaluator, sender: Sender, view: View) -> None:
        """What building a request would say, of all calls at once. A model that stands in for Claude
        demands no signatures of its thinking."""
        pairs = {
            (p, m): sender.is_mapped(view.provider.values[p], view.model.values[m])
            for p, m in _distinct(view)
        }
        mapped = np.zeros(view.trace.n, np.bool_)
        for (p, m), is_mapped in pairs.items():
            if is_mapped:
                mapped |= (view.provider.codes == p) & (view.model.codes == m)
        texts = evaluator.handed.texts(view)
        for signed, rows in ((True, ~mapped), (False, mapped)):
            if rows.any():
                found = Sendable(view, texts, signed)
                for i, reason in enumerate(found.reasons):
                    if i:
                        self._note(code, reason, rows & (found.why == i))

    def _note(self, code: Int, reason: str, rows: Bool) -> None:
        mine = rows & (code == NO_REASON)
        if mine.any():
            if reason not in self.reasons:
                self.reasons.append(reason)
            code[mine] = self.reasons.index(reason)


def _distinct(view: View) -> list[tuple[int, int]]:
    """(provider, model) codes that calls have."""
    width = len(view.model.values)
    both = np.bincount(view.provider.codes.astype(np.int64) * width + view.model.codes)
    return [divmod(int(code), width) for code in np.flatnonzero(both)]
