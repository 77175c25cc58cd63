"""Findings: what is waste, in dollars, and how to stop it."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, NotApplicable, Table

ORDER = 15
NAME, TITLE = "findings", "What to do first"


def build(result: Result) -> Card | NotApplicable:
    """Every finding, dearest first. They overlap: the dollars do not add up."""
    if not result.findings:
        return NotApplicable(NAME, TITLE, "nothing found that is worth a change")
    rows: list[tuple[Cell, ...]] = [
        (f.id, f.title, f.usd, f.share, f.already_saved_usd, f.calls, _basis(f.estimated), f.fix)
        for f in result.findings
    ]
    table = Table(
        "Findings",
        ("id", "what", "worth up to", "share", "saved by cache already", "calls", "basis", "fix"),
        ("text", "text", "usd", "share", "usd", "count", "text", "text"),
        rows,
    )
    notes = ["Findings overlap: their dollars do not add up. `costopt show F1` prints the proof."]
    lead = f"{result.findings[0].title}: {result.findings[0].fix}"
    return Card(NAME, TITLE, lead, [table], notes=notes)


def _basis(estimated: bool) -> str:
    return "hint, not measured" if estimated else "from the log"
