"""A fleet's settings and what a run of it gives: routing, autoscaling, columns over requests and replicas."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from costopt.errors import UsageError
from costopt.serving.core.terms import Float, Int, Run

PREFIX_SHARE = 0.3
"""Of a prompt that a replica must have cached to be preferred for it."""
BALANCE_REQUESTS, BALANCE_RATIO = 64, 1.5
"""A fleet so out of balance (both of them) is balanced first.

The three are the defaults of SGLang's gateway (--cache-threshold, --balance-abs-threshold,
--balance-rel-threshold): https://github.com/lightseekorg/smg, docs/getting-started/load-balancing.md,
read 2026-11-25."""


class Routing(IntEnum):
    """Which replica a request goes to."""

    ROUND_ROBIN = 0
    LEAST_LOADED = 1
    """The one with the fewest requests in flight; among equals the next in turn."""
    PREFIX_AWARE = 2
    """The one whose cache holds most of the prompt, as a router sees it that follows the engines' cache
    events; the least loaded where none holds enough or the fleet is out of balance."""


class Signal(IntEnum):
    """What a fleet is scaled by: a sum over its replicas."""

    IN_FLIGHT = 0
    """Requests that run or wait: utilisation."""
    QUEUE = 1
    """Requests that wait."""


class Scaling(NamedTuple):
    """Autoscaling as Kubernetes' HorizontalPodAutoscaler does it: replicas = ceil(signal / target).

    https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/, read 2026-11-25: period
    15 s, tolerance 0.1, scaling in by the largest wish of the last 300 s.
    """

    signal: int = int(Signal.IN_FLIGHT)
    target: float = 32.0
    """Per replica."""
    minimum: int = 1
    start_s: float = 300.0
    """From the decision until a new replica takes requests: machine, image, weights. Paid for."""
    period_s: float = 15.0
    tolerance: float = 0.1
    settle_s: float = 300.0

    def checked(self, most: int) -> Scaling:
        """Itself; UsageError where it cannot work with at most so many replicas."""
        if not 1 <= self.minimum <= most:
            raise UsageError(
                f"A fleet of at most {most} replicas cannot keep {self.minimum} running."
            )
        if min(self.target, self.period_s) <= 0 or min(self.start_s, self.settle_s) < 0:
            raise UsageError("Targets and periods of autoscaling must be above 0.")
        return self


@dataclass(frozen=True)
class FleetRun:
    """One run of a fleet over a workload."""

    run: Run
    """All requests in the workload's order; totals are sums over replicas, the peak that of one."""
    replica: Int
    """[request] which one served it; -1: none can."""
    busy_s: Float
    """[replica] in which a step ran."""
    paid_s: Float
    """[replica] rented, from the window's begin to its end or, where it is later, the last answer."""
    most: int
    """Replicas rented at the same time, at most."""
    moves: Int = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    """[change] (second of the window, replicas rented from then on) of an autoscaled fleet."""

    @property
    def utilisation(self) -> float:
        """Share of the rented time in which a step ran."""
        paid = float(self.paid_s.sum())
        return float(self.busy_s.sum()) / paid if paid else 0.0

    @property
    def idle_hours(self) -> float:
        """Rented hours without a step, all replicas together."""
        return float(self.paid_s.sum() - self.busy_s.sum()) / 3600
