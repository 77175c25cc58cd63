"""Read and price, no more: what `calls` writes and what the ledger's views show."""

from __future__ import annotations

from dataclasses import dataclass

from costopt.model.bill import Bill
from costopt.model.call import UsageState
from costopt.model.ports import Progress
from costopt.model.trace import Trace
from costopt.wiring.reading import Reading, read
from costopt.wiring.request import TraceOptions


@dataclass(frozen=True)
class Priced:
    """The calls that were asked for, with their bill; rows are the same in both."""

    reading: Reading
    trace: Trace
    bill: Bill


def priced(options: TraceOptions, progress: Progress | None = None) -> Priced:
    """The calls at list and net price; those without counts estimated from their text where it is kept.

    The bill of a whole data set is kept in the store.
    """
    from costopt.billing.meter import meter
    from costopt.model.view import View
    from costopt.wiring.auditing import price_book

    book = price_book(options)
    reading = read(options, progress)
    trace = _estimated(options, reading)
    bill = meter(View.of(trace), book)
    if trace.n == reading.full.n:
        reading.store.save_bill(reading.dataset, trace, bill)
    return Priced(reading, trace, bill)


def _estimated(options: TraceOptions, reading: Reading) -> Trace:
    trace = reading.trace
    if not (trace.usage_state == UsageState.MISSING).any():
        return trace
    from costopt.accel.tokens import token_counter
    from costopt.billing.usage_estimate import with_estimates

    return with_estimates(trace, token_counter(trace, reading.texts, ranks=options.ranks))
