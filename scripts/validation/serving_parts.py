"""Parts of the serving simulator taken out one by one: what each is worth on models that did not fit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from fit_serving import as_users
from numpy.typing import NDArray

from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Limits, StepCost, Workload
from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import engine
from costopt.serving.hardware import gpu
from costopt.serving.precision import precision
from costopt.serving.predict import Answer, Point
from costopt.serving.step import StepModel
from validation.serving_fits import (
    Measured,
    Pair,
    Variant,
    all_rows,
    left_out,
    log_errors,
    median,
    only,
)
from validation.table import Table

Float = NDArray[np.float64]
NO_LIMIT = 20.0
TURNS_ON = 3
"""Turns of a fit that starts where the whole simulator's ended."""
CAPPED = 1.0
H100 = replace(gpu("h100_sxm"), reach=1.0, reach_narrow=1.0)
PARTS = (
    Variant("chunked prefill", lambda e: replace(e, chunked_prefill=False)),
    Variant("KV limit", lambda e: replace(e, gpu_memory_utilization=NO_LIMIT)),
    Variant("prompt's cost in mixed steps", fixed={"eager_layer_s": 0.0}),
    Variant("measured reach of products", device=H100),
    Variant("tiles of experts", patched={"costopt.serving.experts.TILES": np.array([1.0])}),
    Variant(
        "earlier kernels for 4-bit experts",
        patched={"costopt.serving.experts.EARLIER_PIPELINE": 1.0},
    ),
)
HARNESS = "harness of the collections (fitted and judged as users' rows)"
Whole = Mapping[str, tuple[Efficiencies, Pair]]


def parts(vllm: Sequence[Measured], whole: Whole, table: Table) -> None:
    """Each taken out, the constants fitted again without it from where they were, the same rows held out."""
    table.title("parts taken out: held-out error without and with (each fitted again)")
    starts = {model: values for model, (values, _) in whole.items()}
    cases = [(one, vllm) for one in PARTS] + [(Variant(HARNESS), as_users(vllm))]
    found = left_out(cases, starts, TURNS_ON)
    for (variant, _), lacking in zip(cases, found, strict=True):
        _compared(variant.name, whole, lacking, table)
    alone = {
        model: (values, (pair[0], _alone(only(vllm, model), values)))
        for model, (values, pair) in whole.items()
    }
    _compared("interference of prompts with decoding (not fitted again)", whole, alone, table)


def mean(errors: Float) -> float:
    """Of absolute log errors, each counted as `CAPPED` at most; an unanswered row counts so too."""
    return float(np.mean(np.minimum(np.abs(np.nan_to_num(errors, nan=CAPPED)), CAPPED)))


def _compared(name: str, whole: Whole, lacking: Whole, table: Table) -> None:
    """A part stays if TTFT and TPOT together are worse without it."""
    sums = [0.0, 0.0]
    for which, figure in ((0, "TTFT"), (1, "TPOT")):
        ours, theirs = all_rows(whole, which), all_rows(lacking, which)
        means = mean(ours), mean(theirs)
        sums = [sums[0] + means[0], sums[1] + means[1]]
        table.shown(f"{figure} without {name}", f"{median(theirs):.1%}, {means[1]:.3f}",
                    f"with {median(ours):.1%}, {means[0]:.3f}")  # fmt: skip
    table.equal(f"without {name} both together are worse", True, sums[1] > sums[0])


def _alone(rows: Sequence[Measured], values: Efficiencies) -> Float:
    """Log errors of TPOT where decoding never meets a prompt: contexts begin full, prompts cost nothing."""
    return log_errors(rows, [_decoding_alone(row.point, values) for row in rows])[1]


def _decoding_alone(point: Point, values: Efficiencies) -> Answer:
    device = gpu(point.gpu)
    one = engine(point.engine, device)
    model = StepModel(device, point.shape, precision(point.precision, point.shape),
                      point.tensor_parallel, point.expert_parallel, values)  # fmt: skip
    cost: StepCost = model.cost(one.max_num_batched_tokens, point.concurrency + 1)
    near = min(point.input_tokens, cost.window)
    seq_s = cost.seq_s + cost.kv_s * point.input_tokens + cost.kv_window_s * near
    cost = cost._replace(seq_s=seq_s, mixed_s=0.0, kv_window_s=0.0, pair_s=0.0, pair_window_s=0.0)
    n = 3 * point.concurrency
    load = Workload(np.zeros(0), np.ones(n, np.int64), np.full(n, point.output_tokens),
                    point.concurrency)  # fmt: skip
    found = simulate(load, cost, Limits(one.max_num_seqs, one.max_num_batched_tokens, 10**7 // 16))
    return Answer(1.0, float(found.tpot_s.mean()) * 1e3, found.tokens_per_s, True, "", None, found)
