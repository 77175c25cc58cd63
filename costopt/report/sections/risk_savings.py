"""Risk against savings: what each layer saves at its place, and what it may do to answers."""

from __future__ import annotations

from costopt.model.result import Result
from costopt.report.card import Card, Cell, Chart, NotApplicable, Series, Table
from costopt.report.policy_words import (
    NO_POLICY,
    acts,
    layers_of,
    metric_words,
    proof,
    risk_measured,
)

ORDER = 18
NAME, TITLE = "risk_savings", "Risk against savings"


def build(result: Result) -> Card | NotApplicable:
    """Every layer that changes a call as a point with its interval; the basis of each risk beneath."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    rows = [(name, row) for name, row in layers_of(result) if acts(row)]
    if not rows:
        return NotApplicable(NAME, TITLE, "no layer of the policy changes a call")
    risks = [row["risk"] for _, row in rows]
    ends = [r.get("ci95") or [r.get("value"), r.get("value")] for r in risks]
    chart = Chart(
        "risk_savings", "Dollars saved at its place, over the share of answers at risk", "points",
        [name for name, _ in rows],
        [
            Series("risk", [r.get("value") for r in risks]),
            Series("low", [e[0] for e in ends]), Series("high", [e[1] for e in ends]),
            Series("saved", [row["step_usd"] for _, row in rows]),
        ],
        "usd", x_label="risk to answers, with its 95 % interval", y_label="saved at its place",
        marks=["verified" if row["verified"] else "unproven" for _, row in rows], x_unit="share",
    )  # fmt: skip
    table: list[tuple[Cell, ...]] = [
        (name, metric_words(row), risk.get("value"), *(risk.get("ci95") or (None, None)),
         risk.get("basis") or "—", proof(row))
        for (name, row), risk in zip(rows, risks, strict=True)
    ]  # fmt: skip
    unknown = sum(r.get("value") is None for r in risks)
    safe = sum(r.get("metric") == "none" and r.get("value") == 0 for r in risks)
    lead = f"Of {len(rows)} layers that act, {safe} put no answer at risk"
    replayed = sum(risk_measured(row) for _, row in rows)
    lead += f"; the risk of {replayed} was measured by a replay" if replayed else ""
    lead += f"; the risk of {unknown} is not measured." if unknown else "."
    return Card(
        NAME, TITLE, lead, charts=[chart],
        tables=[Table(
            "What each risk is and stands on",
            ("layer", "what is counted", "risk", "low", "high", "on what", "proof"),
            ("text", "text", "share", "share", "share", "text", "text"), table,
        )],
        notes=["Each risk is a share of its own kind: read what is counted before comparing two."],
    )  # fmt: skip
