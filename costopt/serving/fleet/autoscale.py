"""An autoscaled fleet that keeps a level: the asked setting where it does, else one that starts earlier.

A replica that takes minutes to start comes too late for a rise that the fixed fleet stands through. A lower
target starts more of them before they are needed, a higher minimum keeps them overnight; both cost rent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from costopt.serving.arrivals import Arrivals
from costopt.serving.fleet.replica import Replica
from costopt.serving.fleet.run import serve
from costopt.serving.fleet.slo import Slo, verdict
from costopt.serving.fleet.terms import FleetRun, Routing, Scaling

HALVINGS = 4
"""Of the target, at most."""


@dataclass(frozen=True)
class Scaled:
    """An autoscaled fleet's run, and with which setting."""

    fleet: FleetRun
    scaling: Scaling
    keeps: bool
    as_asked: bool


def autoscaled(
    arrivals: Arrivals, one: Replica, scaling: Scaling, most: int,
    routing: Routing = Routing.LEAST_LOADED, *, fast: bool | None = None,
) -> FleetRun:  # fmt: skip
    """One run of a fleet that grows to at most so many replicas."""
    return serve(
        arrivals.workload(), most, one.cost, one.limits, routing, scaling=scaling,
        window_s=arrivals.span_s, fast=fast,
    )  # fmt: skip


def to_level(
    arrivals: Arrivals, one: Replica, scaling: Scaling, fixed: int, slo: Slo,
    routing: Routing = Routing.LEAST_LOADED, *, fast: bool | None = None,
) -> Scaled:  # fmt: skip
    """The asked setting up to the `fixed` fleet that keeps the level; where it does not, the cheapest that
    was tried with lower targets, a higher minimum and, where it came to its maximum, twice as many; where
    none does, as asked."""
    most = max(fixed, scaling.minimum)

    def run(setting: Scaling, limit: int) -> FleetRun:
        return autoscaled(arrivals, one, setting, limit, routing, fast=fast)

    asked = run(scaling, most)
    if verdict(asked.run, slo).keeps:
        return Scaled(asked, scaling, True, True)
    able = []
    for settings in _earlier(scaling, fixed, asked.most == most):
        for setting in settings:
            limits = (2 * most,) if setting == scaling else (most, 2 * most)
            if fleet := _kept(run, setting, limits, slo):
                able.append(Scaled(fleet, setting, True, False))
                break
    if not able:
        return Scaled(asked, scaling, False, True)
    return min(able, key=lambda found: float(found.fleet.paid_s.sum()))


def _kept(
    run: Callable[[Scaling, int], FleetRun], setting: Scaling, limits: Sequence[int], slo: Slo
) -> FleetRun | None:
    """With the first of these maxima that keeps the level."""
    for limit in limits:
        fleet = run(setting, limit)
        if verdict(fleet.run, slo).keeps:
            return fleet
        if fleet.most < limit:
            return None  # it never came to its maximum: a higher one changes nothing
    return None


def _earlier(scaling: Scaling, fixed: int, full: bool) -> Iterator[list[Scaling]]:
    """Lists of which the first that keeps the level counts: targets, falling, for a minimum each. `full`: as
    asked it came to its maximum, so that a higher one may do."""
    if full:
        yield [scaling]
    for minimum in sorted({scaling.minimum, max(scaling.minimum, math.ceil(fixed / 2))}):
        first = 0 if minimum > scaling.minimum else 1
        yield [
            scaling._replace(minimum=minimum, target=scaling.target / 2**halved)
            for halved in range(first, HALVINGS + 1)
        ]
