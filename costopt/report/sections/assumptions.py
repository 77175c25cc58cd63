"""Assumptions: what the projection takes for granted, as sentences, with the layer that does."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Item, NotApplicable
from costopt.report.policy_words import NO_POLICY, acts, layers_of
from costopt.report.words import plural

ORDER = 84
NAME, TITLE = "assumptions", "What is assumed"


def build(result: Result) -> Card | NotApplicable:
    """Each sentence once; a layer that changes nothing assumes nothing that matters."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    who: dict[str, list[str]] = {}
    for name, row in layers_of(result):
        for sentence in row.get("assumptions") or [] if acts(row) else []:
            who.setdefault(sentence, []).append(name)
    if not who:
        return NotApplicable(NAME, TITLE, "no layer that acts assumes anything")
    items = [
        Item(str(i), sentence, "", (", ".join(names),))
        for i, (sentence, names) in enumerate(who.items(), 1)
    ]
    replays = [
        f"{name}: {row['replay'].rstrip('.')}"
        for name, row in layers_of(result)
        if row.get("replay") and acts(row)
    ]
    notes = [f"A replay would measure: {'; '.join(replays)}."] if replays else []
    return Card(NAME, TITLE, f"{plural(len(items), 'sentence')} that the projection stands on.",
                items=items, notes=notes)  # fmt: skip
