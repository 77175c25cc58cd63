"""What several checks measure: eligible calls, turns of a request, dollars of a layer or another reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.billing.meter import meter
from costopt.billing.segment_counts import per_call, readable
from costopt.model.bill import PriceStatus
from costopt.model.call import SegmentKind
from costopt.model.probe import Probe
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import PicoUsd, exact_sum

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_ANSWER = (SegmentKind.ASSISTANT, SegmentKind.TOOL_CALL, SegmentKind.REASONING)


def is_kind(trace: Trace, *kinds: SegmentKind) -> Bool:  # [request use]
    """Uses whose segment is of one of these kinds."""
    return np.isin(trace.segments.kind[trace.request.ids], kinds)


def any_use(trace: Trace, uses: Bool) -> Bool:  # [call]
    """Calls that have at least one of these request uses."""
    return per_call(trace.request, uses.astype(np.int64)) > 0


def charged(context: AuditContext) -> Bool:  # [call]
    """Calls that the provider answered and whose dollars are known."""
    return context.bill.status == PriceStatus.PRICED


def first_turns(trace: Trace) -> Bool:  # [call]
    """Calls with text whose request holds no earlier answer: not a later turn of a conversation or loop."""
    return readable(trace) & ~any_use(trace, is_kind(trace, *_ANSWER))


def turns(trace: Trace) -> Int:  # [request use]
    """0 before the first answer in the request (system, tools, task); then the number of its turn.

    A turn opens with an answer of the model and holds what follows until the next one: its tool
    calls with their results, or the user's reply.
    """
    answer = is_kind(trace, *_ANSWER)
    call = trace.request.call_of_use()
    before = np.concatenate(([False], answer[:-1]))
    same_call = np.concatenate(([False], call[1:] == call[:-1])) if len(call) else before
    opens = answer & ~(before & same_call)
    running = np.cumsum(opens)
    offsets = trace.request.offsets[:-1]
    at_start = np.concatenate(([0], running))[offsets]
    return running - np.repeat(at_start, trace.request.lengths)


def share_text(part: float, whole: float) -> str:
    """`37 %`; `0.4 %` below one; `none` where the whole is 0."""
    if not whole:
        return "none"
    value = 100 * part / whole
    return f"{value:.0f} %" if value >= 1 or value == 0 else f"{value:.1f} %"


def saving(context: AuditContext, **columns: object) -> tuple[PicoUsd, Bool]:
    """(dollars less, calls priced on both sides) were the calls billed with these columns instead."""
    after = meter(View.of(context.trace).edited(**columns), context.prices)
    both = charged(context) & (after.status == PriceStatus.PRICED)
    return exact_sum((context.bill.net_pusd - after.net_pusd)[both]), both


@dataclass(frozen=True, slots=True)
class Tested:
    """What the advice did to this log when it was tried alone as a layer."""

    usd: PicoUsd | None
    """Saved; negative: it costs more. None: not known, and `why` says it."""
    basis: str
    why: str
    probe: Probe | None

    @property
    def harmful(self) -> bool:
        """Following the advice would raise the bill."""
        return self.usd is not None and self.usd < 0


def tested(context: AuditContext, name: str, layer: str = "") -> Tested:
    """Dollars of a piece of advice from its layer. `layer`: how it is called, where not by its name."""
    found = context.tried.get(name)
    if not isinstance(found, Probe):
        return Tested(None, "", found.reason, None)
    if found.sampled and not found.calls_touched:
        return Tested(None, "", "No such call is in the sample on which it was tried.", None)
    basis = f"simulated: {layer or found.layer}, alone, prices of {context.tried.as_of}"
    if found.sampled:
        basis += ", on a sample of sessions, scaled"
    return Tested(found.saved_pusd, basis, "", found)
