"""Walk forward: the cheapest policy under a risk limit, fitted on earlier sessions, told on later ones.

Three stretches of time. Settings are searched on the first; on the second, layers go that do not save
there or whose risk bound does not hold over both; the third is looked at once, for the figure that
counts. The prompt-cache model, too, is fitted on what comes before. The search is by coordinates: one
setting of one layer at a time, from the values that the layer's class names in `SEARCH`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from costopt.engine.cache_error import common_error
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.measured_notes import layers_measured
from costopt.engine.outcome import Executor, InProcess
from costopt.engine.parts_of import Int, part_of, sessions_in_order
from costopt.engine.policy import Policy
from costopt.engine.remembered import Remembered
from costopt.engine.risk import policy_risk
from costopt.engine.run import waterfall
from costopt.engine.search import Dropped, Grids, Search, too_risky, within
from costopt.engine.uncertainty import certainty, listed
from costopt.layers.discover import name_of
from costopt.model.ports import Progress, silent
from costopt.model.trace import Trace
from costopt.money import PicoUsd, usd_float

SEARCHED, CHECKED = 0.4, 0.6
"""Shares of the sessions at which the first and the second stretch end: as many sessions tell as were
searched, so that both figures are equally sure."""
MIN_SESSIONS = 15
"""Five sessions a stretch are few; with less nothing is fitted on one part and tested on another."""


@dataclass(frozen=True)
class Figures:
    """What the recommended policy comes to on one stretch."""

    sessions: int
    calls: int
    baseline_pusd: PicoUsd
    savings_pusd: PicoUsd
    savings_pct: float | None
    ci95_pct: list[float] | None
    ci_reason: str
    risk: float
    """Upper bound of the share of charged calls whose answer may differ."""

    def to_json(self) -> dict[str, Any]:
        return {
            "sessions": self.sessions, "calls": self.calls,
            "baseline_usd": usd_float(self.baseline_pusd),
            "savings_usd": usd_float(self.savings_pusd), "savings_pct": self.savings_pct,
            "ci95_pct": self.ci95_pct, "ci_reason": self.ci_reason, "risk": self.risk,
        }  # fmt: skip


@dataclass(frozen=True)
class Recommendation:
    """A policy with its figures inside and outside the sessions that it was fitted on."""

    policy: Policy
    max_risk: float
    in_sample: Figures | None
    """On the first two stretches together; None: too few sessions to fit and test."""
    out_of_sample: Figures | None
    """On the third: the one to believe."""
    dropped: tuple[Dropped, ...]
    tried: int
    """Policies that were priced."""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """`costopt.recommendation/1`; layers stand in the policy itself."""
        inside, outside = self.in_sample, self.out_of_sample
        return {
            "schema": "costopt.recommendation/1",
            "max_risk": self.max_risk,
            "layers": [name_of(layer) for layer in self.policy.layers],
            "in_sample": None if inside is None else inside.to_json(),
            "out_of_sample": None if outside is None else outside.to_json(),
            "dropped": [{"layer": d.layer, "reason": d.reason} for d in self.dropped],
            "tried": self.tried,
            "notes": list(self.notes),
        }


def recommend(
    evaluator: Evaluator, policy: Policy, *, max_risk: float, seed: int = 0,
    execute: Callable[[Evaluator], Executor] = InProcess,
    grids: Grids | None = None, progress: Progress = silent,
) -> Recommendation:  # fmt: skip
    """`policy`: the layers to choose from, in order. `grids`: values to try instead of the layers' own.
    `max_risk`: no layer's own rate and no sum over the policy may lie above it."""
    first, second, third = stretches_of(evaluator.trace)
    if min(len(first), len(second), len(third)) < MIN_SESSIONS // 3:
        said = (
            f"{len(evaluator.trace.sessions)} sessions: too few to fit on some and test on others."
        )
        dropped = tuple(Dropped(name_of(layer), "not tested") for layer in policy.layers)
        return Recommendation(
            replace(policy, layers=()), max_risk, None, None, dropped, 0, (said,)
        )  # fmt: skip
    searched = part_of(evaluator, first)
    chosen = Search(Remembered(execute(searched)), policy.layers, max_risk, grids, progress)
    chosen.run()
    both = np.concatenate((first, second))
    earlier = part_of(evaluator, both)
    checked = part_of(evaluator, second, searched.model.fit)
    later = part_of(evaluator, third, earlier.model.fit)
    checking, inside = Remembered(execute(checked)), Remembered(execute(earlier))
    layers, fallen = _kept(checking, inside, chosen.layers, max_risk)
    outside = execute(later)
    told = _figures(outside, later, layers, seed)
    return Recommendation(
        replace(policy, layers=layers, lines={}), max_risk, _figures(inside, earlier, layers, seed),
        told, (*chosen.left_out(), *fallen), chosen.tried,
        tuple(_warnings(told, outside, layers, max_risk, evaluator.trace)),
    )  # fmt: skip


def stretches_of(trace: Trace) -> tuple[Int, Int, Int]:
    """Sessions of the three stretches, by their first call."""
    order, _ = sessions_in_order(trace)
    first, second = (round(len(order) * share) for share in (SEARCHED, CHECKED))
    return order[:first], order[first:second], order[second:]


def _kept(
    checking: Executor, inside: Executor, layers: Layers, max_risk: float
) -> tuple[Layers, list[Dropped]]:
    """Layer by layer, the worst first: what does not save on the second stretch, or whose bound does not
    hold over both, goes; the others run again."""
    dropped: list[Dropped] = []
    while layers:
        worst = _worst(checking, layers) or _too_risky(inside, layers, max_risk)
        if worst is None:
            break
        place, reason = worst
        dropped.append(Dropped(name_of(layers[place]), reason))
        layers = layers[:place] + layers[place + 1 :]
    return layers, dropped


def _worst(executor: Executor, layers: Layers) -> tuple[int, str] | None:
    """The layer without which most more would be saved; None: each of them saves something."""
    without = [layers[:i] + layers[i + 1 :] for i in range(len(layers))]
    whole, *others = executor.outcomes([layers, *without])
    adds = [o.total_pusd - whole.total_pusd for o in others]
    place = min(range(len(adds)), key=lambda i: (adds[i], i))
    return (place, "saves nothing on later sessions") if adds[place] <= 0 else None


def _too_risky(executor: Executor, layers: Layers, max_risk: float) -> tuple[int, str] | None:
    """The riskiest layer of a policy outside the limit."""
    steps = waterfall(executor, layers)
    if within(steps, max_risk):
        return None
    rates = [policy_risk([step]).worst_rate for step in steps]
    place = max(range(len(rates)), key=lambda i: (not steps[i].report.verified, rates[i]))
    return place, too_risky(rates[place], steps[place].after.touched)


def _figures(executor: Executor, evaluator: Evaluator, layers: Layers, seed: int) -> Figures:
    (base,) = executor.outcomes([()])
    steps = waterfall(executor, layers)
    after = steps[-1].after if steps else base
    error = common_error(evaluator, seed)
    sure = certainty(executor, layers, base, after, evaluator.trace, error, seed)
    return Figures(
        len(evaluator.trace.sessions), evaluator.trace.n, base.total_pusd,
        PicoUsd(base.total_pusd - after.total_pusd), sure.pct, listed(sure.ci95_pct), sure.reason,
        policy_risk(steps).upper,
    )  # fmt: skip


def _warnings(
    told: Figures, executor: Executor, layers: Layers, max_risk: float, trace: Trace
) -> Iterator[str]:
    """What the last stretch says against it; it was not used to choose."""
    if not trace.has_time.all():
        yield "Without times earlier and later are the order of the log."
    yield "Caches begin empty on each stretch: hits across them are not counted."
    if layers and told.savings_pusd <= 0:
        yield "On the last sessions the policy saves nothing: do not use it."
    steps = waterfall(executor, layers)
    yield from layers_measured(steps)
    for step in steps:
        found = policy_risk([step])
        if found.worst_rate > max_risk:
            yield (
                f"{step.name}: on the last sessions alone its risk may be {100 * found.worst_rate:.3g} %: "
                "they are too few to put it below the limit, or it has risen."
            )
