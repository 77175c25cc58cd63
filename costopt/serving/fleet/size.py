"""The smallest fleet that keeps a service level on given arrivals: fleets are simulated until it is found.

The search begins where a fluid of work says (`estimate.py`) and walks; what it finds was simulated, and so
was the fleet with one less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from costopt.serving.arrivals import Arrivals
from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Run, Workload
from costopt.serving.fleet.estimate import estimate
from costopt.serving.fleet.replica import Replica
from costopt.serving.fleet.run import part, serve
from costopt.serving.fleet.slo import Attained, Slo, Verdict, attained, verdict
from costopt.serving.fleet.terms import FleetRun, Routing

MOST_REPLICAS = 256
APART_S = 1e5
"""So far apart that every request has the replica to itself."""
ALONE = 4_000
"""Requests, evenly over the traffic, that are served one by one before any fleet is; all where that leaves
open whether a fleet can keep the level."""


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
    tried: int = 0
    """The largest fleet that was simulated; 0: none had to be."""


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
    """From the estimate in growing strides, then halving the interval, then down as long as one less keeps
    it too. `most`: no larger fleet is looked at."""
    load = arrivals.workload()
    refused = even_alone(load, one, slo, fast=fast)
    if refused:
        return Unsized(refused)

    def run(replicas: int) -> FleetRun:
        return serve(
            load, replicas, one.cost, one.limits, routing, window_s=arrivals.span_s, fast=fast
        )

    return search(run, slo, most, estimate(load, one, slo, most, fast=fast))


def search(run: Runs, slo: Slo, most: int, start: int = 1) -> Sized | Unsized:
    """The same with any way to run a fleet of a size."""
    known: dict[int, tuple[FleetRun, Verdict]] = {}

    def keeps(replicas: int) -> bool:
        if replicas not in known:
            fleet = run(replicas)
            known[replicas] = fleet, verdict(fleet.run, slo)
        return known[replicas][1].keeps

    low, high = _around(min(max(start, 1), most), most, keeps)
    if high > most:
        many = f"{most} replicas do" if most > 1 else "1 replica does"
        return Unsized(f"{many} not keep it either", most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    while high > 1 and keeps(high - 1):
        high -= 1
    return _sized(high, known, keeps, most, slo)


def _around(start: int, most: int, keeps: Callable[[int], bool]) -> tuple[int, int]:
    """(one that does not keep it, or 0; one that does, or beyond the most).

    Strides are 1, 1, 2, 3, 5, ...: the estimate is mostly off by one or two, and a fleet that is far too
    small takes longest to simulate.
    """
    low, high, stride, following = start, start, 1, 1
    if keeps(start):
        while low and keeps(low):
            high, low = low, max(low - stride, 0)
            stride, following = following, stride + following
        return low, high
    while high <= most and not keeps(high):
        low, high = high, min(high + stride, most) if high < most else most + 1
        stride, following = following, stride + following
    return low, high


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
    for fewer in (1, 2, 4):
        if best > fewer and not _missed(known, best):
            keeps(best - fewer)
    fleet = known[best][0]
    tried = tuple((n, known[n][1]) for n in sorted(known))
    return Sized(
        best,
        max(_missed(known, best), default=0) + 1,
        min(sure, default=None),
        fleet,
        attained(fleet.run, slo),
        tried,
    )


def _missed(known: dict[int, tuple[FleetRun, Verdict]], best: int) -> list[int]:
    """Smaller ones that surely miss the level."""
    return [n for n, (_, found) in known.items() if found == Verdict.MISSED and n < best]


def even_alone(load: Workload, one: Replica, slo: Slo, *, fast: bool | None = None) -> str:
    """Why no number of replicas can do it; empty where requests served one by one keep the level."""
    if not one.room.fits:
        return one.room.reason
    if load.n > ALONE:
        rows = np.linspace(0, load.n - 1, ALONE).astype(np.int64)
        levels = attained(_apart(part(load, rows), one, fast), slo)
        if all(level.low >= slo.percentile / 100 for level in levels):
            return ""
    return _why_missed(_apart(load, one, fast), slo)


def _apart(load: Workload, one: Replica, fast: bool | None) -> Run:
    """Each request when nobody else is there."""
    apart = replace(load, arrive_s=APART_S * np.arange(load.n, dtype=np.float64))
    return simulate(apart, one.cost, one.limits, fast=fast)


def _why_missed(run: Run, slo: Slo) -> str:
    """The first limit that is missed; empty where none is."""
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
