"""The reconciliation with an invoice as lines and as JSON; rows sum to the invoice exactly."""

from __future__ import annotations

from typing import Any

from costopt.billing.invoice import InvoiceReconciliation, Row
from costopt.model.escape import clean, pad
from costopt.model.invoice import Invoice
from costopt.money import show, usd_float

PLACES = 3


def reconciliation_lines(found: InvoiceReconciliation, invoice: Invoice) -> list[str]:
    """A table: every row with its dollars and its largest places, the sum under it."""
    lines = [f"{clean(invoice.source)} · {invoice.kind} · {len(invoice.lines):,} lines", ""]
    lines.append(f"{pad('Bill of the log', 34)} {show(found.bill_pusd):>16}")
    lines.append("")
    for row in Row:
        parts = [d for d in found.differences if d.row == row and d.pusd]
        if row == Row.NOT_BILLED:
            continue
        lines.append(f"{pad(row.value, 34)} {show(found.total(row)):>16}")
        if row != Row.EXPLAINED:
            largest = sorted(parts, key=lambda d: (-abs(d.pusd), d.place))[:PLACES]
            lines += [f"    {pad(d.place, 50)} {show(d.pusd):>14}" for d in largest]
            if len(parts) > PLACES:
                lines.append(f"    and {len(parts) - PLACES} more places (--json)")
    lines += [" " * 35 + "-" * 16, f"{pad('Invoice', 34)} {show(found.invoice_pusd):>16}", ""]
    aside = found.total(Row.NOT_BILLED)
    if aside:
        lines.append(f"{Row.NOT_BILLED.value}: {show(-aside)}, taken off `explained` above")
    lines += [clean(note) for note in invoice.notes]
    return lines


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
        "invoice_usd": usd_float(found.invoice_pusd), "bill_usd": usd_float(found.bill_pusd),
        "usage_usd": usd_float(found.usage_pusd), "off_pct": 100 * found.off_share, "rows": rows,
        "notes": list(invoice.notes),
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
