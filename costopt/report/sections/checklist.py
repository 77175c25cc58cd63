"""The ten-item checklist, tested on this trace."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, NotApplicable, Table

ORDER = 60
NAME, TITLE = "checklist", "Checklist"


def build(result: Result) -> Card | NotApplicable:
    """Status, value, target, evidence, dollars and fix of each item."""
    if not result.checklist:
        return NotApplicable(NAME, TITLE, "the checklist was not run")
    rows: list[tuple[Cell, ...]] = [
        (c.id, c.title, c.status.replace("_", " "), c.value, c.target, c.usd, c.evidence, c.fix)
        for c in result.checklist
    ]
    table = Table(
        "Ten items",
        ("#", "item", "status", "value", "target", "dollars", "evidence", "fix"),
        ("count", "text", "text", "text", "text", "usd", "text", "text"),
        rows,
    )
    passed = sum(c.status == "pass" for c in result.checklist)
    notes = ["harmful: following the advice would raise this bill."]
    return Card(NAME, TITLE, f"{passed} of {len(rows)} pass on this log.", [table], notes=notes)
