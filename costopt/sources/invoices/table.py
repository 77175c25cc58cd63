"""A CSV with a date, a model and an amount: what dashboards export and people type.

Columns are found by name, never by place; an unknown header is refused with the names that fit.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from decimal import Decimal

from costopt.errors import InputError
from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.sources.invoices.amounts import amount
from costopt.sources.invoices.openai import leaf_of, split_item, tier_of

NAMES: dict[str, tuple[str, ...]] = {
    "day": ("date", "day", "start_time", "start_date", "usage_date", "timestamp"),
    "model": ("model", "line_item", "sku", "description", "item"),
    "amount": ("usd", "cost_usd", "amount_usd", "amount", "cost", "total"),
    "currency": ("currency", "amount_currency"),
    "provider": ("provider", "vendor"),
    "project": ("project", "project_id", "project_name", "workspace", "workspace_id"),
    "api_key": ("api_key", "api_key_id", "key"),
    "tier": ("tier", "service_tier"),
    "tokens": ("tokens", "quantity"),
}
# Words of an item that is not for tokens. A model may be called `...-search-preview`.
KINDS = (
    (re.compile(r"\b(credit|credits|refund|discount)\b"), LineKind.CREDIT),
    (re.compile(r"\b(tax|vat|gst)\b"), LineKind.TAX),
    (re.compile(r"\bcommit(ment)?\b"), LineKind.COMMITMENT),
    (re.compile(r"\b(web|file) search|\bstorage\b|\bcode (execution|interpreter)\b|\bsession"),
     LineKind.NON_TOKEN),
)  # fmt: skip


def read(data: bytes, name: str, fx: Decimal | None) -> Invoice:
    """Lines of the table. Raises InputError with the line where a cell cannot be read."""
    text = data.decode("utf-8-sig", "replace")
    rows = csv.DictReader(io.StringIO(text))
    columns = _columns(list(rows.fieldnames or []), name)
    lines = [
        _line(row, columns, fx, f"{name}:{rows.line_num}") for row in rows if any(row.values())
    ]
    return Invoice(name, "table", tuple(lines))


def _columns(header: list[str], name: str) -> dict[str, str]:
    folded = {h.strip().lower().replace(" ", "_"): h for h in header if h}
    found = {
        field: folded[n] for field, names in NAMES.items() for n in reversed(names) if n in folded
    }
    missing = [f for f in ("day", "amount") if f not in found]
    if missing:
        wanted = "; ".join(f"{f}: {', '.join(NAMES[f])}" for f in missing)
        raise InputError(
            f"no column for {' and '.join(missing)} in the header {header}.", where=f"{name}:1",
            hint=f"Name a column one of {wanted}.",
        )  # fmt: skip
    return found


def _line(
    row: dict[str, str | None], columns: dict[str, str], fx: Decimal | None, where: str
) -> InvoiceLine:
    cell = {field: (row.get(column) or "").strip() for field, column in columns.items()}
    item = cell.get("model", "")
    words = item.lower().replace("_", " ")
    kind = next((k for pattern, k in KINDS if pattern.search(words)), LineKind.TOKENS)
    model, said = split_item(item)
    unit = leaf_of(said)
    value = amount(cell["amount"], cell.get("currency", ""), fx, where)
    tokens = cell.get("tokens", "").replace(",", "")
    return InvoiceLine(
        _day(cell["day"], where), cell.get("provider", "").lower(),
        (model if unit else item) if kind == LineKind.TOKENS else "", kind, value, unit,
        int(tokens) if tokens.isdigit() else None, cell.get("project", ""),
        cell.get("api_key", ""), cell.get("tier", "").lower() or tier_of(said), item,
        int(where.rsplit(":", 1)[-1]),
    )  # fmt: skip


def _day(text: str, where: str) -> str:
    if text.isdigit() and len(text) >= 9:
        return dt.datetime.fromtimestamp(int(text), dt.UTC).date().isoformat()
    try:
        moment = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise InputError(
            f"{text!r} is no date.", where=where, hint="Write dates as 2026-10-31."
        ) from error
    return (moment.astimezone(dt.UTC) if moment.tzinfo else moment).date().isoformat()
