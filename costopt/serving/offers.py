"""For one model and one traffic: the cheapest fleet on each kind of GPU."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from costopt.serving.arrivals import Arrivals
from costopt.serving.deployment import Deployed, Undeployed, Wish, deploy
from costopt.serving.rents import Rents


def offers(
    arrivals: Arrivals, wish: Wish, gpus: Iterable[str], rents: Rents, *, fast: bool | None = None
) -> tuple[Deployed | Undeployed, ...]:
    """Cheapest first, then those that cannot, in the order asked. The wish's own GPU does not matter."""
    tried = [deploy(arrivals, replace(wish, gpu=name), rents, fast=fast) for name in gpus]
    able = [one for one in tried if isinstance(one, Deployed)]
    able.sort(key=lambda one: one.cost.day.typical_pusd)
    return (*able, *(one for one in tried if isinstance(one, Undeployed)))
