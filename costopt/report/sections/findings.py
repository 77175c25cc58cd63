"""Findings: what is waste, in dollars, and how to stop it."""

from __future__ import annotations

from costopt.model.result import FindingItem, Result
from costopt.report.card import Card, Item, NotApplicable
from costopt.report.words import dollars, percent, plural

ORDER = 15
NAME, TITLE = "findings", "What to do first"


def build(result: Result) -> Card | NotApplicable:
    """Every finding, dearest first. They overlap: the dollars do not add up."""
    if not result.findings:
        return NotApplicable(NAME, TITLE, "nothing found that is worth a change")
    whole = result.bill.total_usd
    items = [_item(f, whole) for f in result.findings]
    notes = ["Findings overlap: their dollars do not add up. `costopt show F1` prints the proof."]
    known = [f for f in result.findings if f.usd > 0]
    lead = f"{plural(len(items), 'finding')}, the dearest first."
    if known:
        lead = f"The dearest is worth up to {dollars(known[0].usd)}. {lead}"
    return Card(NAME, TITLE, lead, items=items, notes=notes)


def _item(finding: FindingItem, whole: float) -> Item:
    amount = ""
    if finding.usd > 0:
        amount = f"{dollars(finding.usd)} · {percent(finding.usd, whole)}"
    body = [plural(finding.calls, "call") + " in " + plural(finding.sessions, "session")]
    if finding.estimated:
        body.append("a hint: not measured")
    if finding.already_saved_usd > 0:
        body.append(
            f"the provider's cache saves {dollars(finding.already_saved_usd)} of it already"
        )
    return Item(finding.id, finding.title, amount, (" · ".join(body),), finding.fix)
