"""The smallest fleet that keeps a service level on given arrivals: fleets are simulated until it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from costopt.serving.arrivals import Arrivals
from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Workload
from costopt.serving.fleet.replica import Replica
from costopt.serving.fleet.run import serve
from costopt.serving.fleet.slo import Attained, Slo, Verdict, attained, verdict
from costopt.serving.fleet.terms import FleetRun, Routing, Scaling

MOST_REPLICAS = 256
APART_S = 1e5
"""So far apart that every request has the replica to itself."""


@dataclass(frozen=True)
class Sized:
    """The smallest fleet, and how sure that is."""

    replicas: int
    at_least: int
    """The largest fleet looked at that surely misses the level has one less."""
    at_most: int | None
    """So many surely keep it; None where none that was looked at does."""
    fleet: FleetRun
    levels: tuple[Attained, ...]
    tried: tuple[tuple[int, Verdict], ...]


@dataclass(frozen=True, slots=True)
class Unsized:
    """No fleet of this kind keeps the level: why."""

    reason: str


Runs = Callable[[int], FleetRun]


def smallest(
    arrivals: Arrivals,
    one: Replica,
    slo: Slo,
    routing: Routing = Routing.LEAST_LOADED,
    *,
    most: int = MOST_REPLICAS,
    fast: bool | None = None,
) -> Sized | Unsized:
    """Doubling, then halving the interval, then down as long as one less keeps it too."""
    load = arrivals.workload()
    refused = even_alone(load, one, slo, fast=fast)
    if refused:
        return Unsized(refused)

    def run(replicas: int) -> FleetRun:
        return serve(
            load, replicas, one.cost, one.limits, routing, window_s=arrivals.span_s, fast=fast
        )

    return search(run, slo, most)


def search(run: Runs, slo: Slo, most: int) -> Sized | Unsized:
    """The same with any way to run a fleet of a size."""
    known: dict[int, tuple[FleetRun, Verdict]] = {}

    def keeps(replicas: int) -> bool:
        if replicas not in known:
            fleet = run(replicas)
            known[replicas] = fleet, verdict(fleet.run, slo)
        return known[replicas][1].keeps

    high = 1
    while not keeps(high):
        if high >= most:
            return Unsized(f"{most} replicas do not keep it either")
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    while high > 1 and keeps(high - 1):
        high -= 1
    return _sized(high, known, keeps, most, slo)


def _sized(
    best: int,
    known: dict[int, tuple[FleetRun, Verdict]],
    keeps: Callable[[int], bool],
    most: int,
    slo: Slo,
) -> Sized:
    """With the sizes around it that the simulation cannot tell apart."""
    sure = [n for n, (_, found) in known.items() if found == Verdict.KEPT and n >= best]
    for more in (0, 1, 2, 4, 8, 16):
        if not sure and best + more <= min(most, 2 * best + 4) and keeps(best + more):
            sure = [best + more] if known[best + more][1] == Verdict.KEPT else []
    missed = [n for n, (_, found) in known.items() if found == Verdict.MISSED and n < best]
    fleet = known[best][0]
    tried = tuple((n, known[n][1]) for n in sorted(known))
    return Sized(
        best,
        max(missed, default=0) + 1,
        min(sure, default=None),
        fleet,
        attained(fleet.run, slo),
        tried,
    )


def even_alone(load: Workload, one: Replica, slo: Slo, *, fast: bool | None = None) -> str:
    """Why no number of replicas can do it; empty where requests served one by one keep the level."""
    if not one.room.fits:
        return one.room.reason
    apart = Workload(
        APART_S * np.arange(load.n, dtype=np.float64), load.prompt_tokens, load.output_tokens, 0,
        load.block_offsets, load.block_ids,
    )  # fmt: skip
    run = simulate(apart, one.cost, one.limits, fast=fast)
    wanted = slo.percentile / 100
    for level in attained(run, slo):
        if level.share < wanted:
            unserved = float(1 - run.served.mean())
            if unserved > 1 - wanted:
                return f"{unserved:.1%} of the requests do not fit into its KV cache"
            return (
                f"even alone, {level.limit.upper()} at the {slo.percentile:g}th percentile is "
                f"{level.value_s:.3g} s; {level.limit_s:.3g} s are asked"
            )
    return ""


def autoscaled(
    arrivals: Arrivals, one: Replica, scaling: Scaling, most: int,
    routing: Routing = Routing.LEAST_LOADED, *, fast: bool | None = None,
) -> FleetRun:  # fmt: skip
    """One run of a fleet that grows to at most so many replicas."""
    return serve(
        arrivals.workload(), most, one.cost, one.limits, routing, scaling=scaling,
        window_s=arrivals.span_s, fast=fast,
    )  # fmt: skip
