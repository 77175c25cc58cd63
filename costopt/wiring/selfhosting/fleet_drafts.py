"""What speculative decoding changes for a fleet, over all that is known of its acceptance."""

from __future__ import annotations

from dataclasses import replace

from costopt.layers.parts.self_host_drafts import acceptance_known, drafts_of
from costopt.layers.parts.self_host_fleet import fleet_of
from costopt.layers.self_host import SelfHost
from costopt.money import usd_float
from costopt.report.selfhost import Gain, GainAt
from costopt.serving.arrivals import Arrivals
from costopt.serving.core.terms import Float
from costopt.serving.deployment import Deployed, Undeployed, Wish
from costopt.serving.fleet.drafts import BY_LOAD, Drafts
from costopt.serving.fleet.slo import percentiles_ms
from costopt.serving.models import ModelShape
from costopt.serving.rents import Rents
from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.methods import Drafter, Range, method

MEASURED = "measured"


def looks_up(drafts: Drafts) -> bool:
    """It drafts from text that is there already."""
    return method(drafts.method).drafter is Drafter.LOOKUP


def drafting(
    layer: SelfHost, shape: ModelShape, measured: Drafts | None, by_load: bool
) -> Drafts | None:
    """The layer's own, with what was measured in front. `by_load`: the length follows the batch."""
    drafts = measured or drafts_of(layer, shape)
    if drafts is None or not by_load or looks_up(drafts):
        return drafts
    return replace(drafts, draft_tokens=BY_LOAD)


def gain_of(
    layer: SelfHost, arrivals: Arrivals, wish: Wish, rents: Rents, found: Deployed
) -> Gain | None:  # fmt: skip
    """None: nothing drafts."""
    drafts = wish.drafts
    if drafts is None:
        return None
    without = fleet_of(arrivals, replace(wish, drafts=None), rents)
    plain, served = _at(None, without), found.one.served
    many = served.draft_tokens
    return Gain(
        drafts.method, many, [list(row) for row in served.draft_schedule],
        drafts.acceptance.at(0), drafts.acceptance.coverage, drafts.acceptance.tokens_per_step(many),
        drafts.basis, usd_float(found.cost.day.typical_pusd), plain.usd_per_day,
        median_ms(found.fleet.run.tpot_s), plain.tpot_ms, plain.replicas,
        _over_range(layer, arrivals, replace(wish, tensor_parallel=found.one.gpus), rents),
    )  # fmt: skip


def _over_range(
    layer: SelfHost, arrivals: Arrivals, wish: Wish, rents: Rents
) -> list[GainAt]:  # fmt: skip
    """At both ends of what is published; nothing where the chance was stated or measured.

    Replicas have as many GPUs as in the middle: they differ by what is accepted alone.
    """
    drafts = wish.drafts
    if drafts is None or layer.acceptance is not None or drafts.basis.startswith(MEASURED):
        return []
    known = acceptance_known(layer)
    if not isinstance(known, Range) or known.low >= known.high:
        return []
    made = []
    for chance in (known.low, known.high):
        other = replace(drafts, acceptance=Acceptance.constant(chance))
        made.append(_at(chance, fleet_of(arrivals, replace(wish, drafts=other), rents)))
    return made


def _at(chance: float | None, found: Deployed | Undeployed) -> GainAt:
    if isinstance(found, Undeployed):
        return GainAt(chance, None, None, None)
    day = usd_float(found.cost.day.typical_pusd)
    return GainAt(chance, day, median_ms(found.fleet.run.tpot_s), found.replicas)


def median_ms(seconds: Float) -> float | None:
    """The middle one."""
    found = percentiles_ms(seconds)
    return None if found is None else found["p50"]
