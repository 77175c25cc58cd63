"""`costopt selfhost TRACES`: whose requests, against which bill, on which GPUs, and from when on it pays."""

from __future__ import annotations

from dataclasses import replace

from costopt.engine.settings import settings_of
from costopt.layers.parts.moves import by_move, measured_loss
from costopt.layers.parts.self_host_drafts import drafts_of
from costopt.layers.parts.self_host_fleet import rents_of
from costopt.report.selfhost import (
    Fleet,
    Point,
    Quality,
    Refused,
    SelfHosting,
    best_of,
)
from costopt.serving.fleet.drafts import Drafts
from costopt.wiring.phases import phase
from costopt.wiring.policy.write import layer_flow
from costopt.wiring.progress import progress_for
from costopt.wiring.reading import shown_name
from costopt.wiring.request import TraceOptions
from costopt.wiring.selfhosting.fleet_asked import (
    FleetAsked,
    check,
    gpus_asked,
    layer_asked,
    others_of,
    policy_asked,
    with_gpu_of,
)
from costopt.wiring.selfhosting.fleet_drafts import drafting, looks_up
from costopt.wiring.selfhosting.fleet_even import PLACES, Today, crossing_of, evens
from costopt.wiring.selfhosting.fleet_lookup import LookedUp, looked_up
from costopt.wiring.selfhosting.fleet_offers import Offered, offer
from costopt.wiring.selfhosting.fleet_stage import behind, bill_of
from costopt.wiring.selfhosting.fleet_traffic import Moving, moving, told

FEW_GPUS = 3
"""Of more, only the best fleet's break-even is simulated at the lowest and the highest rent too."""


def self_hosting(options: TraceOptions, asked: FleetAsked) -> SelfHosting:
    """Raises UsageError, InputError (nothing to move)."""
    policy = policy_asked(asked)
    asked = with_gpu_of(asked, policy)
    layer, assumed = layer_asked(asked, policy)
    check(asked, layer)
    progress = progress_for(options)
    others = others_of(policy)
    stage = behind(options, others, layer)
    prices = stage.evaluator.prices
    names = gpus_asked(asked, layer, rents_of(layer, prices))
    with phase(progress, "finding the calls that would move"):
        found = moving(
            layer, stage.view, stage.artifacts, prices, asked.arrivals, asked.scale, options.seed
        )
    look = _lookup(found, options)
    drafts = drafting(layer, found.served.shape, look.drafts, asked.by_load)
    today = Today(found.today.arrivals, found.day_pusd, options.seed)
    offered: list[Offered] = []
    refused: list[Refused] = []
    places = PLACES if len(names) <= FEW_GPUS else ("typical",)
    for i, name in enumerate(names):
        with phase(progress, f"simulating fleets of {name} ({i + 1} of {len(names)})"):
            one = offer(found, name, prices, drafts, today, asked.serve_with, places)
        if isinstance(one, Refused):
            refused.append(one)
        else:
            offered.append(one)
    offered.sort(key=lambda one: (one.told.usd_per_day.typical, one.told.gpu))
    if places != PLACES:
        with phase(progress, "simulating the break-even at the cheapest and the dearest rent"):
            offered = _best_in_full(offered, today)
    fleets = [one.told for one in offered]
    notes = [*(offered[0].found.notes if offered else ()), *([look.note] if look.note else ())]
    made = SelfHosting(
        shown_name(stage.prepared.reading.dataset), layer.model, prices.as_of.isoformat(),
        settings_of(layer, {}), assumed, told(found), bill_of(stage, found),
        fleets, refused, [], look.accepted, _quality(found, fleets), notes,
    )  # fmt: skip
    with phase(progress, "simulating more traffic"):
        return replace(made, crossing=_crossing(made.best, offered, today, asked.points))


def _best_in_full(offered: list[Offered], today: Today) -> list[Offered]:
    """The break-even of the fleet that the verdict names, over all rents."""
    best = best_of([one.told for one in offered])
    made = []
    for one in offered:
        told = one.told
        if told is best:
            even, note = evens(today, one.found)
            told = replace(told, break_even=even, break_even_note=note)
        made.append(replace(one, told=told))
    return made


def _lookup(found: Moving, options: TraceOptions) -> LookedUp:
    """Where the method looks texts up and nobody stated how much is accepted."""
    layer = found.served.layer
    drafts: Drafts | None = drafts_of(layer, found.served.shape)
    if drafts is None or not looks_up(drafts) or layer.acceptance is not None:
        return LookedUp([], None, "")
    with phase(progress_for(options), "looking drafts up in your answers"):
        return looked_up(found.view, found.moves, found.artifacts, drafts, options.ranks)


def _quality(found: Moving, fleets: list[Fleet]) -> Quality:
    layer = found.served.layer
    line = f"- self_host: {layer_flow(replace(layer, gpu=fleets[0].gpu if fleets else layer.gpu))}"
    measured = measured_loss(by_move(found.moves), found.artifacts.measured("self_host"))
    if measured is None:
        return Quality("unverified", None, None, None, line)
    loss, ends, judged = measured
    return Quality("measured", loss, list(ends), judged, line)


def _crossing(best: Fleet | None, offered: list[Offered], today: Today, points: int) -> list[Point]:
    one = next((o for o in offered if o.told is best), None)
    if one is None:
        return []
    return crossing_of(today, one.found, one.told.break_even["typical"], points)
