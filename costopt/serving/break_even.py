"""Where renting GPUs begins to pay: solved by simulating the scaled traffic, not by dividing prices.

A fleet of n replicas costs n rents whatever it does, and an API bill grows with the traffic. n replicas
therefore pay from the multiple of today's traffic on at which the bill equals n rents - if they can serve
that much within the service level, which one simulation decides. The break-even is the smallest such
multiple. Where one replica can, it is one replica's rent; where even many cannot, renting never pays on
this GPU, and the reason is a token's cost, not the volume. Just above the break-even traffic may grow
into one more replica before that one's rent is earned: the crossing chart shows these teeth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from costopt.money import PicoUsd
from costopt.serving.arrivals import Arrivals
from costopt.serving.arrivals_scaled import scaled
from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Run
from costopt.serving.economics import Costed, api_bill_pusd, costed
from costopt.serving.fleet.replica import Replica
from costopt.serving.fleet.run import part, serve
from costopt.serving.fleet.size import Sized, Unsized, even_alone, smallest
from costopt.serving.fleet.slo import Slo, attained, verdict
from costopt.serving.fleet.terms import Routing
from costopt.serving.rents import Rent

SIZES = (1, 2, 4)
"""Fleets that are tried. The traffic of each replica is the same in all; larger ones only share their
peaks better, and hardly better than these."""
SAMPLE = 5_000
"""Requests from which the most that a replica can serve is found."""
SLACK = 1.05
"""Traffic so far beyond that is not simulated: the sample, too, is only a sample."""
FAR_SHARE = 0.5
"""A fleet that keeps the level for so few is overloaded, not unlucky: larger ones are not tried."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From here on the fleet is not dearer than the API."""

    multiple: float
    """Of today's traffic."""
    tokens_per_day: float
    replicas: int
    day_pusd: PicoUsd
    """What both cost there."""


@dataclass(frozen=True, slots=True)
class NeverEven:
    """Renting does not pay at any traffic that was tried: why."""

    reason: str
    tried_multiple: float
    """The largest that was simulated; 0: none had to be."""


@dataclass(frozen=True)
class Problem:
    """Whose traffic, on what, at which level and rent, against which bill."""

    arrivals: Arrivals
    one: Replica
    slo: Slo
    rent: Rent
    api_per_day_pusd: int
    routing: Routing = Routing.LEAST_LOADED
    seed: int = 0


def break_even(
    problem: Problem,
    rent_pusd: int | None = None,
    sizes: Sequence[int] = SIZES,
    *,
    fast: bool | None = None,
) -> BreakEven | NeverEven:
    """The smallest multiple of today's traffic at which a fleet costs no more than the API.

    `rent_pusd`: a GPU-second, the typical rent by default.
    """
    if not problem.arrivals.n:
        return NeverEven("there is no traffic", 0.0)
    refused = even_alone(problem.arrivals.workload(), problem.one, problem.slo, fast=fast)
    if refused:
        return NeverEven(refused, 0.0)
    if problem.api_per_day_pusd <= 0:
        return NeverEven("the API bill is $0", 0.0)
    second = problem.rent.typical_pusd if rent_pusd is None else rent_pusd
    each = problem.one.gpus * 86_400 * second
    bought, most = each / problem.api_per_day_pusd, ceiling(problem, fast=fast)
    if bought > SLACK * most:
        return NeverEven(
            f"a replica's rent buys {_times(bought)} times this traffic at the API; working all day "
            f"without a pause it serves {_times(most)} times",
            0.0,
        )
    tried = 0
    for replicas in sizes:
        tried, run = replicas, run_at(problem, replicas, replicas * bought, fast=fast)
        if verdict(run, problem.slo).keeps:
            volume = problem.arrivals.tokens_per_day * replicas * bought
            return BreakEven(replicas * bought, volume, replicas, PicoUsd(replicas * each))
        if min(level.share for level in attained(run, problem.slo)) < FAR_SHARE:
            break
    many = f"{tried} replicas do" if tried > 1 else "a replica does"
    return NeverEven(
        f"{many} not keep the level at {_times(bought)} times this traffic each", tried * bought
    )


def _times(multiple: float) -> str:
    """`1,130`, `21`, `0.4`: no powers of ten."""
    return f"{multiple:,.0f}" if multiple >= 100 else f"{multiple:.3g}"


def ceiling(problem: Problem, *, fast: bool | None = None) -> float:
    """The multiple of today's traffic that one replica serves if it never waits for a request."""
    arrivals = problem.arrivals
    rows = np.arange(min(arrivals.n, SAMPLE))
    sample = replace(part(arrivals.workload(), rows), arrive_s=np.zeros(len(rows)))
    run = simulate(sample, problem.one.cost, problem.one.limits, fast=fast)
    return arrivals.span_s / run.span_s * len(rows) / arrivals.n if run.span_s else 0.0


def break_even_range(
    problem: Problem, *, fast: bool | None = None
) -> tuple[BreakEven | NeverEven, ...]:
    """The same at the low, the typical and the high rent, each simulated at its own traffic."""
    rent = problem.rent
    prices = (rent.low_pusd, rent.typical_pusd, rent.high_pusd)
    return tuple(break_even(problem, price, fast=fast) for price in prices)


def run_at(problem: Problem, replicas: int, multiple: float, *, fast: bool | None = None) -> Run:
    """So many replicas under this multiple of the traffic."""
    arrivals = scaled(problem.arrivals, multiple, problem.seed)
    fleet = serve(
        arrivals.workload(), replicas, problem.one.cost, problem.one.limits, problem.routing,
        window_s=arrivals.span_s, fast=fast,
    )  # fmt: skip
    return fleet.run


def carries(problem: Problem, replicas: int, multiple: float, *, fast: bool | None = None) -> bool:
    """Whether so many replicas serve this multiple of the traffic within the level."""
    return verdict(run_at(problem, replicas, multiple, fast=fast), problem.slo).keeps


@dataclass(frozen=True)
class Point:
    """One place of the crossing chart."""

    multiple: float
    tokens_per_day: float
    api_pusd: PicoUsd
    fleet: Costed | None
    """None: no fleet keeps the level there."""
    replicas: int
    reason: str = ""


def crossing(
    problem: Problem, multiples: Sequence[float], *, fast: bool | None = None
) -> tuple[Point, ...]:
    """API bill and smallest fleet at several multiples of today's traffic, ascending."""
    points = []
    for multiple in sorted(multiples):
        arrivals = scaled(problem.arrivals, multiple, problem.seed)
        volume = problem.arrivals.tokens_per_day * multiple
        bill = api_bill_pusd(problem.api_per_day_pusd, multiple)
        if arrivals.n:
            found = smallest(arrivals, problem.one, problem.slo, problem.routing, fast=fast)
        else:
            found = Unsized("no session is left at this scale")
        if isinstance(found, Sized):
            money = costed(found.fleet, problem.one, arrivals, problem.rent)
            points.append(Point(multiple, volume, bill, money, found.replicas))
        else:
            points.append(Point(multiple, volume, bill, None, 0, found.reason))
    return tuple(points)
