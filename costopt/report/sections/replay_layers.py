"""Replayed layers: what each was projected to save, what it saves now, and what was measured of it."""

from __future__ import annotations

from costopt.model.replayed import ReplayedLayer, ReplayInfo
from costopt.model.result import Result
from costopt.model.secrets import masked
from costopt.report.card import Card, Cell, Fact, NotApplicable, Table
from costopt.report.replay_words import (
    SAYS,
    excess_words,
    measured_words,
    replay_of,
    share_words,
)
from costopt.report.words import dollars, places_for, plural

ORDER = 21
NAME, TITLE = "replay_layers", "What the replay says of each layer"
COLUMNS = (
    "layer", "projected", "now", "proof", "cached, length or price", "requests", "answers agree",
    "says",
)  # fmt: skip


def build(result: Result) -> Card | NotApplicable:
    """The table of the end screen, its quantities, and what was spent."""
    info = replay_of(result)
    if isinstance(info, str):
        return NotApplicable(NAME, TITLE, info)
    if not info.layers:
        return NotApplicable(NAME, TITLE, "the policy has no layers")
    tables = [_table(info)]
    quantities = _quantities(info)
    return Card(
        NAME, TITLE, info.statement, facts=_facts(info),
        tables=[*tables, *([quantities] if quantities.rows else [])], notes=_notes(info),
    )  # fmt: skip


def _facts(info: ReplayInfo) -> list[Fact]:
    sent = f"{info.answered:,} of {plural(info.planned, 'request')}"
    facts = [Fact("answered", sent, masked(info.endpoint))]
    if info.origin != "recorded":
        budget = f"of {dollars(info.budget_usd)}" if info.budget_usd is not None else "no budget"
        facts.append(Fact("spent", dollars(info.spent_usd, places_for(info.spent_usd)), budget))
    if info.in_doubt:
        doubt = dollars(info.in_doubt_usd, places_for(info.in_doubt_usd))
        facts.append(Fact("in doubt", f"{info.in_doubt:,}", f"{doubt} at worst"))
    if info.now_savings_usd is not None and info.baseline_usd:
        places = places_for(info.baseline_usd)
        ci = info.now_ci95_pct
        note = f"95 %: {ci[0]:.1f} to {ci[1]:.1f} %" if ci else ""
        facts.append(Fact("saved now", dollars(info.now_savings_usd, places), note))
    return facts


def _table(info: ReplayInfo) -> Table:
    """Unproven dollars stand beside the sums, in words; what is dropped saves nothing."""
    rows: list[tuple[Cell, ...]] = [
        (
            f"{i} {layer.layer}", layer.projected_usd if layer.projected_verified else None,
            _now(layer), _proof(layer), layer.measured or "—", layer.requests,
            _agreement(layer), SAYS.get(layer.says, layer.says),
        )
        for i, layer in enumerate(info.layers, 1)
    ]  # fmt: skip
    total: tuple[Cell, ...] = (
        "saved", info.projected_savings_usd, info.now_savings_usd, "", "",
        sum(layer.requests for layer in info.layers), "", "",
    )  # fmt: skip
    return Table(
        "Layer by layer, dollars saved", COLUMNS,
        ("text", "usd", "usd", "text", "text", "count", "text", "text"), rows, total,
        places_for(max([abs(x.projected_usd) for x in info.layers], default=0.0)),
    )  # fmt: skip


def _now(layer: ReplayedLayer) -> float | None:
    return layer.now_usd if layer.now_verified and layer.says != "drop" else None


def _proof(layer: ReplayedLayer) -> str:
    if layer.says == "drop":
        return "dropped"
    proven = layer.projected_verified if layer.now_verified is None else layer.now_verified
    if proven:
        return "verified"
    usd = layer.projected_usd if layer.now_usd is None else layer.now_usd
    return f"UNPROVEN ({dollars(usd, places_for(usd))})"


def _agreement(layer: ReplayedLayer) -> str:
    found = next((a for a in layer.agreement if a.answers), None)
    if found is None:
        return "—"
    return f"{found.agree:,} of {found.answers:,}, {share_words(found.rate, found.ci95)}"


def _quantities(info: ReplayInfo) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            f"{i} {layer.layer}", masked(str(q.get("what", ""))),
            measured_words(q.get("predicted"), str(q.get("unit", ""))),
            measured_words(q.get("measured"), str(q.get("unit", ""))),
        )
        for i, layer in enumerate(info.layers, 1) for q in layer.quantities
    ]  # fmt: skip
    return Table(
        "What was measured of each layer", ("layer", "what", "predicted", "measured"),
        ("text", "text", "text", "text"), rows,
    )  # fmt: skip


def _notes(info: ReplayInfo) -> list[str]:
    """Each layer's verdict as a sentence, then what the run has to say."""
    said = []
    for i, layer in enumerate(info.layers, 1):
        found = next((a for a in layer.agreement if a.answers), None)
        excess = f" Above the noise floor: {excess_words(found)}." if found else ""
        more = f" {layer.more_needed:,} answers would settle it." if layer.more_needed else ""
        said.append(masked(f"{i} {layer.layer}: {layer.why}{excess}{more}"))
    left = [
        f"{plural(row['calls'], 'call')} cannot be sent: {row['reason']}." for row in info.left_out
    ]
    return [*said, *map(masked, [*left, *info.notes])]
