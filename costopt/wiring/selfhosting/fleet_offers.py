"""One kind of GPU after the other: the fleet that the layer `self_host` would rent, in the result's words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from costopt.errors import UsageError
from costopt.layers.parts.self_host_drafts import config_of
from costopt.layers.parts.self_host_fleet import fleet_of, rents_of, wish_of
from costopt.layers.parts.self_host_told import context_of, fleet_detail
from costopt.layers.self_host import SelfHost
from costopt.prices.contract import PriceBook
from costopt.report.selfhost import Even, Fleet, Gain, Level, Refused, Rents
from costopt.serving.commands import launch
from costopt.serving.deployment import Deployed, Undeployed
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.fleet.slo import attained, latencies, percentiles_ms
from costopt.wiring.selfhosting.fleet_drafts import gain_of
from costopt.wiring.selfhosting.fleet_even import PLACES, Today, evens
from costopt.wiring.selfhosting.fleet_traffic import Moving

PERCENTILES = (50, 95, 99)
"""Of latencies, in the result."""


@dataclass(frozen=True)
class Offered:
    """A fleet, simulated and told."""

    found: Deployed
    told: Fleet


def offer(
    moving: Moving, gpu: str, prices: PriceBook, drafts: Drafts | None, today: Today,
    serve_with: tuple[str, ...] = (), places: Collection[str] = PLACES,
) -> Offered | Refused:  # fmt: skip
    """The cheapest fleet on this GPU. `drafts`: what was measured, in place of the layer's own."""
    served = replace(moving.served, layer=replace(moving.served.layer, gpu=gpu))
    wish, rents = wish_of(served), rents_of(served.layer, prices)
    if drafts is not None:
        wish = replace(wish, drafts=drafts)
    found = fleet_of(moving.asked.arrivals, wish, rents)
    if isinstance(found, Undeployed):
        return Refused(gpu, found.reason)
    detail = fleet_detail(served.layer, moving.asked, found, served.most_tokens)
    gain = gain_of(served.layer, moving.asked.arrivals, wish, rents, found)
    even, note = evens(today, found, places)
    told = _told(found, detail, gain, even, note)
    names = dict.fromkeys([served.layer.engine or "vllm", *serve_with])
    commands = _commands(served.layer, moving, found, served.most_tokens, names)
    told = replace(
        told, launch={name: text for name, (text, _) in commands.items()},
        launch_notes={name: notes for name, (_, notes) in commands.items()},
    )  # fmt: skip
    return Offered(found, told)


def _told(
    found: Deployed, detail: dict[str, Any], gain: Gain | None,
    even: dict[str, Even], note: str,
) -> Fleet:  # fmt: skip
    run, day = found.fleet.run, detail["rent_usd_a_day"]
    times = latencies(run)
    return Fleet(
        gpu=found.rent.gpu, gpus_per_replica=found.one.gpus, replicas=found.replicas,
        at_least=detail["replicas_at_least"], at_most=detail["replicas_at_most"],
        sized=found.sized is not None, engine=detail["engine"], precision=detail["precision"],
        keeps_level=found.keeps, levels=levels_of(found), ttft_ms=percentiles_ms(run.ttft_s, PERCENTILES),
        tpot_ms=percentiles_ms(run.tpot_s, PERCENTILES), e2e_ms=percentiles_ms(times["e2e"], PERCENTILES),
        tokens_per_s_per_gpu=detail["tokens_per_rented_gpu_s"], utilisation=detail["utilisation"],
        idle_gpu_hours_per_day=detail["idle_gpu_hours_a_day"],
        prefix_hit_share=detail["prefix_hit_share"],
        kv_cache_tokens_per_replica=detail["kv_cache_tokens_per_replica"],
        unserved_calls=detail["unserved_calls"], terms=detail["terms"],
        usd_per_day=Rents(day["low"], day["typical"], day["high"]),
        rent_source=detail["rent_source"].replace("the policy's own price", "your own price"),
        rent_sources=detail["rent_sources"], usd_per_mtok=detail["effective_usd_per_mtok"],
        break_even=even, break_even_note=note, speculation=gain, launch={}, launch_notes={},
    )  # fmt: skip


def levels_of(found: Deployed) -> list[Level]:
    """Every limit with its value at the level's percentile."""
    slo = found.wish.slo
    return [
        Level(
            one.limit, 1000 * one.limit_s, slo.percentile,
            1000 * one.value_s if np.isfinite(one.value_s) else None, one.share,
            one.verdict(slo.percentile / 100).value,
        )
        for one in attained(found.fleet.run, slo)
    ]  # fmt: skip


def _commands(
    layer: SelfHost, moving: Moving, found: Deployed, most_tokens: int, names: Iterable[str]
) -> dict[str, tuple[str | None, list[str]]]:
    """How other engines start the same replica, as far as they can be told."""
    made: dict[str, tuple[str | None, list[str]]] = {}
    for name in names:
        try:
            one = launch(
                name, layer.model, found.one, context_of(moving.asked, most_tokens),
                config_of(found),
            )  # fmt: skip
        except UsageError as error:
            made[name] = None, [error.message]
            continue
        notes = list(one.notes)
        if not layer.config and "/" not in layer.model:
            notes.append(f"`{layer.model}` is no repository: name the one that you serve.")
        if name != (layer.engine or "vllm"):
            notes.insert(
                0, f"Simulated was {layer.engine or 'vllm'}: this is the same replica there."
            )
        text = one.shell()
        if one.modelfile:
            text = f"cat > Modelfile <<'END'\n{one.modelfile}END\n{text}"
        made[name] = text, notes
    return made
