"""The reconciliation with an invoice as lines and as JSON; rows sum to the invoice exactly."""

from __future__ import annotations

from typing import Any

from costopt.billing.invoice import Compared, InvoiceReconciliation, Row
from costopt.model.escape import clean, pad
from costopt.model.invoice import Invoice
from costopt.money import PICO_PER_USD, PicoUsd, show, usd_float, usd_text
from costopt.report.words import plural

PLACES = 3
MOST_CELLS = 40
LEAST_WIDTH, MOST_WIDTH = 60, 100
AMOUNT = 13
"""Columns of an amount: up to $9,999,999.99 and a space."""
CENT = PICO_PER_USD // 100


def reconciliation_lines(
    found: InvoiceReconciliation, invoice: Invoice, width: int = 80
) -> list[str]:
    """A table: what each row is in the log and in the invoice, its largest places, the sums."""
    room = min(max(width, LEAST_WIDTH), MOST_WIDTH) - 2 * AMOUNT
    head = " · ".join([clean(invoice.source), invoice.kind, plural(len(invoice.lines), "line")])
    lines = [head, "", f"{'':{room}}{'log':>{AMOUNT}}{'invoice':>{AMOUNT}}"]
    log = cents([found.in_log(row) for row in Row], found.bill_pusd)
    billed = cents([found.in_invoice(row) for row in Row], found.invoice_pusd)
    for row, ours, theirs in zip(Row, log, billed, strict=True):
        left = show(ours) if row in (Row.EXPLAINED, Row.NOT_BILLED) else ""
        right = "" if row == Row.NOT_BILLED else show(theirs)
        lines.append(f"{pad(row.value, room)}{left:>{AMOUNT}}{right:>{AMOUNT}}".rstrip())
        if row != Row.EXPLAINED:
            lines += _places(found, row, room + AMOUNT - 6)
    lines.append(" " * room + f"{'-' * (AMOUNT - 2):>{AMOUNT}}" * 2)
    lines += [f"{'':{room}}{show(sum(log)):>{AMOUNT}}{show(sum(billed)):>{AMOUNT}}", ""]
    if found.dims:
        lines += [*_cells(found, room - AMOUNT), ""]
    lines.append(f"The log's bill is {100 * found.off_share:.2f} % from the invoice's usage.")
    return lines + [clean(note) for note in (*found.notes, *invoice.notes)]


def _places(found: InvoiceReconciliation, row: Row, room: int) -> list[str]:
    parts = [d for d in found.differences if d.row == row and d.pusd]
    sign = -1 if row == Row.NOT_BILLED else 1
    largest = sorted(parts, key=lambda d: (-abs(d.pusd), d.place))[:PLACES]
    lines = [f"    {pad(d.place, room)}{show(sign * d.pusd):>{AMOUNT}}" for d in largest]
    if len(parts) > PLACES:
        lines.append(f"    and {plural(len(parts) - PLACES, 'more place')} (--json)")
    return lines


def cents(amounts: list[PicoUsd], whole: int) -> list[int]:
    """The amounts in whole cents that sum to the whole in cents: what is printed adds up."""
    floors = [a // CENT for a in amounts]
    rest = (whole + CENT // 2) // CENT - sum(floors)
    by_remainder = sorted(range(len(amounts)), key=lambda i: (-(amounts[i] % CENT), i))
    for i in by_remainder[: max(rest, 0)]:
        floors[i] += 1
    return [f * CENT for f in floors]


def _cells(found: InvoiceReconciliation, room: int) -> list[str]:
    """The table of `--by`: largest differences first."""
    ranked = sorted(found.cells, key=lambda c: (-abs(c.invoice_pusd - c.bill_pusd), _name(c)))
    titles = "".join(f"{t:>{AMOUNT}}" for t in ("log", "invoice", "difference"))
    lines = [pad(", ".join(found.dims), room) + titles]
    for cell in ranked[:MOST_CELLS]:
        amounts = (cell.bill_pusd, cell.invoice_pusd, cell.invoice_pusd - cell.bill_pusd)
        lines.append(pad(_name(cell), room) + "".join(f"{show(a):>{AMOUNT}}" for a in amounts))
    if len(ranked) > MOST_CELLS:
        lines.append(f"and {len(ranked) - MOST_CELLS:,} more (--json)")
    return lines


def _name(cell: Compared) -> str:
    return " · ".join(filter(None, (cell.day, cell.model, cell.project))) or "(not named)"


def reconciliation_json(found: InvoiceReconciliation, invoice: Invoice) -> str:
    """The same as JSON: `usd` sums to the invoice, `log_usd` to the log's bill; `pusd` is exact."""
    import orjson

    rows: list[dict[str, Any]] = [
        {
            "row": row.value, "usd": usd_float(found.in_invoice(row)),
            "log_usd": usd_float(found.in_log(row)), "pusd": str(found.in_invoice(row)),
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
