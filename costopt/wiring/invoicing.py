"""`costopt reconcile`: the invoice and the log from what was typed, and one held against the other."""

from __future__ import annotations

import gzip
import sys
import zlib
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

from costopt.billing.invoice import DIMS, InvoiceReconciliation, reconcile_invoice
from costopt.errors import InputError, UsageError, nearest
from costopt.model.invoice import Invoice
from costopt.model.select import Slice
from costopt.wiring.request import TraceOptions

GZIP = b"\x1f\x8b"


def reconcile_with(options: TraceOptions, fx: str | None) -> tuple[InvoiceReconciliation, Invoice]:
    """The first of TRACES is the invoice, the others the log (none: the data set read last).

    `--since` and `--until` cut both sides; `--where` the log alone. Raises InputError, UsageError.
    """
    from costopt.billing.meter import meter
    from costopt.model.view import View
    from costopt.sources.invoices import read_invoice
    from costopt.wiring.auditing import price_book
    from costopt.wiring.counting import with_counts
    from costopt.wiring.reading import read
    from costopt.wiring.slicing import slice_of

    dims = grouping(options.by)
    rate = rate_of(fx)
    name = options.traces[0]
    invoice = read_invoice(bytes_of(name), name, rate)
    book = price_book(options)
    reading = read(replace(options, traces=options.traces[1:], by=[]))
    try:
        trace = with_counts(reading, options).billed
        invoice = within(invoice, slice_of(options, reading.full))
        bill = meter(View.of(trace), book)
        return reconcile_invoice(trace, bill, invoice, book, dims), invoice
    finally:
        reading.store.close()


def within(invoice: Invoice, part: Slice) -> Invoice:
    """The lines of the days that --since and --until leave (whole UTC days)."""
    from costopt.billing.invoice_cells import utc_day

    lines = invoice.lines
    if part.since_us is not None:
        lines = tuple(ln for ln in lines if ln.day >= utc_day(part.since_us))
    if part.until_us is not None:
        lines = tuple(ln for ln in lines if ln.day <= utc_day(part.until_us - 1))
    return replace(invoice, lines=lines)


def grouping(by: list[str]) -> tuple[str, ...]:
    """`--by day,model,project` as names. UsageError for what an invoice does not have."""
    dims = [part.strip() for text in by for part in text.split(",") if part.strip()]
    for dim in dims:
        if dim not in DIMS:
            hint = f"{nearest(dim, DIMS)} An invoice is compared by {', '.join(DIMS)}.".strip()
            raise UsageError(f"an invoice has no `{dim}`.", where="--by", hint=hint)
    return tuple(d for d in DIMS if d in dims)


def rate_of(fx: str | None) -> Decimal | None:
    """Units of the invoice's currency for one dollar. Never looked up anywhere."""
    if fx is None:
        return None
    try:
        rate = Decimal(fx)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise UsageError(
            f"`{fx}` is no rate.", where="--fx", hint="0.92 where a dollar costs 0.92 euros."
        )
    return rate


def share_of(tolerance: str) -> float:
    """`1%` or `0.01` as a share. Raises UsageError."""
    text = tolerance.strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(
            f"`{tolerance}` is no tolerance.", where="--tolerance", hint="1% or 0.01, up to 100%."
        )
    return value


def bytes_of(name: str) -> bytes:
    """The invoice's bytes: a file, .gz, or - for stdin. Raises InputError."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        data = Path(name).read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"the invoice cannot be read: {reason}.", where=name,
            hint="The first path is the invoice: costopt reconcile invoice.csv traces.jsonl",
        ) from error  # fmt: skip
