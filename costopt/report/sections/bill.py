"""The bill: what was paid, what the log says, what is not in it."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Table

ORDER = 10


def build(result: Result) -> Card:
    """Totals, tokens and the reconciliation with recorded costs."""
    bill, trace = result.bill, result.trace
    lead = f"{trace.calls:,} calls in {trace.sessions:,} sessions."
    rows: list[tuple[Cell, ...]] = [("The bill at each call's own date", bill.total_usd)]
    if bill.discount_usd:
        rows.append(("  at list prices", bill.list_usd))
        rows.append(("  your discounts", -bill.discount_usd))
    if bill.estimated_calls:
        rows.append(("  of it from estimated token counts", bill.estimated_usd))
    if bill.recorded_usd is not None:
        rows.append(("What the log itself records", bill.recorded_usd))
    if bill.subscription_usd:
        rows.append(("Seats: API-equivalent, not in the bill", bill.subscription_usd))
    tokens = bill.tokens
    counts: list[tuple[Cell, ...]] = [
        ("input", tokens.input),
        ("  fresh", tokens.input_fresh),
        ("  read from the provider's cache", tokens.input_cache_read),
        ("  written to the provider's cache", tokens.input_cache_write),
        ("output", tokens.output),
        ("  reasoning", tokens.output_reasoning),
    ]
    tables = [
        Table("Dollars", ("what", "dollars"), ("text", "usd"), rows),
        Table("Tokens", ("what", "tokens"), ("text", "count"), counts),
    ]
    groups = bill.reconciliation.groups
    if groups:
        differences: list[tuple[Cell, ...]] = [(g.cause, g.calls, g.diff_usd) for g in groups]
        tables.append(
            Table(
                "Where the log's cost differs from the price book",
                ("likely cause", "calls", "recorded minus computed"),
                ("text", "count", "usd"),
                differences,
            )
        )
    return Card("bill", "The bill", lead, tables, notes=_notes(result))


def _notes(result: Result) -> list[str]:
    bill = result.bill
    notes = []
    if bill.unpriced_calls:
        models = ", ".join(bill.unpriced_models)
        notes.append(f"{bill.unpriced_calls:,} calls have no price and are not in it: {models}.")
    if bill.missing_usage_calls:
        notes.append(f"{bill.missing_usage_calls:,} calls report no usage and are not in it.")
    return notes
