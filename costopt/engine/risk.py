"""The risk of a whole policy: of all charged calls, the share whose answer may differ or suffer.

Each layer states a rate of its own (false hits of the hits, reach-back of the cut calls). That rate times
the calls it is a rate of, over all calls, is on one scale. Layers may hurt the same call, so their sum is
an upper bound (the union bound), and so is every rate: the upper end of its interval. Where nothing is
measured all calls that the layer changes count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.engine.run import Step
from costopt.model.effect import LayerReport


@dataclass(frozen=True)
class PolicyRisk:
    """Shares of the calls that the provider charged for in the baseline."""

    upper: float
    """What the limits of a policy are held against; at most 1."""
    worst_rate: float
    """The highest rate of a single layer, on its own scale."""
    unmeasured: tuple[str, ...]
    """Layers of which no risk is known although they change calls."""


def upper_rate(report: LayerReport) -> float:
    """Of the calls that the layer changes: the upper end; 1 where nothing is measured."""
    if not report.verified:
        return 1.0
    if report.bound is not None:
        return report.bound
    if report.risk.ci95 is not None:
        return report.risk.ci95[1]
    return report.risk.value or 0.0


def policy_risk(steps: Sequence[Step]) -> PolicyRisk:
    """Of a waterfall. No layers: none."""
    upper, worst, unmeasured = 0.0, 0.0, []
    for step in steps:
        calls = (
            step.after.touched
        )  # what the rate is a rate of: those found at risk are its numerator
        if not calls:
            continue
        rate = upper_rate(step.report)
        upper += calls / max(1, step.after.calls) * rate
        worst = max(worst, rate)
        if not step.report.verified:
            unmeasured.append(step.name)
    return PolicyRisk(min(1.0, upper), worst, tuple(dict.fromkeys(unmeasured)))
