"""Read and price, no more: what `calls` writes and what the ledger's views show."""

from __future__ import annotations

from dataclasses import dataclass

from costopt.model.bill import Bill
from costopt.model.ports import Progress
from costopt.model.trace import Trace
from costopt.wiring.counting import with_counts
from costopt.wiring.reading import Reading, read
from costopt.wiring.request import TraceOptions


@dataclass(frozen=True)
class Priced:
    """The calls that were asked for, with their bill; rows are the same in both."""

    reading: Reading
    trace: Trace
    bill: Bill


def priced(options: TraceOptions, progress: Progress | None = None) -> Priced:
    """The calls at list and net price; those without usage with what their text gives, where it is kept.

    The bill of a whole data set is kept in the store.
    """
    from costopt.billing.meter import meter
    from costopt.billing.own_gpus import with_own_gpus
    from costopt.model.view import View
    from costopt.wiring.auditing import price_book

    book = price_book(options)
    reading = read(options, progress)
    counts = with_counts(reading, options)
    bill = with_own_gpus(counts.billed, meter(View.of(counts.billed), book), book.self_hosted)
    if counts.billed.n == reading.full.n:
        reading.store.save_bill(reading.dataset, counts.shown, bill)
    return Priced(reading, counts.shown, bill)
