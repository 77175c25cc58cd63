"""`costopt sweep`: one policy with many settings over one trace; what they share is made once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from costopt.engine.policy import Policy
from costopt.report.render.sweep import Swept
from costopt.wiring.executing import Execution, watched
from costopt.wiring.policy.grid import at_point, parse_grid
from costopt.wiring.progress import progress_for
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions
from costopt.wiring.simulating import policy_of, prepare


def sweep(
    options: TraceOptions, settings: Sequence[str], policy: Path | Policy = DEFAULT_POLICY,
    execution: Execution | None = None,
) -> Swept:  # fmt: skip
    """Every point of the grid. Raises UsageError with the nearest name, before anything is read."""
    from costopt.engine.sweep import sweep_points

    checked = policy_of(policy)
    axes = parse_grid(settings, checked)
    points = []
    for values in product(*(axis.values for axis in axes)):
        point = {axis.name: value for axis, value in zip(axes, values, strict=True)}
        points.append((point, at_point(checked, axes, point).layers))
    prepared = prepare(options, checked)
    lists = len({layers[:k] for _, layers in points for k in range(len(layers) + 1)})
    with (
        (execution or Execution()).executor(prepared.evaluator, checked) as executor,
        watched(executor, progress_for(options), "trying settings", lists) as watching,
    ):
        result = sweep_points(watching, points)
    return Swept(checked.name, prepared.evaluator.prices.as_of.isoformat(), result)
