"""Operating points: so many requests always in flight on one replica, simulated by the same core.

Nothing here knows a latency: a point is turned into a closed-loop workload, and what comes out is
read off the simulated requests as a benchmark's client would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from costopt.serving.capacity import Capacity
from costopt.serving.core.run import simulate
from costopt.serving.core.terms import BLOCK_TOKENS, Limits, Run, StepCost, Workload
from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import Engine, engine
from costopt.serving.hardware import Gpu, gpu
from costopt.serving.harness import PLAIN, Harness
from costopt.serving.models import ModelShape
from costopt.serving.step import StepModel
from costopt.serving.terms import Served


@dataclass(frozen=True, slots=True)
class Point:
    """One operating point."""

    shape: ModelShape
    gpu: str
    engine: str
    precision: str
    input_tokens: int
    output_tokens: int
    tensor_parallel: int = 1
    expert_parallel: int = 1
    concurrency: int = 1
    kv_cache: str = "auto"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the simulation says of a point. `fits` False: nothing ran, `note` says why."""

    ttft_ms: float
    tpot_ms: float
    throughput_tokens_per_s: float
    fits: bool
    note: str
    capacity: Capacity | None = None
    run: Run | None = None


class Drafted(NamedTuple):
    """Speculation as a server's own counters show it."""

    draft_tokens: int = 0
    tokens_per_step: float = 1.0


def answer(
    point: Point,
    efficiencies: Efficiencies | None = None,
    *,
    driven: Harness = PLAIN,
    adjust: Callable[[Engine], Engine] = lambda e: e,
    fast: bool | None = None,
    device: Gpu | None = None,
    drafted: Drafted = Drafted(),  # noqa: B008  immutable
) -> Answer:
    """Simulate one point. `driven`: the benchmark that measured it, a user's if none; `adjust` changes
    the engine (limits, ablations); `device` stands for the GPU of that name (one that is in no data
    file), `drafted` for what a calibrated server's speculation gains."""
    device = device or gpu(point.gpu)
    started = driven.started(engine(point.engine, device), point.input_tokens, point.concurrency)
    served_by = adjust(started)
    model = StepModel(
        device, point.shape, started.precision(point.precision, point.shape, point.kv_cache),
        point.tensor_parallel, point.expert_parallel, efficiencies,
    )  # fmt: skip
    refused = _refused(point) or _no_peak(model)
    middle = point.input_tokens + point.output_tokens / 2
    served = Served(model, served_by, middle, most_running=point.concurrency)
    room = served.room
    total = point.input_tokens + point.output_tokens
    refused = refused or room.refuses(total)
    if refused:
        return Answer(np.nan, np.nan, np.nan, False, refused, room)
    if served_by.whole:
        served_by = replace(served_by, max_num_seqs=min(served_by.max_num_seqs, room.whole(total)))
        served = replace(served, engine=served_by)
    load = driven.load(point.input_tokens, point.output_tokens, point.concurrency)
    cost, limits = _terms(served, room, drafted)
    run = simulate(load, cost, limits, fast=fast)
    if run.totals.preemptions and served_by.prefix_caching:
        run = simulate(_told_apart(load), cost, limits._replace(prefix_caching=True), fast=fast)
    return _read(point, served_by, room, run)


def _refused(point: Point) -> str:
    """Why a point makes no sense; empty where it does."""
    heads, tp = point.shape.heads, point.tensor_parallel
    if min(point.input_tokens, point.output_tokens, point.concurrency, tp) < 1:
        return "input, output, concurrency and tensor parallel must be at least 1"
    if heads % tp:
        return f"{heads} attention heads cannot be split over {tp} GPUs"
    if point.input_tokens + point.output_tokens > point.shape.max_context:
        return f"longer than the model's context of {point.shape.max_context} tokens"
    return ""


def _no_peak(model: StepModel) -> str:
    """32-bit products have peaks of their own, which no sheet in the data gives."""
    if model.precision.compute == "fp32" and "fp32" not in model.gpu.dense_flops:
        return (
            f"no peak for fp32 is known of {model.gpu.name}; engines serve in bf16 or below there"
        )
    return ""


def _terms(served: Served, room: Capacity, drafted: Drafted) -> tuple[StepCost, Limits]:
    """Cost and limits for the core. `room`: as the engine started, whatever it then lets run at once."""
    sampled = served.running * (1 + drafted.draft_tokens) + 1
    limits = served.limits._replace(
        kv_blocks=room.kv_blocks, prefix_caching=False, draft_tokens=drafted.draft_tokens,
        tokens_per_step=drafted.tokens_per_step,
    )  # fmt: skip
    return served.model.cost(served.engine.max_num_batched_tokens, sampled), limits


def _told_apart(load: Workload) -> Workload:
    """The same with blocks of each request's own: who had to go finds again what nobody wrote over."""
    blocks = (load.prompt_tokens + load.output_tokens) // BLOCK_TOKENS
    offsets = np.concatenate([[0], np.cumsum(blocks)]).astype(np.int64)
    return replace(load, block_offsets=offsets, block_ids=np.arange(offsets[-1], dtype=np.int64))


def _read(point: Point, served_by: Engine, room: Capacity, run: Run) -> Answer:
    """The means a client would report."""
    ttft_s = float(run.ttft_s.mean())
    tpot_s = float(run.tpot_s.mean()) if point.output_tokens > 1 else 0.0
    slot_s = point.output_tokens * tpot_s / point.concurrency
    ttft_s += served_by.client_wait_slots * slot_s
    note = ""
    if run.totals.preemptions:
        note = f"KV cache overfull: {run.totals.preemptions} preemptions"
    return Answer(ttft_s * 1e3, tpot_s * 1e3, run.tokens_per_s, True, note, room, run)
