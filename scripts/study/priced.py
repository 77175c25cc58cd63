"""One policy over one log, by `engine.project`: the figures that the page shows, as plain data."""

from __future__ import annotations

from typing import Any

from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.layers.base import Layer

Figures = dict[str, Any]
PLAIN = (bool, int, float, str, type(None))


def priced(e: Evaluator, *layers: Layer, seed: int = 0) -> Figures:
    """Dollars saved after the provider's cache, with interval; by layer its evidence and risk."""
    found = project(InProcess(e), e, Policy(layers), seed=seed, shapley=False)
    return {
        "baseline_usd": found.baseline_usd, "saved_usd": found.savings_usd,
        "pct": found.savings_pct, "ci95": found.ci95_pct, "why_no_ci": found.ci_reason,
        "sessions": len(e.trace.sessions),
        "verified_pct": found.verified_savings_pct, "verified_ci95": found.verified_ci95_pct,
        "layers": [_layer(row) for row in found.layers],
    }  # fmt: skip


def _layer(row: Figures) -> Figures:
    """Counts and rates; lists and texts of the evidence may name agents and stay out."""
    evidence = {k: v for k, v in row["evidence"].items() if isinstance(v, PLAIN)}
    even = row["evidence"].get("break_even")
    return {
        "layer": row["layer"], "touched": row["calls_touched"], "evidence": evidence,
        "break_even": even if isinstance(even, dict) else None,
        "solo_usd": row["solo_usd"], "step_usd": row["step_usd"], "overhead_usd": row["overhead_usd"],
        "risk": row["risk"]["value"], "risk_ci95": row["risk"]["ci95"],
        "verified": row["verified"],
    }  # fmt: skip
