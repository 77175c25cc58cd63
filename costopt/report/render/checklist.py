"""The checklist as a page for the terminal: status, value against target, evidence, dollars, fix."""

from __future__ import annotations

from costopt.model.result import ChecklistItem, Result
from costopt.report.render.screen import dollars, spread, wrap

WORDS = {"not_applicable": "n/a"}


def checklist_lines(result: Result, width: int = 80) -> list[str]:
    """All ten items, in their order."""
    lines: list[str] = []
    for item in result.checklist:
        lines += [*_item(item, width), ""]
    counts = {
        s: sum(c.status == s for c in result.checklist)
        for s in ("pass", "fail", "harmful", "unknown", "not_applicable")
    }
    lines.append(" · ".join(f"{n} {WORDS.get(s, s)}" for s, n in counts.items() if n))
    return lines


def _item(item: ChecklistItem, width: int) -> list[str]:
    status = WORDS.get(item.status, item.status).upper()
    lines = [spread(f"{item.id:>2} {item.title}", status, width)]
    lines += _field(
        f"{item.value}  (target {item.target})" if item.value else f"target {item.target}", width
    )
    if item.evidence:
        lines += _field(item.evidence, width)
    if item.usd:
        verb = "worth" if item.usd > 0 else "would cost"
        basis = f" ({item.usd_basis})" if item.usd_basis else ""
        lines += _field(f"{verb} {dollars(abs(item.usd))}{basis}", width)
    if item.status in ("fail", "unknown", "harmful") and item.fix:
        lines += _field(f"-> {item.fix}", width)
    return lines


def _field(text: str, width: int) -> list[str]:
    return ["   " + line for line in wrap(text, width - 3)]
