"""Don't: what would raise this bill, what is not proven, and advice that does harm here."""

from __future__ import annotations

from costopt.model.result import ChecklistItem, Result
from costopt.report.card import Card, Item, NotApplicable
from costopt.report.policy_words import (
    NO_POLICY,
    Row,
    acts,
    layers_of,
    places_of,
    risk_measured,
    steps_shown,
)
from costopt.report.words import dollars

ORDER = 17
NAME, TITLE = "dont", "Don't"


def build(result: Result) -> Card | NotApplicable:
    """Dearest first: layers at their place, layers that would be dearer alone, harmful advice."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    places = places_of(result.projection)
    layers = layers_of(result)
    shown = dict(zip((name for name, _ in layers), steps_shown(result.projection), strict=True))
    worse = [(name, row) for name, row in layers if row["step_usd"] < 0]
    alone = [r for r in layers if r[1]["step_usd"] >= 0 > (r[1].get("solo_usd") or 0.0)]
    harmful = [c for c in result.checklist if c.status == "harmful"]
    idle = [r for r in layers if not acts(r[1]) and r not in alone]
    unproven = [(name, row) for name, row in layers if acts(row) and not row["verified"]]
    items = [
        *(_dearer(name, row, shown[name], places)
          for name, row in sorted(worse, key=lambda r: r[1]["step_usd"])),
        *(_alone(name, row, places) for name, row in sorted(alone, key=lambda r: r[1]["solo_usd"])),
        *map(_harmful, harmful),
        *(_unproven(name, row, shown[name]) for name, row in unproven),
        *(_idle(name, row) for name, row in idle),
    ]  # fmt: skip
    if not items:
        return NotApplicable(NAME, TITLE, "every layer acts, is verified and saves money")
    lead = _lead(len(worse) + len(alone) + len(harmful), unproven, idle)
    return Card(NAME, TITLE, lead, items=items)


def _lead(bad: int, unproven: list[tuple[str, Row]], idle: list[tuple[str, Row]]) -> str:
    parts = [
        (bad, "would raise this bill"),
        (len(unproven), "not proven: no saving to count on yet"),
        (len(idle), "would change nothing"),
    ]
    return " · ".join(f"{n} {words}" for n, words in parts if n) + "."


def _dearer(name: str, row: Row, more: str, places: int) -> Item:
    body = [*(row.get("notes") or [])[:2]]
    if row["overhead_usd"] > 0:
        body.append(f"{dollars(row['overhead_usd'], places)} of it are its own costs.")
    removed = row["evidence"].get("tokens_removed") or 0
    if removed > 0 and row["overhead_usd"] < -row["step_usd"] / 2:
        body.append(
            f"It sends {removed:,} tokens less, but the provider's cache serves less of the rest."
        )
    solo = row.get("solo_usd")
    if solo is not None and solo > 0:
        body.append(
            f"As the only layer it would save {dollars(solo, places)}: others took it first."
        )
    return Item("harmful", name, f"costs {more} MORE", tuple(body), "Leave it out of this policy.")


def _alone(name: str, row: Row, places: int) -> Item:
    cost = dollars(-row["solo_usd"], places)
    if not acts(row):
        body = "At its place it changes no call: the layers above it leave nothing for it."
        return Item("harmful", name, f"alone costs {cost} MORE", (body,), "Leave it out.")
    saved = dollars(row["step_usd"], places)
    body = f"At its place it saves {saved}, because of what the layers above it changed."
    return Item("harmful", f"{name}, as the only layer", f"costs {cost} MORE", (body,),
                "Use it only together with the layers above it.")  # fmt: skip


def _harmful(item: ChecklistItem) -> Item:
    amount = f"costs {dollars(-item.usd)}" if item.usd is not None and item.usd < 0 else ""
    return Item("harmful", f"{item.id}. {item.title}", amount, (item.evidence,), item.fix)


def _unproven(name: str, row: Row, saved: str) -> Item:
    basis = row["risk"].get("basis") or "unverified"
    action = f"Replay first: {row['replay']}" if row.get("replay") else "Replay a sample first"
    if risk_measured(row):
        action = "A replay has measured it: a larger one, or one with a judge, may settle it"
    amount = f"{saved} if it holds" if row["step_usd"] > 0 else ""
    return Item("UNPROVEN", name, amount, (basis, *(row.get("notes") or [])[:2]),
                f"{action.rstrip('.')}.")  # fmt: skip


def _idle(name: str, row: Row) -> Item:
    return Item("n/a", f"{name}: changes no call", "", tuple((row.get("notes") or [])[:1]))
