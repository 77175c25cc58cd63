"""The layers whose risk is measured, or that have none: what the headline may count."""

from __future__ import annotations

from costopt.engine.evaluate import Layers
from costopt.engine.outcome import Executor
from costopt.engine.run import Step, waterfall


def verified_steps(executor: Executor, steps: list[Step]) -> list[Step]:
    """The waterfall of the verified layers alone: the others are removed and the rest run again.

    Until all that are left are verified at the place where they then stand.
    """
    while not all(step.report.verified for step in steps):
        left: Layers = tuple(step.layer for step in steps if step.report.verified)
        steps = waterfall(executor, left)
    return steps
