"""Assumptions: what the projection takes for granted, as sentences, with the layer that does."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Item, NotApplicable
from costopt.report.policy_words import NO_POLICY, Row, acts, layers_of
from costopt.report.words import plural

ORDER = 84
NOTHING = "nothing: "
"""Begins what a layer says of a replay where none can measure it; the reason follows."""
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
    notes = _replays(layers_of(result))
    return Card(NAME, TITLE, f"{plural(len(items), 'sentence')} that the projection stands on.",
                items=items, notes=notes)  # fmt: skip


def _replays(rows: list[tuple[str, Row]]) -> list[str]:
    """What replays have measured, what one would, and what none can."""
    measured, would, never = [], [], []
    for name, row in rows:
        said = str(row.get("replay") or "").rstrip(".")
        if row.get("measured"):
            what = ", ".join(str(m).replace("_", " ") for m in row["measured"])
            measured.append(f"{name}: {what} (replay {row['measured_run']})")
        elif said.startswith(NOTHING) and acts(row):
            never.append(f"{name}: {said.removeprefix(NOTHING)}")
        elif said and acts(row):
            would.append(f"{name}: {said}")
    parts = (
        ("Measured by replays", measured), ("A replay would measure", would),
        ("No replay measures", never),
    )  # fmt: skip
    return [f"{head}: {'; '.join(found)}." for head, found in parts if found]
