"""A CSV with a date, a model and an amount: what dashboards export and people type.

Columns are found by name, never by place; an unknown header is refused with the names that fit.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from costopt.errors import InputError
from costopt.model.invoice import Invoice, InvoiceLine, LineKind
from costopt.sources.invoices.amounts import amount
from costopt.sources.invoices.days import day_of
from costopt.sources.invoices.kinds import kind_of
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


def read(data: bytes, name: str, fx: Decimal | None) -> Invoice:
    """Lines of the table. Raises InputError with the line where a cell cannot be read."""
    text = data.decode("utf-8-sig", "replace")
    rows = csv.DictReader(io.StringIO(text))
    try:
        columns = _columns(list(rows.fieldnames or []), name)
        lines = [
            _line(row, columns, fx, f"{name}:{rows.line_num}") for row in rows if any(row.values())
        ]
    except csv.Error as error:
        raise InputError(f"this is no CSV: {error}.", where=f"{name}:{rows.line_num}") from error
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
    kind = kind_of(item)
    model, said = split_item(item)
    unit = leaf_of(said)
    value = amount(cell["amount"], cell.get("currency", ""), fx, where)
    tokens = cell.get("tokens", "").replace(",", "")
    return InvoiceLine(
        day_of(cell["day"], where), cell.get("provider", "").lower(),
        (model if unit else item) if kind == LineKind.TOKENS else "", kind, value, unit,
        int(tokens) if tokens.isdecimal() else None, cell.get("project", ""),
        cell.get("api_key", ""), cell.get("tier", "").lower() or tier_of(said), item,
        int(where.rsplit(":", 1)[-1]),
    )  # fmt: skip
