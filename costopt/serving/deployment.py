"""What is asked of a self-hosted fleet, and the cheapest one that does it.

The layer `self_host`, `costopt selfhost` and the exports all ask here, so they mean the same machines.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from costopt.errors import UsageError
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.economics import Costed, costed
from costopt.serving.efficiency import Efficiencies
from costopt.serving.fleet.autoscale import Scaled, autoscaled, to_level
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.fleet.replica import GROUPS, Replica, replica
from costopt.serving.fleet.run import serve
from costopt.serving.fleet.size import MOST_REPLICAS, Sized, Unsized, smallest
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
    """Replicas come and go with the traffic, up to the fixed fleet's number; where they come too late for
    the level, with a lower target or a higher minimum that keeps it. None: they stand all day."""
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
    scaled: Scaled | None = None
    """How it is autoscaled, where the level was looked at."""

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

    @property
    def scaling(self) -> Scaling | None:
        """As simulated: the wish's own, or what keeps the level in its place."""
        return self.scaled.scaling if self.scaled else self.wish.scaling

    @property
    def notes(self) -> tuple[str, ...]:
        """What the numbers do not say of themselves."""
        return notes_of(self)


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
    able: list[Deployed] = []
    unable: list[Undeployed] = []
    for group in (wish.tensor_parallel,) if wish.tensor_parallel else GROUPS:
        most = _most(wish, group, able)
        found = _on_group(arrivals, wish, rent, group, most, fast) if most else None
        if isinstance(found, Undeployed):
            unable.append(found)
        elif found is not None:
            able.append(found)
    if not able:
        return unable[-1]
    best = min(able, key=lambda one: (one.cost.day.typical_pusd, one.gpus))
    return replace(best, others=tuple(unable))


def _most(wish: Wish, group: int, able: list[Deployed]) -> int:
    """Replicas of so many GPUs that could be cheaper than what is known; 0: none."""
    if not able or wish.scaling:
        return MOST_REPLICAS
    if wish.replicas:
        return 0  # as many replicas of more GPUs
    return (min(one.gpus for one in able) - 1) // group


def _on_group(
    arrivals: Arrivals, wish: Wish, rent: Rent, group: int, most: int, fast: bool | None
) -> Deployed | Undeployed | None:
    """With replicas of so many GPUs each; None: only larger fleets than asked about could."""
    try:
        one = replica(
            wish.shape, wish.gpu, arrivals, precision_name=wish.precision, tensor_parallel=group,
            engine_name=wish.engine, kv_cache=wish.kv_cache, drafts=wish.drafts,
            efficiencies=wish.efficiencies,
        )  # fmt: skip
    except UsageError as error:
        return Undeployed(wish.gpu, error.message)
    if wish.replicas:
        fleet = _given(arrivals, one, wish, fast)
        return Deployed(wish, one, fleet, costed(fleet, one, arrivals, rent), rent)
    sized = smallest(arrivals, one, wish.slo, wish.routing, most=most, fast=fast)
    if isinstance(sized, Unsized):
        if sized.tried and most < MOST_REPLICAS:
            return None
        who = f"{wish.shape.name} on {one.gpus} x {rent.gpu}"
        return Undeployed(rent.gpu, f"{who}: {sized.reason}")
    fleet, scaled = sized.fleet, None
    if wish.scaling:
        scaled = to_level(
            arrivals, one, wish.scaling, sized.replicas, wish.slo, wish.routing, fast=fast
        )
        fleet = scaled.fleet
    money = costed(fleet, one, arrivals, rent)
    return Deployed(wish, one, fleet, money, rent, sized, scaled=scaled)


def _given(arrivals: Arrivals, one: Replica, wish: Wish, fast: bool | None) -> FleetRun:
    """As many replicas as the wish says, at most or all day."""
    if wish.scaling:
        return autoscaled(arrivals, one, wish.scaling, wish.replicas, wish.routing, fast=fast)
    return serve(
        arrivals.workload(), wish.replicas, one.cost, one.limits, wish.routing,
        window_s=arrivals.span_s, fast=fast,
    )  # fmt: skip


def notes_of(found: Deployed) -> tuple[str, ...]:
    """Rules that were taken over, what is not simulated, and where the wish was not followed."""
    notes, one, scaled = [], found.one, found.scaled
    if one.engine.name in ("sglang", "trtllm"):
        notes.append(
            f"{one.engine.name} is simulated with its own limits under vLLM's scheduling rules; "
            "how its scheduler differs is not in the times."
        )
    if found.wish.terms == Terms.RESERVED:
        gpus = f"{found.gpus} GPUs" if found.gpus > 1 else "1 GPU"
        notes.append(
            f"Reserved machines are paid day and night: {gpus}, as many as are needed at once, also in "
            "hours that need fewer."
        )
    if found.wish.terms == Terms.SPOT:
        notes.append(
            "Spot machines may be taken away at short notice; that is not simulated. How often is assumed "
            "nowhere: latencies are those of a fleet that is left alone."
        )
    if one.served.draft_schedule:
        notes.append(
            "The draft length follows the running sequences. vLLM says that it has tested this with "
            "EAGLE, EAGLE-3 and DFlash alone."
        )
    if scaled and not scaled.as_asked:
        notes.append(
            f"Autoscaling as asked comes too late for the level; with {scaled.scaling.target:g} a replica, "
            f"from {scaled.scaling.minimum} to {found.replicas} of them, it is kept."
        )
    standing = found.sized.replicas * one.gpus if found.sized else 0
    if scaled and scaled.keeps and 0 < standing * DAY_S <= found.cost.gpu_seconds:
        notes.append(f"{standing} GPUs that stand all day cost no more than this autoscaling.")
    if scaled and not scaled.keeps and found.sized:
        notes.append(
            f"No autoscaling that was tried keeps the level; {found.sized.replicas} replicas that stand "
            "all day do."
        )
    return tuple(notes)
