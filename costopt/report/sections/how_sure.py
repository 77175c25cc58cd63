"""How sure: coverage, what was estimated, which price book, what was read."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Table

ORDER = 90


def build(result: Result) -> Card:
    """What stands behind the numbers, file by file."""
    bill, trace, coverage = result.bill, result.trace, result.coverage
    reported = trace.calls - bill.estimated_calls - bill.missing_usage_calls
    facts: list[tuple[Cell, ...]] = [
        ("calls with reported usage", reported),
        ("calls with estimated usage", bill.estimated_calls),
        ("calls without usage", bill.missing_usage_calls),
        ("calls without a price", bill.unpriced_calls),
    ]
    files: list[tuple[Cell, ...]] = [
        (f.path, f.format, f.records, f.accepted, f.rejected, f.duplicates, f.skipped)
        for f in trace.files[:200]
    ]
    tables = [
        Table("Usage", ("what", "calls"), ("text", "count"), facts),
        Table(
            "Files read",
            ("file", "format", "records", "calls", "rejected", "duplicates", "not a call"),
            ("text", "text", "count", "count", "count", "count", "count"),
            files,
        ),
    ]
    notes = [
        f"Content of the log: {coverage.content} ({100 * coverage.content_share:.0f} % of calls).",
        f"Token counts of the parts of a request: {coverage.tokens}.",
        f"Prices: {result.price_book}.",
        *coverage.notes,
    ]
    return Card(
        "how_sure", "How sure", "What stands behind these numbers.", tables=tables, notes=notes
    )
