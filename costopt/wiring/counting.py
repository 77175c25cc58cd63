"""Usage that the log lacks, counted from its text: the same for the audit, the ledger and an invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costopt.billing.usage_estimate import Estimates
from costopt.model.call import UsageState
from costopt.wiring.reading import Reading
from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    from costopt.model.ports import TokenCounter


def with_counts(
    reading: Reading, options: TraceOptions, tokens: TokenCounter | None = None
) -> Estimates:
    """The trace as it is billed and as it is shown; no tokenizer is loaded where nothing is missing."""
    trace = reading.trace
    if not (trace.usage_state == UsageState.MISSING).any():
        return Estimates(trace, trace)
    from costopt.accel.tokens import token_counter
    from costopt.billing.usage_estimate import estimates

    counter = tokens or token_counter(trace, reading.texts, ranks=options.ranks)
    return estimates(trace, reading.full, counter)
