"""For one model and one traffic: the smallest fleet of each kind of GPU, and what it rents for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from costopt.errors import UsageError
from costopt.serving.arrivals import Arrivals
from costopt.serving.economics import Costed, costed
from costopt.serving.fleet.replica import GROUPS, Replica, replica
from costopt.serving.fleet.size import Sized, Unsized, smallest
from costopt.serving.fleet.slo import Slo
from costopt.serving.fleet.terms import Routing
from costopt.serving.models import ModelShape
from costopt.serving.rents import Rent, Rents, Terms, Unrented


@dataclass(frozen=True)
class Offer:
    """The cheapest way to serve it on one kind of GPU at these terms."""

    one: Replica
    sized: Sized
    cost: Costed


@dataclass(frozen=True, slots=True)
class NoOffer:
    """This GPU cannot do it, or nobody is known to rent it: why."""

    gpu: str
    reason: str


def offers(
    arrivals: Arrivals,
    shape: ModelShape,
    gpus: Iterable[str],
    slo: Slo,
    rents: Rents,
    terms: Terms = Terms.ON_DEMAND,
    *,
    precision_name: str = "",
    engine_name: str = "vllm",
    routing: Routing = Routing.LEAST_LOADED,
    fast: bool | None = None,
) -> tuple[Offer | NoOffer, ...]:
    """Cheapest first, then those that cannot, in the order asked.

    A kind of GPU is tried in groups of 1, 2, 4 and 8 for each replica; more GPUs than hold the weights
    leave more room for the cache and are often cheaper in all.
    """
    found: list[Offer] = []
    none: list[NoOffer] = []
    for name in gpus:
        rent = rents.rent(name, terms)
        if isinstance(rent, Unrented):
            none.append(NoOffer(name, rent.reason))
            continue
        kinds = _groups(arrivals, shape, name, precision_name, engine_name)
        tried = [_try(arrivals, one, slo, rent, routing, fast) for one in kinds]
        able = [offer for offer in tried if isinstance(offer, Offer)]
        if able:
            found.append(min(able, key=lambda offer: offer.cost.day.typical_pusd))
        else:
            none.append([offer for offer in tried if isinstance(offer, NoOffer)][-1])
    found.sort(key=lambda offer: offer.cost.day.typical_pusd)
    return (*found, *none)


def _groups(
    arrivals: Arrivals, shape: ModelShape, gpu_name: str, precision_name: str, engine_name: str
) -> list[Replica | NoOffer]:
    """A replica on each group that holds the model."""
    found: list[Replica | NoOffer] = []
    for group in GROUPS:
        try:
            found.append(
                replica(
                    shape, gpu_name, arrivals, precision_name=precision_name,
                    tensor_parallel=group, engine_name=engine_name,
                )
            )  # fmt: skip
        except UsageError as error:
            found.append(NoOffer(gpu_name, error.message))
    return found


def _try(
    arrivals: Arrivals, one: Replica | NoOffer, slo: Slo, rent: Rent, routing: Routing,
    fast: bool | None,
) -> Offer | NoOffer:  # fmt: skip
    if isinstance(one, NoOffer):
        return one
    sized = smallest(arrivals, one, slo, routing, fast=fast)
    if isinstance(sized, Unsized):
        return NoOffer(
            rent.gpu, f"{one.model.shape.name} on {one.gpus} x {rent.gpu}: {sized.reason}"
        )
    return Offer(one, sized, costed(sized.fleet, one, arrivals, rent))
