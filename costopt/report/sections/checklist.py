"""The ten-item checklist, tested on this trace."""

from __future__ import annotations

from costopt.model.result import ChecklistItem, Result
from costopt.report.card import Card, Item, NotApplicable
from costopt.report.words import dollars

ORDER = 60
NAME, TITLE = "checklist", "Checklist"
STATUSES = ("pass", "fail", "harmful", "unknown", "not_applicable")
WORDS = {"not_applicable": "n/a"}


def build(result: Result) -> Card | NotApplicable:
    """Status, value, target, evidence, dollars and fix of each item."""
    if not result.checklist:
        return NotApplicable(NAME, TITLE, "the checklist was not run")
    counts = {s: sum(c.status == s for c in result.checklist) for s in STATUSES}
    lead = " · ".join(f"{n} {WORDS.get(s, s)}" for s, n in counts.items() if n) + "."
    notes = ["harmful: following the advice would raise this bill. unknown: a log cannot show it."]
    return Card(NAME, TITLE, lead, items=[_item(c) for c in result.checklist], notes=notes)


def _item(item: ChecklistItem) -> Item:
    amount = ""
    if item.usd is not None and item.usd > 0:
        amount = f"worth {dollars(item.usd)}"
    elif item.usd is not None and item.usd < 0:
        amount = f"costs {dollars(-item.usd)}"
    value = f"{item.value} (target: {item.target})" if item.value else f"target: {item.target}"
    body = [value, item.evidence]
    if amount and item.usd_basis:
        body.append(item.usd_basis)
    action = item.fix if item.status in ("fail", "harmful", "unknown") else ""
    mark = WORDS.get(item.status, item.status)
    return Item(mark, f"{item.id}. {item.title}", amount, tuple(b for b in body if b), action)
