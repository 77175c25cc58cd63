"""What of the log and of the invoice can be held against each other at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.invoice_cells import listed_pusd
from costopt.model.bill import Bill
from costopt.model.invoice import Invoice, InvoiceLine
from costopt.model.trace import Trace
from costopt.money import exact_sum, show
from costopt.prices.contract import PriceBook
from costopt.prices.names import provider_id

Int = NDArray[np.int64]
ISSUERS = ("openai", "anthropic")


def in_scope(trace: Trace, bill: Bill, invoice: Invoice) -> tuple[Int, list[str]]:
    """(calls with known dollars that this invoice could hold, notes on the others).

    OpenAI and Anthropic charge only what ran at their own endpoints: a call through Azure, Bedrock
    or OpenRouter is on another invoice.
    """
    notes = []
    unknown = int(bill.unknown.sum())
    if unknown:
        notes.append(f"{unknown:,} calls of the log have no known cost and are not compared.")
    priced = np.flatnonzero(bill.priced)
    issuer = next((i for i in ISSUERS if invoice.kind.startswith(i)), "")
    if not issuer:
        return priced, notes
    column = trace.dims["provider"]
    own = np.array([not p or provider_id(p) == issuer for p in column.values], np.bool_)
    mine = own[column.codes[priced]]
    if not mine.all():
        aside = exact_sum(bill.net_pusd[priced[~mine]])
        notes.append(f"{show(aside)} of the log went to other providers and is not compared.")
    return priced[mine], notes


def foreign_lines(
    lines: list[InvoiceLine], trace: Trace
) -> tuple[list[InvoiceLine], list[InvoiceLine], list[str]]:
    """(lines of projects or keys that the log never names, the others, notes).

    Only where the two sides use the same names: at least one of them occurs in both.
    """
    foreign: list[InvoiceLine] = []
    notes = []
    for field, dims in (("project", ("project", "workspace")), ("api_key", ("api_key_hash",))):
        known = {v for d in dims for v in trace.dims[d].values if v}
        named = {getattr(line, field) for line in lines} - {""}
        if known and named and not known & named:
            notes.append(f"The invoice's {field} names are not the log's: not told apart by them.")
        elif known & named:
            foreign += [ln for ln in lines if getattr(ln, field) not in {"", *known}]
            lines = [ln for ln in lines if getattr(ln, field) in {"", *known}]
    return foreign, lines, notes


def unpriced_lines(lines: list[InvoiceLine], prices: PriceBook) -> list[str]:
    """Notes on lines that name no dollars and that the book cannot price either."""
    found = [ln for ln in lines if ln.amount_pusd is None and listed_pusd(ln, prices) is None]
    if not found:
        return []
    names = ", ".join(sorted({ln.model or "no model named" for ln in found}))
    what = "line" if len(found) == 1 else "lines"
    return [f"{len(found):,} {what} of the export without a price, $0 in this comparison: {names}."]
