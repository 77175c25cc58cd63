"""Numbers of a layer's fleet for its evidence: machines, rent, latency, cache, and the starting command."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from costopt.errors import UsageError
from costopt.layers.parts.self_host_drafts import config_of
from costopt.layers.parts.self_host_fleet import Traffic, day_pusd, rent_source
from costopt.money import usd_float
from costopt.serving.commands import launch
from costopt.serving.deployment import Deployed
from costopt.serving.fleet.slo import attained, percentiles_ms

if TYPE_CHECKING:
    from costopt.layers.self_host import SelfHost

CONTEXT_STEP = 1_024
"""The printed context length is the longest request, up to a whole number of these."""


def fleet_detail(
    layer: SelfHost, traffic: Traffic, found: Deployed, most_tokens: int
) -> dict[str, Any]:
    """What stands and what it does, of the whole traffic."""
    one = found.one
    return {
        "model": layer.model, "gpu": found.rent.gpu, "replicas": found.replicas,
        "gpus_per_replica": one.gpus, "gpus": found.gpus, "engine": one.engine.name,
        "precision": one.model.precision.name, "kv_cache_tokens_per_replica": one.room.kv_tokens,
        "days": float(traffic.charged), "log_hours": traffic.logged_s / 3600,
        "sample_rate": traffic.own.n / max(traffic.arrivals.n, 1), "fleet_notes": list(found.notes),
        **_search(found), **_money(layer, found), **_speed(traffic, found), **_speculation(found),
        **_launch(layer, traffic, found, most_tokens),
    }  # fmt: skip


def _search(found: Deployed) -> dict[str, Any]:
    """How sure the number of replicas is; nothing where the policy gives it."""
    sized = found.sized
    return {
        "replicas_at_least": None if sized is None else sized.at_least,
        "replicas_at_most": None if sized is None else sized.at_most,
    }  # fmt: skip


def _money(layer: SelfHost, found: Deployed) -> dict[str, Any]:
    """A day's rent is the whole traffic's: it is never scaled from a part of the log to all of it."""
    cost, day = found.cost, found.cost.day
    parts = cost.effective
    return {
        "terms": cost.terms.value,
        "rent_usd_a_day": {
            "charged": usd_float(day_pusd(layer, found)), "low": usd_float(day.low_pusd),
            "typical": usd_float(day.typical_pusd), "high": usd_float(day.high_pusd),
        },
        "rent_source": rent_source(found),
        "rent_sources": [
            {"provider": q.provider, "usd_per_gpu_hour": float(q.usd_per_gpu_hour),
             "read": q.read.isoformat(), "source": q.source}
            for q in found.rent.quotes
        ],
        "effective_usd_per_mtok": {
            "input": _number(parts.input_usd_per_mtok), "output": _number(parts.output_usd_per_mtok),
            "blended": _number(parts.blended_usd_per_mtok),
        },
        "utilisation": cost.utilisation, "idle_gpu_hours_a_day": cost.idle_gpu_hours,
    }  # fmt: skip


def _speed(traffic: Traffic, found: Deployed) -> dict[str, Any]:
    """Simulated latency, the level, and what the engine's own prefix cache gives."""
    run, arrivals = found.fleet.run, traffic.arrivals
    prompt, output = arrivals.tokens
    gpu_s = found.cost.gpu_seconds * arrivals.days
    levels = attained(run, found.wish.slo)
    return {
        "ttft_ms": percentiles_ms(run.ttft_s), "tpot_ms": percentiles_ms(run.tpot_s),
        "level": [
            {"limit": level.limit, "limit_ms": 1000 * level.limit_s, "share": level.share,
             "wanted": found.wish.slo.percentile / 100}
            for level in levels
        ],
        "keeps_level": found.keeps,
        "unserved_calls": int((~run.served).sum()),
        "prefix_hit_share": float(run.hit_tokens.sum()) / prompt if prompt else None,
        "tokens_per_rented_gpu_s": (prompt + output) / gpu_s if gpu_s else None,
    }  # fmt: skip


def _speculation(found: Deployed) -> dict[str, Any]:
    drafts = found.wish.drafts
    if drafts is None:
        return {}
    return {
        "speculation": {
            "method": drafts.method, "draft": drafts.draft_name, "draft_tokens": drafts.draft_tokens,
            "acceptance": drafts.acceptance.at(0), "basis": drafts.basis,
            "tokens_per_step": drafts.acceptance.tokens_per_step(drafts.draft_tokens),
        }
    }  # fmt: skip


def _launch(layer: SelfHost, traffic: Traffic, found: Deployed, most_tokens: int) -> dict[str, Any]:
    """The command of one replica; where none is known for the engine, why."""
    try:
        made = launch(
            layer.engine or "vllm", layer.model, found.one, context_of(traffic, most_tokens),
            config_of(found),
        )  # fmt: skip
    except UsageError as error:
        return {"launch": None, "launch_notes": [error.message]}
    return {"launch": made.shell(), "launch_notes": list(made.notes)}


def context_of(traffic: Traffic, most_tokens: int) -> int:
    """Tokens of the longest request with its answer, rounded up, within what the model takes."""
    own = traffic.own
    longest = int((own.prompt_tokens + own.output_tokens).max(initial=1))
    return min(-(-longest // CONTEXT_STEP) * CONTEXT_STEP, most_tokens)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
