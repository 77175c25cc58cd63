"""The trace behind the policy's other layers, and the API bill that a fleet's rent stands against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.handed import Handed
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.run import waterfall
from costopt.engine.verified import verified_steps
from costopt.layers.discover import name_of
from costopt.layers.self_host import SelfHost
from costopt.model.view import View
from costopt.money import exact_sum, usd_float
from costopt.report.selfhost import ApiBill
from costopt.wiring.phases import phase
from costopt.wiring.progress import progress_for
from costopt.wiring.request import TraceOptions
from costopt.wiring.selfhosting.fleet_traffic import Moving
from costopt.wiring.simulating import Prepared, prepare


@dataclass(frozen=True)
class Stage:
    """A trace behind the layers whose saving is verified: the others may not lower the bill either."""

    prepared: Prepared
    policy: Policy
    """The other layers, unverified ones included."""
    layers: Layers
    """Those that count."""
    unverified: list[str]
    view: View
    artifacts: Handed

    @property
    def evaluator(self) -> Evaluator:
        return self.prepared.evaluator


def behind(options: TraceOptions, others: Policy, layer: SelfHost) -> Stage:
    """Reads and prices the trace. Raises UsageError, InputError."""
    prepared = prepare(options, others)
    evaluator = prepared.evaluator
    with phase(progress_for(options), "simulating the policy's other layers"):
        executor = InProcess(evaluator)
        steps = waterfall(executor, others.layers)
        sure = tuple(step.layer for step in verified_steps(executor, steps))
        state = evaluator.state(sure)
    out = [name_of(one) for one in others.layers if one not in sure]
    return Stage(prepared, others, sure, out, state.view, evaluator.handed_to(layer))


def bill_of(stage: Stage, found: Moving) -> ApiBill:
    """As logged and behind the layers, of all calls and of those that would move."""
    evaluator, moved = stage.evaluator, found.moves.moved
    before = evaluator.baseline
    after, every = (
        evaluator.priced(evaluator.state(layers)).total_pusd
        for layers in (stage.layers, stage.policy.layers)
    )
    return ApiBill(
        policy=stage.policy.name, layers=[name_of(one) for one in stage.layers],
        unverified=stage.unverified, logged_usd=usd_float(before.total_pusd),
        after_usd=usd_float(after), after_unverified_usd=usd_float(every),
        moved_logged_usd=usd_float(exact_sum(before.net_pusd[moved])),
        moved_usd=usd_float(found.moved_pusd), moved_usd_per_day=usd_float(found.day_pusd),
        compared_usd_per_day=usd_float(round(found.day_pusd * found.scale)),
        stay_rise_usd=usd_float(_rise(stage, found)), per_token=found.source != "log",
    )  # fmt: skip


def _rise(stage: Stage, found: Moving) -> int:
    """The calls that stay are billed without those that filled the provider's cache for them."""
    moved, columns = found.moves.moved, found.moves.columns()
    without = stage.view.edited(**{column.value: value for column, value in columns.items()})
    stay = ~moved & stage.evaluator.known
    bills = [found.artifacts.bill(view) for view in (without, stage.view)]
    sums = [int(exact_sum(np.where(stay & b.priced, b.net_pusd, 0))) for b in bills]
    return sums[0] - sums[1]
