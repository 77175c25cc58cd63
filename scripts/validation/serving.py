"""The serving simulator against measured operating points, judged on models that did not fit it.

Rows: FOLDER/ground_truth/serving_h100.csv, collected by ai-dynamo/aiconfigurator (Apache-2.0).
Leave one model out within vLLM; TensorRT-LLM as transfer, with and without its harness term; each
ablation fitted and judged the same way. Nothing that is judged here has fitted anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Limits, StepCost, Workload
from costopt.serving.efficiency import Efficiencies, shipped
from costopt.serving.engines import Engine, engine
from costopt.serving.hardware import gpu
from costopt.serving.models import shapes
from costopt.serving.precision import precision
from costopt.serving.predict import Answer, Point
from costopt.serving.step import StepModel
from validation.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))
from fit_serving import BUSY, Measured, Unchanged, answers, fit, log_errors, read_rows

TPOT_GOAL, TTFT_GOAL = 0.10, 0.15
NO_LIMIT = 20.0
Float = NDArray[np.float64]
Pair = tuple[Float, Float]


def run(folder: Path, table: Table) -> None:
    """All of it; some minutes, nearly all of them fits."""
    rows = read_rows(folder / "ground_truth" / "serving_h100.csv")
    vllm = [row for row in rows if row.engine == "vllm"]
    other = [row for row in rows if row.engine != "vllm"]
    _answered(rows, table)
    constants = {model: fit(_without(vllm, model)) for model in _models(vllm)}
    _constants(constants, table)
    _held_out(vllm, constants, table)
    _transfer(other, table)
    _ablations(vllm, constants, table)
    _names(vllm, table)
    _theory_of_events(vllm, table)


def _models(rows: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(row.model for row in rows))


def _without(rows: Sequence[Measured], model: str) -> list[Measured]:
    return [row for row in rows if row.model != model]


def _only(rows: Sequence[Measured], model: str) -> list[Measured]:
    return [row for row in rows if row.model == model]


def _answered(rows: Sequence[Measured], table: Table) -> None:
    table.title("every row answered (shipped constants)")
    found = answers([row.point for row in rows], shipped())
    table.equal("rows", 384, len(rows))
    table.equal("rows with a TTFT and a TPOT", len(rows), sum(one.fits for one in found))


def _constants(constants: Mapping[str, Efficiencies], table: Table) -> None:
    table.title("constants, shipped and as fitted without one model")
    for name in Efficiencies.names():
        low, high, _ = Efficiencies.bounds(name)
        values = " / ".join(f"{getattr(one, name):.3g}" for one in constants.values())
        table.shown(f"{name} ({low:g} to {high:g})", values, f"{getattr(shipped(), name):.3g}")


def median(errors: Float) -> float:
    """Of the absolute relative errors."""
    return float(np.nanmedian(np.abs(np.expm1(errors))))


def _judged(
    rows: Sequence[Measured],
    constants: Mapping[str, Efficiencies],
    adjust: Callable[[Engine], Engine] = Unchanged,
    tpot: Callable[[Sequence[Point], Efficiencies], list[Answer]] | None = None,
) -> dict[str, Pair]:
    """[model] log errors of TTFT and TPOT, each model by the constants that never saw it."""
    out = {}
    for model, values in constants.items():
        part = _only(rows, model)
        points = [row.point for row in part]
        ttft, plain = log_errors(part, answers(points, values, adjust))
        out[model] = ttft, log_errors(part, tpot(points, values))[1] if tpot else plain
    return out


def _all(judged: Mapping[str, Pair], which: int) -> float:
    return median(np.concatenate([pair[which] for pair in judged.values()]))


def _held_out(
    vllm: Sequence[Measured], constants: Mapping[str, Efficiencies], table: Table
) -> None:
    table.title("vLLM, one model left out: median absolute error")
    judged = _judged(vllm, constants)
    for model, (ttft, tpot) in judged.items():
        bias = [f"{np.nanmedian(np.expm1(one)):+.1%}" for one in (ttft, tpot)]
        table.shown(f"{model}: TTFT, bias", f"{median(ttft):.1%}", bias[0])
        table.shown(f"{model}: TPOT, bias", f"{median(tpot):.1%}", bias[1])
    table.at_most("TPOT, all held-out rows", TPOT_GOAL, _all(judged, 1))
    table.at_most("TTFT, all held-out rows", TTFT_GOAL, _all(judged, 0))
    calm = np.concatenate(
        [[row.point.concurrency <= BUSY for row in vllm if row.model == m] for m in judged]
    )
    for which, name in ((0, "TTFT"), (1, "TPOT")):
        errors = np.concatenate([pair[which] for pair in judged.values()])[calm]
        table.shown(f"{name}, up to {BUSY} in flight: median, 90th percentile",
                    f"{median(errors):.1%}, {np.quantile(np.abs(np.expm1(errors)), 0.9):.0%}")  # fmt: skip


def waited(one: Engine, slots: float) -> Engine:
    """The engine measured by a client that waits: a harness term, never a user's."""
    return replace(one, client_wait_slots=slots)


def _transfer(rows: Sequence[Measured], table: Table) -> None:
    table.title("TensorRT-LLM by constants fitted on vLLM alone")
    values = shipped()
    found = answers([row.point for row in rows], values)
    ttft, tpot = log_errors(rows, found)
    table.shown("TPOT", f"{median(tpot):.1%}", f"bias {np.nanmedian(np.expm1(tpot)):+.1%}")
    table.shown("TTFT without the harness term", f"{median(ttft):.1%}", f"{len(rows)} rows")
    slot_ms = [r.point.output_tokens * a.tpot_ms / r.point.concurrency
               for r, a in zip(rows, found, strict=True)]  # fmt: skip
    wait = [(r.ttft_ms - a.ttft_ms) / s for r, a, s in zip(rows, found, slot_ms, strict=True)]
    fitted = float(np.median(wait[::2]))
    table.shown("client's wait, fitted on every other row", f"{fitted:.2f} slots")
    half = answers([row.point for row in rows[1::2]], values, lambda one: waited(one, fitted))
    table.shown("TTFT with the harness term, the other rows",
                f"{median(log_errors(rows[1::2], half)[0]):.1%}")  # fmt: skip


def _ablations(
    vllm: Sequence[Measured], constants: Mapping[str, Efficiencies], table: Table
) -> None:
    """Each part taken out, the constants fitted again without it (from where they were, on every other
    row), the same rows held out."""
    table.title("parts taken out: held-out error with and without (each fitted again)")
    whole = _judged(vllm, constants)
    cases: dict[str, tuple[Callable[[Engine], Engine], dict[str, float]]] = {
        "chunked prefill": (lambda e: replace(e, chunked_prefill=False), {}),
        "KV limit": (lambda e: replace(e, gpu_memory_utilization=NO_LIMIT), {}),
        "prompt's cost in mixed steps": (Unchanged, {"eager_layer_s": 0.0}),
    }
    for name, (adjust, fixed) in cases.items():
        fits = {
            m: fit(_without(vllm, m)[::2], adjust, fixed=fixed, start=values, turns=2)
            for m, values in constants.items()
        }
        _compared(name, whole, _judged(vllm, fits, adjust), table)
    without = _judged(vllm, constants, tpot=undisturbed)
    _compared("interference of prompts with decoding (not fitted again)", whole, without, table)


def _compared(
    name: str, whole: Mapping[str, Pair], without: Mapping[str, Pair], table: Table
) -> None:
    for which, figure in ((0, "TTFT"), (1, "TPOT")):
        errors = [
            np.concatenate([pair[which] for pair in one.values()]) for one in (whole, without)
        ]
        means = [float(np.mean(np.minimum(np.abs(one), 1.0))) for one in errors]
        table.shown(f"{figure} without {name}: median", f"{median(errors[1]):.1%}",
                    f"with {median(errors[0]):.1%}")  # fmt: skip
        table.shown(f"{figure} without {name}: mean |log error|, capped at 1", f"{means[1]:.3f}",
                    f"with {means[0]:.3f}")  # fmt: skip


def undisturbed(points: Sequence[Point], values: Efficiencies) -> list[Answer]:
    """Answers whose decoding never meets a prompt: contexts begin full, prompts cost nothing."""
    return [_decoding_alone(point, values) for point in points]


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
    tpot_ms = float(found.tpot_s.mean()) * 1e3
    return Answer(1.0, tpot_ms, found.tokens_per_s, True, "", None, found)


def _names(vllm: Sequence[Measured], table: Table) -> None:
    """Every shape under another shape's name: the figures do not move."""
    table.title("nothing goes by a model's name")
    named = list(dict.fromkeys(shapes().values()))
    other = {one: replace(one, name=named[i - 1].name) for i, one in enumerate(named)}
    points = [row.point for row in vllm[::4]]
    changed = [replace(point, shape=other[point.shape]) for point in points]
    before, after = answers(points, shipped()), answers(changed, shipped())
    moved = sum(
        (a.ttft_ms, a.tpot_ms) != (b.ttft_ms, b.tpot_ms) for a, b in zip(before, after, strict=True)
    )
    table.equal("rows that move when names are permuted", 0, moved)


def _theory_of_events(vllm: Sequence[Measured], table: Table) -> None:
    table.title("what the answers rest on")
    runs = [one.run for one in answers([row.point for row in vllm], shipped()) if one.run]
    table.shown("requests simulated for the vLLM rows", f"{sum(len(r.end_s) for r in runs):,}")
    table.shown("engine steps", f"{sum(r.totals.steps for r in runs):,}")
    table.shown("turns of the simulator", f"{sum(r.totals.events for r in runs):,}")
