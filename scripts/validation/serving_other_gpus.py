"""The constants of the H100 on other GPUs by their data sheets alone, against what others published.

Rows: `scripts/data/serving_other_gpus.csv`, each with its source and the day it was read. Nothing of them
fits anything. Most are throughputs of TensorRT-LLM and of vLLM without a server in front ("offline": the
term for reading requests is off, all come at once). The same publications have H100s: what is off there
too is the engine's or the model's, not a data sheet's; ratios to the H100 of the same row show the sheet.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from costopt.serving.efficiency import shipped
from costopt.serving.engines import Engine
from costopt.serving.harness import PLAIN
from costopt.serving.predict import Answer, answer
from costopt.serving.rows import point_of
from validation.table import Table

FILE = Path(__file__).parent.parent / "data" / "serving_other_gpus.csv"
MOST = 6000
"""Requests of a row that are simulated: its rate is steady long before."""
STANDARD = "h100_sxm"
EARLY = {("mi300x", "0.6.1")}
"""Kernels of which a step of 64 sequences takes four times one of 16, which neither memory nor arithmetic
explains: vLLM on ROCm in 2024."""
MEASURED = ("throughput_tokens_per_s", "tpot_ms", "ttft_ms")
WORST = 6
TPOT_GOAL = 0.10


@dataclass(frozen=True)
class Judged:
    """One row with what is said of it."""

    row: Mapping[str, str]
    said: Answer
    log: Mapping[str, float]
    """ln(said / measured) of what the source measured."""

    @property
    def key(self) -> tuple[str, ...]:
        """What is the same on another GPU."""
        same = ("model", "engine", "engine_version", "input_tokens", "output_tokens")
        return tuple(self.row[name] for name in (*same, "tensor_parallel", "precision"))

    @property
    def dense(self) -> bool:
        return not point_of(self.row, {}).shape.moe_layers

    @property
    def early(self) -> bool:
        return (self.row["gpu"], self.row["engine_version"]) in EARLY


def run(folder: Path, table: Table) -> None:
    """All of it; half a minute. `folder` is not used: the rows are part of the repository."""
    with FILE.open(newline="", encoding="utf-8") as file:
        judged = [judge(row) for row in csv.DictReader(file)]
    answered = [one for one in judged if one.said.fits]
    table.title("published rows of other GPUs")
    table.equal("rows with an answer or a reason", len(judged), sum(map(told, judged)))
    table.shown("rows, answered", len(answered), len(judged))
    now = [one for one in answered if not one.early]
    others = [one for one in now if one.row["gpu"] != STANDARD]
    table.title("dense models on GPUs that fitted nothing: median absolute error (bias)")
    dense = [one for one in others if one.dense]
    _by(table, dense, _gpu)
    steps = np.array([one.log["tpot_ms"] for one in dense if "tpot_ms" in one.log])
    table.at_most("TPOT, all of them", TPOT_GOAL, float(np.median(np.abs(np.expm1(steps)))))
    table.title("mixtures there")
    _by(table, [one for one in others if not one.dense], _gpu)
    table.title("the same publications on H100s: what is not a data sheet's")
    _by(table, [one for one in now if one.row["gpu"] == STANDARD], _model)
    table.title("ratio to the H100 of the same row: the data sheets alone")
    _ratios(table, now)
    table.title("kernels of 2024 on ROCm, not counted above")
    _by(table, [one for one in answered if one.early], _gpu)
    table.title("the rows that are most off")
    _worst(table, others)


def told(one: Judged) -> bool:
    return one.said.fits or bool(one.said.note)


def judge(row: Mapping[str, str]) -> Judged:
    """A row driven as its source says."""
    point = point_of(row, {})
    point = replace(point, concurrency=min(point.concurrency, MOST))
    client, values = PLAIN, shipped()
    if row["load"] != "closed":
        client = replace(PLAIN, shortest=1.0, longest=1.0, waves=1)
    if row["load"] == "offline":
        values = replace(values, request_s=1e-9)
    said = answer(point, values, driven=client, adjust=_started(row))
    numbers = (said.throughput_tokens_per_s, said.tpot_ms, said.ttft_ms)
    log = {
        name: float(np.log(number / float(row[name])))
        for name, number in zip(MEASURED, numbers, strict=True)
        if row[name] and said.fits
    }
    return Judged(row, said, log)


def _started(row: Mapping[str, str]) -> Callable[[Engine], Engine]:
    """The flags that the source names."""
    flags = {k: int(row[k]) for k in ("max_num_seqs", "max_num_batched_tokens") if row[k]}
    return lambda one: replace(one, **flags)


def _gpu(one: Judged) -> str:
    row = one.row
    return f"{row['gpu']}: {row['engine']} {row['engine_version']}".strip()


def _model(one: Judged) -> str:
    row = one.row
    return f"{row['engine']} {row['engine_version']}: {row['model']}, {row['precision']}"


def _by(table: Table, rows: Sequence[Judged], name: Callable[[Judged], str]) -> None:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in rows:
        groups[name(one)].append(one)
    for words in sorted(groups):
        _show(table, words, groups[words])
    if len(groups) > 1:
        _show(table, "all", rows)


def _show(table: Table, words: str, rows: Sequence[Judged]) -> None:
    told_of = []
    for name, short in zip(MEASURED, ("throughput", "TPOT", "TTFT"), strict=True):
        errors = [one.log[name] for one in rows if name in one.log]
        if errors:
            told_of.append(f"{short} {_spread(errors)}")
    table.shown(words, ", ".join(told_of), f"{len(rows)} rows")


def _spread(errors: Iterable[float]) -> str:
    relative = np.expm1(np.array(list(errors)))
    return f"{np.median(np.abs(relative)):.1%} ({np.median(relative):+.1%})"


def _ratios(table: Table, rows: Sequence[Judged]) -> None:
    """Throughput of a GPU by that of an H100, said and measured, where a publication has both."""
    name = MEASURED[0]
    standard = {
        one.key: one.log[name] for one in rows if one.row["gpu"] == STANDARD and name in one.log
    }
    groups: dict[str, list[float]] = defaultdict(list)
    for one in rows:
        if one.row["gpu"] != STANDARD and name in one.log and one.key in standard:
            groups[one.row["gpu"]].append(one.log[name] - standard[one.key])
    for gpu in sorted(groups):
        table.shown(gpu, _spread(groups[gpu]), f"{len(groups[gpu])} rows")


def _worst(table: Table, rows: Sequence[Judged]) -> None:
    name = MEASURED[0]
    ranked = sorted((one for one in rows if name in one.log), key=lambda one: -abs(one.log[name]))
    for one in ranked[:WORST]:
        row = one.row
        words = (
            f"{row['gpu']} x {row['tensor_parallel']}, {row['engine']}: {row['model']}, {row['precision']}, "
            f"{row['input_tokens']} in, {row['output_tokens']} out"
        )
        table.shown(words, f"{one.said.throughput_tokens_per_s:,.0f}", row[name])
