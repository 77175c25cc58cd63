"""The reconciliation with an invoice as lines and as JSON; rows sum to the invoice exactly."""

from __future__ import annotations

from typing import Any

from costopt.billing.invoice import Compared, InvoiceReconciliation, Row
from costopt.model.escape import clean, pad
from costopt.model.invoice import Invoice
from costopt.money import PICO_PER_USD, PicoUsd, show, usd_float, usd_text

PLACES = 3
MOST_CELLS = 40
CENT = PICO_PER_USD // 100


def reconciliation_lines(found: InvoiceReconciliation, invoice: Invoice) -> list[str]:
    """A table: every row with its dollars and its largest places, the sum under it."""
    lines = [f"{clean(invoice.source)} · {invoice.kind} · {len(invoice.lines):,} lines", ""]
    totals = cents([found.total(row) for row in Row], found.invoice_pusd)
    for row, amount in zip(Row, totals, strict=True):
        parts = [d for d in found.differences if d.row == row and d.pusd]
        lines.append(f"{pad(_label(row), 44)} {show(amount):>16}")
        if row == Row.EXPLAINED:
            continue
        largest = sorted(parts, key=lambda d: (-abs(d.pusd), d.place))[:PLACES]
        lines += [f"    {pad(d.place, 54)} {show(d.pusd):>14}" for d in largest]
        if len(parts) > PLACES:
            lines.append(f"    and {len(parts) - PLACES} more places (--json)")
    lines += [" " * 45 + "-" * 16, f"{pad('Invoice', 44)} {show(sum(totals)):>16}", ""]
    if found.dims:
        lines += [*_cells(found), ""]
    lines.append(f"The log's bill is {100 * found.off_share:.2f} % from the invoice's usage.")
    return lines + [clean(note) for note in (*found.notes, *invoice.notes)]


def cents(amounts: list[PicoUsd], whole: int) -> list[int]:
    """The amounts in whole cents that sum to the whole in cents: what is printed adds up."""
    floors = [a // CENT for a in amounts]
    rest = (whole + CENT // 2) // CENT - sum(floors)
    by_remainder = sorted(range(len(amounts)), key=lambda i: (-(amounts[i] % CENT), i))
    for i in by_remainder[: max(rest, 0)]:
        floors[i] += 1
    return [f * CENT for f in floors]


def _label(row: Row) -> str:
    return "explained: the bill of the log" if row == Row.EXPLAINED else row.value


def _cells(found: InvoiceReconciliation) -> list[str]:
    """The table of `--by`: largest differences first."""
    ranked = sorted(found.cells, key=lambda c: (-abs(c.invoice_pusd - c.bill_pusd), _name(c)))
    lines = [f"{pad(', '.join(found.dims), 44)} {'log':>14} {'invoice':>14} {'difference':>14}"]
    for cell in ranked[:MOST_CELLS]:
        amounts = (cell.bill_pusd, cell.invoice_pusd, cell.invoice_pusd - cell.bill_pusd)
        lines.append(" ".join([pad(_name(cell), 44), *(f"{show(a):>14}" for a in amounts)]))
    if len(ranked) > MOST_CELLS:
        lines.append(f"and {len(ranked) - MOST_CELLS} more (--json)")
    return lines


def _name(cell: Compared) -> str:
    return " · ".join(filter(None, (cell.day, cell.model, cell.project))) or "(not named)"


def reconciliation_json(found: InvoiceReconciliation, invoice: Invoice) -> str:
    """The same as JSON; `pusd` as text holds the exact integers."""
    import orjson

    rows: list[dict[str, Any]] = [
        {
            "row": row.value, "usd": usd_float(found.total(row)), "pusd": str(found.total(row)),
            "places": [
                {"place": d.place, "usd": usd_float(d.pusd)}
                for d in found.differences if d.row == row and d.pusd
            ],
        }
        for row in Row
    ]  # fmt: skip
    document = {
        "schema": "costopt.reconciliation/1", "invoice": invoice.source, "kind": invoice.kind,
        "invoice_usd": usd_float(found.invoice_pusd), "invoice_usd_exact": usd_text(
            found.invoice_pusd),
        "bill_usd": usd_float(found.bill_pusd), "fees_usd": usd_float(found.fees_pusd),
        "usage_usd": usd_float(found.usage_pusd), "off_pct": 100 * found.off_share, "rows": rows,
        "by": [_cell_json(found, c) for c in found.cells],
        "notes": [*found.notes, *invoice.notes],
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _cell_json(found: InvoiceReconciliation, cell: Compared) -> dict[str, Any]:
    named: dict[str, Any] = {dim: getattr(cell, dim) for dim in found.dims}
    return named | {
        "bill_usd": usd_float(cell.bill_pusd),
        "invoice_usd": usd_float(cell.invoice_pusd),
        "difference_usd": usd_float(cell.invoice_pusd - cell.bill_pusd),
    }
