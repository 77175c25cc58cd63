"""The log's bill against an invoice: named differences that sum to the cent, and what stays open.

explained + not in the logs + price differs + tier or batch + non-token items + credits, tax,
commitments + late data + rounding + unexplained = invoice;
explained + in the logs, not billed = bill of the log.
Nothing is called explained that only nets out by chance: where an export gives no tokens, a
difference that fits no known rule stays *unexplained*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from costopt.billing.invoice_cells import (
    SEARCH,
    Grain,
    Int,
    Key,
    Paid,
    Side,
    fees_of,
    invoice_cells,
    line_pusd,
    log_cells,
)
from costopt.billing.invoice_days import move_late
from costopt.billing.invoice_rows import Difference, Row, compare
from costopt.billing.invoice_scope import foreign_lines, in_scope, unpriced_lines
from costopt.errors import UsageError, nearest
from costopt.model.bill import Bill
from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.model.trace import Trace
from costopt.money import PicoUsd, show
from costopt.prices.contract import PriceBook

__all__ = ["Difference", "InvoiceReconciliation", "Row", "reconcile_invoice"]

DIMS = ("day", "model", "project")


@dataclass(frozen=True, slots=True)
class Compared:
    """One cell of `--by`: both sides in dollars, tokens alone."""

    day: str
    model: str
    project: str
    bill_pusd: PicoUsd
    invoice_pusd: PicoUsd


@dataclass(frozen=True, slots=True)
class InvoiceReconciliation:
    """Exactly: `explained` and all differences but *not billed* sum to `invoice_pusd`; `explained`
    less the *not billed* ones (they are negative) is `bill_pusd`."""

    invoice_pusd: PicoUsd
    bill_pusd: PicoUsd
    usage_pusd: PicoUsd
    """The invoice without credits, tax, commitments and non-token items."""
    differences: tuple[Difference, ...]
    fees_pusd: PicoUsd = PicoUsd(0)
    """Of `bill_pusd`, what is not for tokens."""
    cells: tuple[Compared, ...] = ()
    dims: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def total(self, row: Row) -> PicoUsd:
        return PicoUsd(sum(d.pusd for d in self.differences if d.row == row))

    def in_invoice(self, row: Row) -> PicoUsd:
        """What the row adds to the invoice."""
        return PicoUsd(0) if row == Row.NOT_BILLED else self.total(row)

    def in_log(self, row: Row) -> PicoUsd:
        """What the row adds to the bill of the log."""
        if row == Row.NOT_BILLED:
            return PicoUsd(-self.total(row))
        return self.total(row) if row == Row.EXPLAINED else PicoUsd(0)

    @property
    def off_share(self) -> float:
        """How far the log's token bill is from the invoice's usage, as a share of the larger one.

        What stays unexplained counts in full: two open differences do not cancel each other.
        """
        tokens = self.bill_pusd - self.fees_pusd
        unexplained = sum(abs(d.pusd) for d in self.differences if d.row == Row.UNEXPLAINED)
        largest = max(abs(self.usage_pusd), abs(tokens), 1)
        return max(abs(self.usage_pusd - tokens), unexplained) / largest


def reconcile_invoice(
    trace: Trace, bill: Bill, invoice: Invoice, prices: PriceBook, dims: Sequence[str] = ()
) -> InvoiceReconciliation:
    """Compare cell by cell: UTC day and model (or `dims`), unit where the invoice names it."""
    lines = [ln for ln in invoice.lines if ln.kind == LineKind.TOKENS]
    others = [ln for ln in invoice.lines if ln.kind != LineKind.TOKENS]
    scope, notes = in_scope(trace, bill, invoice)
    foreign, rest, more = foreign_lines(lines, trace)
    more += unpriced_lines(list(invoice.lines), prices)
    grain = _grain(dims, rest, bool(trace.has_time[scope].all()))
    ours = log_cells(trace, bill, scope, prices, grain)
    tokens_pusd = sum(side.pusd for side in ours.values())
    fees = fees_of(bill, scope) if _names_fees(invoice) else 0
    found = [*_others(others, prices, fees), *_by_place(foreign, prices)]
    paid = _paid(trace, bill, scope, prices, rest, grain)
    theirs = invoice_cells(rest, prices, grain, paid)
    usage = sum(s.pusd for s in theirs.values()) + sum(line_pusd(ln, prices) for ln in foreign)
    cells = _cells(ours, theirs) if dims else ()
    if grain.day:
        found += _late(ours, theirs)
    found += compare(ours, theirs)
    same = tokens_pusd + fees + sum(d.pusd for d in found if d.row == Row.NOT_BILLED)
    found.insert(0, Difference(Row.EXPLAINED, "the same in both", PicoUsd(same)))
    if not trace.has_time[scope].all():
        more.append("Calls of the log have no time: compared over all days together.")
    if not _names_fees(invoice) and fees_of(bill, scope):
        more.append(f"{show(fees_of(bill, scope))} of searches and fees are in no usage export.")
    return InvoiceReconciliation(
        PicoUsd(usage + sum(line_pusd(ln, prices) for ln in others)),
        PicoUsd(tokens_pusd + fees), PicoUsd(usage), tuple(found),
        PicoUsd(fees), cells, tuple(dims), (*notes, *more),
    )  # fmt: skip


def _grain(dims: Sequence[str], lines: list[InvoiceLine], timed: bool) -> Grain:
    """As fine as was asked for and as both sides can be."""
    for dim in dims:
        if dim not in DIMS:
            hint = f"{nearest(dim, DIMS)} An invoice is compared by {', '.join(DIMS)}.".strip()
            raise UsageError(f"an invoice has no `{dim}`.", where="--by", hint=hint)
    named = not lines or any(line.model for line in lines)
    by_model = named and (not dims or "model" in dims)
    by_unit = by_model and bool(lines) and all(line.unit for line in lines)
    return Grain(timed and (not dims or "day" in dims), by_model, by_unit, "project" in dims)


def _paid(
    trace: Trace, bill: Bill, scope: Int, prices: PriceBook, lines: list[InvoiceLine], grain: Grain
) -> Paid:
    """Needed only where the invoice counts tokens and names no dollars."""
    fine = Grain(grain.day, True, True, grain.project)
    if all(line.amount_pusd is not None for line in lines):
        return Paid(fine, {})
    return Paid(fine, log_cells(trace, bill, scope, prices, fine))


def _names_fees(invoice: Invoice) -> bool:
    """A usage export names no fees, unless it counts searches."""
    usage_only = bool(invoice.lines) and all(line.amount_pusd is None for line in invoice.lines)
    return not usage_only or any(line.unit == SEARCH for line in invoice.lines)


def _others(lines: list[InvoiceLine], prices: PriceBook, fees: int) -> list[Difference]:
    """Lines that are not for tokens; the log's own fees stand against them."""
    found = []
    for line in lines:
        row = Row.NON_TOKEN if line.kind == LineKind.NON_TOKEN else Row.OTHER
        pusd = PicoUsd(line_pusd(line, prices))
        found.append(Difference(row, line.description or line.kind.value, pusd))
    if fees:
        place = "already in the log's bill: searches and fees"
        found.append(Difference(Row.NON_TOKEN, place, PicoUsd(-fees)))
    return found


def _by_place(lines: list[InvoiceLine], prices: PriceBook) -> list[Difference]:
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        parts = [f"project {line.project}"] if line.project else []
        parts += [f"key {line.api_key}"] if line.api_key else []
        sums[", ".join(parts)] += line_pusd(line, prices)
    return [Difference(Row.NOT_IN_LOGS, p, PicoUsd(v)) for p, v in sorted(sums.items())]


def _cells(ours: dict[Key, Side], theirs: dict[Key, Side]) -> tuple[Compared, ...]:
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for number, cells in enumerate((ours, theirs)):
        for key, side in cells.items():
            sums[key.day, key.model, key.project][number] += side.pusd
    return tuple(Compared(*k, PicoUsd(a), PicoUsd(b)) for k, (a, b) in sorted(sums.items()))


def _late(ours: dict[Key, Side], theirs: dict[Key, Side]) -> list[Difference]:
    """Dollars moved to the next day: they leave one day and arrive on the other, nothing is added."""
    found = []
    for place, pusd in move_late(ours, theirs):
        found.append(Difference(Row.DAYS, f"{place}, out", PicoUsd(-pusd)))
        found.append(Difference(Row.DAYS, f"{place}, in", PicoUsd(pusd)))
    return found
