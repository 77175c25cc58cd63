"""How sure the projection is: its interval, the three parts of it, and the model of the cache."""

from __future__ import annotations

from costopt.model.result import Projection, Result
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import NO_POLICY

ORDER = 86
NAME, TITLE = "interval", "How sure the projection is"
PARTS = (
    ("sampling", "sampling", "other sessions, or other days, might have come"),
    ("cache_model", "cache model", "what the provider's prompt cache would serve is modelled"),
    ("assumptions", "assumptions", "ratios that nobody has measured, over their ranges"),
)


def build(result: Result) -> Card | NotApplicable:
    """The 95 % interval of the savings and what it is made of, or why there is none."""
    found = result.projection
    if found is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    if found.ci95_pct is None:
        lead = f"No 95 % interval: {found.ci_reason or 'not known why'}."
    else:
        low, high = found.ci95_pct
        share = "" if found.savings_pct is None else f"{found.savings_pct:.1f} %, "
        lead = f"The savings of all layers: {share}with 95 % between {low:.1f} and {high:.1f} %."
    rows = _rows(found)
    tables = [Table(
        "Savings in % of the bill", ("what varies", "low", "high", "why"),
        ("text", "number", "number", "text"), rows,
    )] if rows else []  # fmt: skip
    return Card(NAME, TITLE, lead, tables=tables, notes=_notes(found))


def _rows(found: Projection) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for key, words, why in PARTS:
        ends = found.ci_parts.get(key)
        if ends:
            rows.append((words, ends[0], ends[1], why))
    if found.ci95_pct:
        rows.append(("all three, all layers", *found.ci95_pct, f"over {found.ci_basis}"))
    if found.verified_ci95_pct:
        words = "all three, verified layers alone"
        rows.append((words, *found.verified_ci95_pct, "what may be counted on"))
    return rows


def _notes(found: Projection) -> list[str]:
    if found.cache_residual_pp is None:
        return ["No recorded cache reads judge the model of the provider's prompt cache here."]
    return [
        f"The model of the provider's prompt cache is off by {found.cache_residual_pp:.1f} points of the "
        "input on sessions that it was not fitted on."
    ]
