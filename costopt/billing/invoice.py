"""The log's bill against an invoice: named differences that sum to the cent, and what stays open.

bill of the log - in the log, not billed + not in the log + price differs + tier or batch
+ non-token items + credits, tax, commitments + day boundary + rounding + unexplained = invoice.
Nothing is called explained that only nets out by chance: where an export gives no tokens, a
difference that fits no known rule stays *unexplained*.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from costopt.billing.invoice_cells import Key, Side, invoice_cells, log_cells, priced
from costopt.model.bill import Bill
from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.model.trace import Trace
from costopt.money import PicoUsd
from costopt.prices.contract import PriceBook

# A line of an invoice is rounded to the cent at the coarsest: half a cent a line may be rounding.
ROUNDING_PUSD_PER_LINE = 5_000_000_000
# Batch and flex cost 0.5 of the default rate; priority up to 2 (billing/prices rules).
TIER_RATIOS = (0.5, 2.0)
RATIO_SLACK = 0.002


class Row(StrEnum):
    """The rows of a reconciliation, in the order in which they are printed."""

    EXPLAINED = "explained"
    NOT_IN_LOGS = "not in the logs"
    NOT_BILLED = "in the logs, not billed"
    PRICE = "price differs"
    TIER = "tier or batch"
    NON_TOKEN = "non-token items"
    OTHER = "credits, tax, commitments"
    DAYS = "day boundary or late data"
    ROUNDING = "rounding"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Difference:
    """One amount in one row, at one place."""

    row: Row
    place: str
    pusd: PicoUsd


@dataclass(frozen=True, slots=True)
class InvoiceReconciliation:
    """`explained` + all differences = `invoice_pusd`, exactly."""

    invoice_pusd: PicoUsd
    bill_pusd: PicoUsd
    usage_pusd: PicoUsd
    """The invoice without credits, tax, commitments and non-token items."""
    differences: tuple[Difference, ...]

    def total(self, row: Row) -> PicoUsd:
        return PicoUsd(sum(d.pusd for d in self.differences if d.row == row))

    @property
    def off_share(self) -> float:
        """How far the log's bill is from the invoice's usage, as a share of the larger one."""
        largest = max(abs(self.usage_pusd), abs(self.bill_pusd), 1)
        return abs(self.usage_pusd - self.bill_pusd) / largest


def reconcile_invoice(
    trace: Trace, bill: Bill, invoice: Invoice, prices: PriceBook
) -> InvoiceReconciliation:
    """Compare cell by cell (UTC day, model, unit where the invoice names it)."""
    token_lines = [ln for ln in invoice.lines if ln.kind == LineKind.TOKENS]
    found = [_other(ln, prices) for ln in invoice.lines if ln.kind != LineKind.TOKENS]
    foreign, rest = _foreign_projects(token_lines, trace)
    found += [
        Difference(Row.NOT_IN_LOGS, place, PicoUsd(p)) for place, p in _by_place(foreign, prices)
    ]
    by_unit = bool(rest) and all(line.unit for line in rest)
    theirs = invoice_cells(Invoice(invoice.source, invoice.kind, tuple(rest)), prices, by_unit)
    ours = log_cells(trace, bill, prices, by_unit)
    found += _compare(ours, theirs)
    usage = sum(priced(line, prices) for line in token_lines)
    billed = sum(side.pusd for side in ours.values())
    explained = billed + sum(d.pusd for d in found if d.row == Row.NOT_BILLED)
    rows = [Difference(Row.EXPLAINED, "the same in both", PicoUsd(explained)), *found]
    # "Not billed" dollars were never in the invoice: they lower `explained` and stand aside.
    total = usage + sum(d.pusd for d in found if d.row in (Row.NON_TOKEN, Row.OTHER))
    return InvoiceReconciliation(PicoUsd(total), PicoUsd(billed), PicoUsd(usage), tuple(rows))


def _other(line: InvoiceLine, prices: PriceBook) -> Difference:
    row = Row.NON_TOKEN if line.kind == LineKind.NON_TOKEN else Row.OTHER
    return Difference(row, line.description or line.kind.value, PicoUsd(priced(line, prices)))


def _foreign_projects(
    lines: list[InvoiceLine], trace: Trace
) -> tuple[list[InvoiceLine], list[InvoiceLine]]:
    """Lines of projects that the log never names, where the log names projects at all."""
    known = {v for d in ("project", "workspace") for v in trace.dims[d].values if v}
    if not known:
        return [], lines
    foreign = [ln for ln in lines if ln.project and ln.project not in known]
    return foreign, [ln for ln in lines if not ln.project or ln.project in known]


def _by_place(lines: list[InvoiceLine], prices: PriceBook) -> list[tuple[str, int]]:
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        key = f", key {line.api_key}" if line.api_key else ""
        sums[f"project {line.project}{key}"] += priced(line, prices)
    return sorted(sums.items())


def _compare(ours: dict[Key, Side], theirs: dict[Key, Side]) -> list[Difference]:
    found: list[Difference] = []
    open_cells: dict[tuple[str, str, str], list[tuple[str, int, int, int]]] = defaultdict(list)
    for key in sorted(set(ours) | set(theirs)):
        log, bill = ours.get(key), theirs.get(key)
        place = f"{key.day or 'no day'} {key.model} {key.unit}".strip()
        if bill is None and log is not None:
            found.append(Difference(Row.NOT_BILLED, place, PicoUsd(-log.pusd)))
        elif log is None and bill is not None:
            found.append(Difference(Row.NOT_IN_LOGS, place, PicoUsd(bill.pusd)))
        elif log is not None and bill is not None:
            parts, left = _same_cell(log, bill, place)
            found += parts
            if left:
                cell = (key.day, left, log.pusd, bill.lines)
                open_cells[key.provider, key.model, key.unit].append(cell)
    for (_, model, unit), cells in sorted(open_cells.items()):
        found += _by_model(f"{model} {unit}".strip(), cells)
    return found


def _same_cell(log: Side, bill: Side, place: str) -> tuple[list[Difference], int]:
    """Differences that the cell itself explains, and the dollars that it leaves open."""
    left = bill.pusd - log.pusd
    parts: list[Difference] = []
    if log.tokens and bill.tokens and log.tokens != bill.tokens:
        if bill.tokens > log.tokens:
            extra = bill.pusd * (bill.tokens - log.tokens) // bill.tokens
            parts.append(Difference(Row.NOT_IN_LOGS, place, PicoUsd(extra)))
        else:
            extra = -(log.pusd * (log.tokens - bill.tokens) // log.tokens)
            parts.append(Difference(Row.NOT_BILLED, place, PicoUsd(extra)))
        left -= extra
    if abs(left) <= ROUNDING_PUSD_PER_LINE * bill.lines and abs(left) * 50 <= max(bill.pusd, 1):
        return [*parts, *_some(Row.ROUNDING, place, left)], 0
    tiers_differ = bool(bill.batch_pusd) != bool(log.batch_pusd)
    base = bill.pusd - left
    if base and (tiers_differ or _near(bill.pusd / base)):
        return [*parts, *_some(Row.TIER, place, left)], 0
    return parts, left


def _near(ratio: float) -> bool:
    return any(abs(ratio / r - 1) <= RATIO_SLACK for r in TIER_RATIOS)


def _some(row: Row, place: str, pusd: int) -> list[Difference]:
    return [Difference(row, place, PicoUsd(pusd))] if pusd else []


def _by_model(place: str, cells: list[tuple[str, int, int, int]]) -> list[Difference]:
    """What only shows over several days: dollars moved to the next day, or one other price."""
    lines = sum(c[3] for c in cells)
    net = sum(c[1] for c in cells)
    if len(cells) > 1 and abs(net) <= ROUNDING_PUSD_PER_LINE * lines:
        return _some(Row.DAYS, place, net)
    ratios = [1 + left / pusd for _, left, pusd, _ in cells if pusd]
    one_price = len(ratios) > 1 and max(ratios) - min(ratios) <= 2 * RATIO_SLACK
    row = Row.PRICE if one_price else Row.UNEXPLAINED
    if row == Row.PRICE:
        place += (
            f" (the invoice charges {100 * (1 + net / sum(c[2] for c in cells)):.1f} % of the book)"
        )
    return _some(row, place, net)
