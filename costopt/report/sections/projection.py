"""Projection: from the bill to the bill under the policy, step by step, and who saves what."""

from __future__ import annotations

from typing import Any

from costopt.model.result import Projection, Result
from costopt.report.card import Card, Cell, Chart, Fact, Kind, NotApplicable, Series, Table
from costopt.report.policy_words import (
    BASIS,
    NO_POLICY,
    Row,
    acts,
    interval_words,
    layers_of,
    places_of,
    proof,
    risk_words,
)
from costopt.report.words import dollars

ORDER = 16
NAME, TITLE = "projection", "What the policy would save"
COLUMNS = (
    "layer", "step", "alone", "without it", "Shapley", "±", "own costs", "calls touched",
    "risk to answers", "proof",
)  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "text", "usd", "usd", "usd", "usd", "text", "usd", "count", "text", "text",
)  # fmt: skip


def build(result: Result) -> Card | NotApplicable:
    """The verdict, the waterfall, and its table."""
    found = result.projection
    if found is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    if not found.layers:
        return NotApplicable(NAME, TITLE, "the policy has no layers: nothing changes")
    return Card(
        NAME, TITLE, found.verdict or _plainly(found), facts=_facts(found),
        tables=[_table(result, found)], charts=[_waterfall(result, found)], notes=_notes(found),
    )  # fmt: skip


def _plainly(found: Projection) -> str:
    word = "saves" if found.savings_usd >= 0 else "costs, more than it saves,"
    return f"The policy {word} {dollars(abs(found.savings_usd))} of {dollars(found.baseline_usd)}."


def _facts(found: Projection) -> list[Fact]:
    places = places_of(found)
    base = dollars(found.baseline_usd, places)
    facts = [
        Fact("bill without the policy", base, f"at the prices of {found.as_of}"),
        _arm("bill with what is verified", found, found.verified_savings_usd,
             found.verified_savings_pct, found.verified_ci95_pct),
    ]  # fmt: skip
    if any(not row["verified"] and acts(row) for row in found.layers):
        facts.append(_arm("if the unproven layers hold too", found, found.savings_usd,
                          found.savings_pct, found.ci95_pct))  # fmt: skip
    if found.provider_cache_saved_usd > 0:
        cached = dollars(found.provider_cache_saved_usd, places)
        facts.append(Fact("the provider's cache has saved", cached, "already, with no policy"))
    return facts


def _arm(
    label: str, found: Projection, usd: float, pct: float | None, ci: list[float] | None
) -> Fact:
    places = places_of(found)
    word = "saves" if usd >= 0 else "costs more:"
    share = "" if pct is None else f", {abs(pct):.1f} %"
    note = f"{word} {dollars(abs(usd), places)}{share}"
    return Fact(label, dollars(found.baseline_usd - usd, places),
                f"{note} ({interval_words(ci)})" if ci else note)  # fmt: skip


def _waterfall(result: Result, found: Projection) -> Chart:
    """Changes of the bill: what a layer saves is below zero, what it adds above."""
    rows = layers_of(result)
    labels = ["bill without the policy", *(name for name, _ in rows), "bill with all layers"]
    values = [found.baseline_usd, *(-row["step_usd"] for _, row in rows), found.projected_usd]
    marks = ["total", *(_mark(row) for _, row in rows), "total"]
    if found.verified_savings_usd != found.savings_usd:
        labels.append("with verified layers alone")
        values.append(found.baseline_usd - found.verified_savings_usd)
        marks.append("total")
    return Chart(
        "waterfall", "From the bill to the bill under the policy", "waterfall", labels,
        [Series("dollars", list(values))], "usd", x_label="dollars", marks=marks,
    )  # fmt: skip


def _mark(row: Row) -> str:
    if not acts(row):
        return "idle"
    return "verified" if row["verified"] else "unproven"


def _table(result: Result, found: Projection) -> Table:
    """Without Shapley shares, where none were asked for, without their columns."""
    rows: list[tuple[Cell, ...]] = [
        (
            name, row["step_usd"], row.get("solo_usd"), row.get("without_usd"),
            row.get("shapley_usd"), _error(row), row["overhead_usd"], row["calls_touched"],
            risk_words(row), f"{proof(row)} · {BASIS.get(row['basis'], row['basis'])}"
            if acts(row) else proof(row),
        )
        for name, row in layers_of(result)
    ]  # fmt: skip
    shared = all(row.get("shapley_usd") is not None for row in found.layers)
    total: tuple[Cell, ...] = (
        "together", found.savings_usd, None, None, found.savings_usd, "",
        sum(row["overhead_usd"] for row in found.layers), None, "", "",
    )  # fmt: skip
    kept = [i for i, name in enumerate(COLUMNS) if shared or name not in ("Shapley", "±")]

    def part(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(row[i] for i in kept)

    return Table(
        "Dollars saved by layer (below zero: it costs more)", part(COLUMNS), part(KINDS),
        [part(row) for row in rows], part(total), places_of(found),
    )  # fmt: skip


def _error(row: Row) -> str:
    """Standard error of the Shapley share."""
    error = row.get("shapley_se_usd")
    if row.get("shapley_usd") is None or error is None:
        return "—"
    return dollars(error) if error else "exact"


def _notes(found: Projection) -> list[str]:
    notes = [
        "Step: saved at its place, behind the layers above it; steps sum to the savings. Alone: as the "
        "only layer. Without it: what all the others save. Shapley: its fair share over all orders. "
        "Own costs (embeddings, classifiers, summaries) are paid for in every figure.",
    ]
    if found.sampled:
        notes.append(f"Tried on {found.sampled}: dollars are scaled to the whole, counts are not.")
    if found.shapley_sampled:
        notes.append("Shapley shares come from a sample of the sessions, scaled to the savings.")
    if found.recorded_baseline_usd != found.baseline_usd:
        then = dollars(found.recorded_baseline_usd)
        notes.append(f"The same calls at the prices of their own days: {then}.")
    return [*notes, *found.notes]
