"""The serving simulator against measured operating points, judged on models that did not fit it.

Rows: FOLDER/ground_truth/serving_h100.csv, collected by ai-dynamo/aiconfigurator (Apache-2.0).
Leave one model out within vLLM; TensorRT-LLM as transfer, with and without its harness term; each
part taken out, fitted and judged the same way. Nothing that is judged here has fitted anything.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from costopt.serving.efficiency import Efficiencies, shipped
from costopt.serving.engines import Engine
from costopt.serving.harness import PLAIN
from costopt.serving.models import ModelShape, shapes
from validation.serving_fits import (
    Float,
    Measured,
    Pair,
    Variant,
    all_rows,
    errors,
    left_out,
    median,
    models_of,
    only,
)
from validation.serving_parts import Whole, parts
from validation.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))
from fit_serving import BUSY, answers, as_driven, as_users, log_errors, read_rows

TPOT_GOAL, TTFT_GOAL = 0.10, 0.15
TO_BEAT = 0.176
"""TTFT of the simulator that the users' own rows, which know of no harness, are held against."""
USUAL = Variant("as it is")


def run(folder: Path, table: Table) -> None:
    """All of it; some minutes, nearly all of them fits."""
    rows = as_driven(read_rows(folder / "ground_truth" / "serving_h100.csv"))
    vllm = [row for row in rows if row.engine == "vllm"]
    other = [row for row in rows if row.engine != "vllm"]
    _answered(rows, table)
    _names(vllm, table)
    whole = left_out([(USUAL, vllm)])[0]
    _constants({model: values for model, (values, _) in whole.items()}, table)
    _held_out(vllm, whole, table)
    _transfer(other, table)
    parts(vllm, whole, table)
    _theory_of_events(vllm, table)


def _answered(rows: Sequence[Measured], table: Table) -> None:
    table.title("every row answered (shipped constants)")
    found = answers(as_users(rows), shipped())
    table.equal("rows", 384, len(rows))
    table.equal("rows with a TTFT and a TPOT", len(rows), sum(one.fits for one in found))
    for name in dict.fromkeys(row.driven.name for row in rows):
        share = [row for row in rows if row.driven.name == name]
        table.shown(f"rows told by their grid to be {name}'s", len(share), ", ".join(
            model.split("/")[-1] for model in models_of(share)))  # fmt: skip


def _constants(constants: Mapping[str, Efficiencies], table: Table) -> None:
    table.title("constants, shipped and as fitted without one model")
    for name in Efficiencies.names():
        low, high, _ = Efficiencies.bounds(name)
        values = " / ".join(f"{getattr(one, name):.3g}" for one in constants.values())
        table.shown(f"{name} ({low:g} to {high:g})", values, f"{getattr(shipped(), name):.3g}")


def _held_out(vllm: Sequence[Measured], whole: Whole, table: Table) -> None:
    table.title("vLLM, one model left out: median absolute error, as its benchmark drove it")
    _by_model({model: pair for model, (_, pair) in whole.items()}, table)
    table.at_most("TPOT, all held-out rows", TPOT_GOAL, median(all_rows(whole, 1)))
    table.at_most("TTFT, all held-out rows", TTFT_GOAL, median(all_rows(whole, 0)))
    calm = np.concatenate(
        [[row.point.concurrency <= BUSY for row in only(vllm, model)] for model in whole]
    )
    for which, name in ((0, "TTFT"), (1, "TPOT")):
        some = all_rows(whole, which)[calm]
        table.shown(f"{name}, up to {BUSY} in flight: median, 90th percentile",
                    f"{median(some):.1%}, {np.quantile(np.abs(np.expm1(some)), 0.9):.0%}")  # fmt: skip
    table.title("the same rows and constants as a user asks, who knows of no harness")
    asked = {
        model: errors(as_users(only(vllm, model)), values, USUAL)
        for model, (values, _) in whole.items()
    }
    _by_model(asked, table)
    for which, name, limit in ((1, "TPOT", TPOT_GOAL), (0, "TTFT", TO_BEAT)):
        said = np.concatenate([pair[which] for pair in asked.values()])
        table.at_most(f"{name}, all held-out rows", limit, median(said))


def _by_model(judged: Mapping[str, Pair], table: Table) -> None:
    for model, (ttft, tpot) in judged.items():
        bias = [f"{np.nanmedian(np.expm1(one)):+.1%}" for one in (ttft, tpot)]
        table.shown(f"{model}: TTFT, bias", f"{median(ttft):.1%}", bias[0])
        table.shown(f"{model}: TPOT, bias", f"{median(tpot):.1%}", bias[1])


def waited(one: Engine, slots: float) -> Engine:
    """The engine measured by a client that waits: a harness term, never a user's."""
    return replace(one, client_wait_slots=slots)


def _transfer(rows: Sequence[Measured], table: Table) -> None:
    """Shipped constants, fitted on vLLM alone."""
    for name, part in (("as its benchmark drove it", rows), ("as a user asks", as_users(rows))):
        table.title(f"TensorRT-LLM by constants fitted on vLLM alone, {name}")
        found = answers(part, shipped())
        ttft, tpot = log_errors(part, found)
        table.shown("TPOT", f"{median(tpot):.1%}", f"bias {np.nanmedian(np.expm1(tpot)):+.1%}")
        table.shown("TTFT without the client's wait", f"{median(ttft):.1%}", f"{len(part)} rows")
        slots = _slots(part, [one.ttft_ms for one in found], [one.tpot_ms for one in found])
        fitted = float(np.median(slots[::2]))
        table.shown("client's wait, fitted on every other row", f"{fitted:.2f} slots")
        waiting = Variant("waiting", partial(waited, slots=fitted))
        table.shown("TTFT with that wait, the other rows",
                    f"{median(errors(part[1::2], shipped(), waiting)[0]):.1%}")  # fmt: skip


def _slots(rows: Sequence[Measured], ttft_ms: Sequence[float], tpot_ms: Sequence[float]) -> Float:
    """[row] what is missing of its TTFT, in slots of output x TPOT / concurrency."""
    return np.array([
        (row.ttft_ms - first) * row.point.concurrency / (row.point.output_tokens * each)
        for row, first, each in zip(rows, ttft_ms, tpot_ms, strict=True)
    ])  # fmt: skip


def _names(vllm: Sequence[Measured], table: Table) -> None:
    """Every shape under another's name: no figure moves. Other shapes under the old names: all do."""
    table.title("nothing goes by a model's name")
    named = list(dict.fromkeys(shapes().values()))
    other = {one: replace(one, name=named[i - 1].name) for i, one in enumerate(named)}
    part = vllm[::4]
    renamed = _moved(part, {row.point.shape: other[row.point.shape] for row in part})
    table.equal("rows that move when names are permuted", 0, renamed)
    own = list(dict.fromkeys(row.point.shape for row in part))
    turned = {one: replace(own[i - 1], name=one.name) for i, one in enumerate(own)}
    moved = _moved(part, turned)
    table.equal("rows that move when shapes change under their names", len(part), moved)


def _moved(rows: Sequence[Measured], become: Mapping[ModelShape, ModelShape]) -> int:
    """Rows whose answer is another one, their harness told anew."""
    changed = as_driven([
        replace(row, driven=PLAIN, point=replace(row.point, shape=become[row.point.shape]))
        for row in rows
    ])  # fmt: skip
    before, after = answers(as_driven(rows), shipped()), answers(changed, shipped())
    return sum(
        (a.ttft_ms, a.tpot_ms) != (b.ttft_ms, b.tpot_ms) for a, b in zip(before, after, strict=True)
    )


def _theory_of_events(vllm: Sequence[Measured], table: Table) -> None:
    table.title("what the answers rest on")
    runs = [one.run for one in answers(vllm, shipped()) if one.run]
    table.shown("requests simulated for the vLLM rows", f"{sum(len(r.end_s) for r in runs):,}")
    table.shown("engine steps", f"{sum(r.totals.steps for r in runs):,}")
    table.shown("turns of the simulator", f"{sum(r.totals.events for r in runs):,}")
