"""What is asked of a self-hosted fleet, and the cheapest one that does it.

The layer `self_host`, `costopt selfhost` and the exports all ask here, so they mean the same machines.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from costopt.errors import UsageError
from costopt.serving.arrivals import Arrivals
from costopt.serving.economics import Costed, costed
from costopt.serving.efficiency import Efficiencies
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.fleet.replica import GROUPS, Replica, replica
from costopt.serving.fleet.run import serve
from costopt.serving.fleet.size import Sized, Unsized, autoscaled, smallest
from costopt.serving.fleet.slo import Slo, attained
from costopt.serving.fleet.terms import FleetRun, Routing, Scaling
from costopt.serving.models import ModelShape
from costopt.serving.rents import Rent, Rents, Terms, Unrented

USUAL_SLO = Slo(ttft_s=5.0, tpot_s=0.1, percentile=95.0)
"""A reader's patience: the first word within 5 s, then ten tokens a second, for 95 % of the requests.
An assumption that users should replace; a looser level makes fleets smaller."""


@dataclass(frozen=True)
class Wish:
    """A model on one kind of GPU under one engine, at a level and terms."""

    shape: ModelShape
    gpu: str
    engine: str = "vllm"
    precision: str = ""
    """Empty: the model's own."""
    tensor_parallel: int = 0
    """GPUs of a replica; 0: whichever of 1, 2, 4 and 8 is cheapest in all."""
    kv_cache: str = "auto"
    slo: Slo = USUAL_SLO
    routing: Routing = Routing.LEAST_LOADED
    terms: Terms = Terms.ON_DEMAND
    replicas: int = 0
    """So many, whether they keep the level or not; 0: the fewest that do."""
    scaling: Scaling | None = None
    """Replicas come and go with the traffic, up to the fixed fleet's number; None: they stand all day."""
    drafts: Drafts | None = None
    """Speculative decoding; None: none."""
    efficiencies: Efficiencies | None = None
    """Constants of a calibrated profile; None: the shipped ones."""


@dataclass(frozen=True)
class Deployed:
    """The cheapest fleet that serves it so."""

    wish: Wish
    one: Replica
    fleet: FleetRun
    """Of the arrivals it was sized for."""
    cost: Costed
    rent: Rent
    sized: Sized | None = None
    """The fixed fleet's search; None: the number of replicas was given."""
    others: tuple[Undeployed, ...] = field(default=())
    """Groups of GPUs that were tried and cannot."""

    @property
    def replicas(self) -> int:
        """Rented at the same time, at most."""
        return self.fleet.most

    @property
    def gpus(self) -> int:
        return self.replicas * self.one.gpus

    @property
    def keeps(self) -> bool:
        """Every limit of the level is kept."""
        wanted = self.wish.slo.percentile / 100
        return all(one.share >= wanted for one in attained(self.fleet.run, self.wish.slo))


@dataclass(frozen=True, slots=True)
class Undeployed:
    """This cannot be done on this GPU, or nobody is known to rent it: why."""

    gpu: str
    reason: str


def deploy(
    arrivals: Arrivals, wish: Wish, rents: Rents, *, fast: bool | None = None
) -> Deployed | Undeployed:
    """The cheapest way to serve these requests as wished, at the typical rent.

    A replica is tried on 1, 2, 4 and 8 GPUs (unless `tensor_parallel` says): more than hold the weights
    leave more room for the cache and are often cheaper in all. UsageError: an unknown GPU, engine or
    precision.
    """
    rent = rents.rent(wish.gpu, wish.terms)
    if isinstance(rent, Unrented):
        return Undeployed(wish.gpu, rent.reason)
    groups = (wish.tensor_parallel,) if wish.tensor_parallel else GROUPS
    tried = [_on_group(arrivals, wish, rent, group, fast) for group in groups]
    able = [one for one in tried if isinstance(one, Deployed)]
    unable = tuple(one for one in tried if isinstance(one, Undeployed))
    if not able:
        return unable[-1]
    best = min(able, key=lambda one: (one.cost.day.typical_pusd, one.gpus))
    return replace(best, others=unable)


def _on_group(
    arrivals: Arrivals, wish: Wish, rent: Rent, group: int, fast: bool | None
) -> Deployed | Undeployed:
    """With replicas of so many GPUs each."""
    try:
        one = replica(
            wish.shape, wish.gpu, arrivals, precision_name=wish.precision, tensor_parallel=group,
            engine_name=wish.engine, kv_cache=wish.kv_cache, drafts=wish.drafts,
            efficiencies=wish.efficiencies,
        )  # fmt: skip
    except UsageError as error:
        return Undeployed(wish.gpu, error.message)
    found = _fleet(arrivals, one, wish, fast)
    if isinstance(found, Unsized):
        who = f"{wish.shape.name} on {one.gpus} x {rent.gpu}"
        return Undeployed(rent.gpu, f"{who}: {found.reason}")
    fleet, sized = found
    return Deployed(wish, one, fleet, costed(fleet, one, arrivals, rent), rent, sized)


def _fleet(
    arrivals: Arrivals, one: Replica, wish: Wish, fast: bool | None
) -> tuple[FleetRun, Sized | None] | Unsized:
    """The fleet and the search that found it."""
    sized: Sized | None = None
    most = wish.replicas
    if not most:
        found = smallest(arrivals, one, wish.slo, wish.routing, fast=fast)
        if isinstance(found, Unsized):
            return found
        sized, most = found, found.replicas
    if wish.scaling:
        return autoscaled(arrivals, one, wish.scaling, most, wish.routing, fast=fast), sized
    if sized:
        return sized.fleet, sized
    return _fixed(arrivals, one, most, wish.routing, fast), None


def _fixed(
    arrivals: Arrivals, one: Replica, replicas: int, routing: Routing, fast: bool | None
) -> FleetRun:
    return serve(
        arrivals.workload(), replicas, one.cost, one.limits, routing, window_s=arrivals.span_s,
        fast=fast,
    )  # fmt: skip
