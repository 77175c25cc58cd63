"""The published sweeps as rows, and what the step model says to each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from costopt.errors import UsageError
from costopt.serving.hardware import MIB, Gpu, gpu
from costopt.serving.models import shape
from costopt.serving.precision import precision
from costopt.serving.speculation.costs import TODAY, Habits, costs
from costopt.serving.speculation.load import Costs, Yield
from costopt.serving.speculation.methods import figures, method
from costopt.serving.step import StepModel
from validation.speculation_runs import OUTPUT_TOKENS, PROMPT_TOKENS, served_gain

FILE = Path(__file__).parent.parent / "data" / "speculation_sweeps.csv"
CONTEXT_TOKENS = PROMPT_TOKENS + OUTPUT_TOKENS / 2
"""Mean tokens in the cache of a sequence."""
NO_ENGINE = ("pytorch", "trtllm 0.14 client")
"""Research code, and a client that drives two engines in turn: there is no engine's step to compare with."""
RTX_3090 = Gpu(
    "rtx_3090", "ampere", {"bf16": 71e12}, 24_576 * MIB, 936e9, 32e9, "PCIe 4 x16",
    "https://docslib.org/doc/759549/nvidia-ampere-ga102-gpu-architecture-whitepaper", True,
    "with FP32 accumulation; nobody rents it, so it is no GPU of the product",
)  # fmt: skip
A40 = Gpu(
    "a40", "ampere", {"bf16": 149.67e12}, 46_068 * MIB, 695.8e9, 32e9, "PCIe 4 x16",
    "https://hmc-tech.com/gpu/nvidia-a100-vs-nvidia-a40", True, "as the RTX 3090",
)  # fmt: skip
OTHER_GPUS = {one.name: one for one in (RTX_3090, A40)}
LATER_URLS = (
    "https://github.com/sgl-project/SpecForge/issues/339",
    "https://github.com/sgl-project/sglang/pull/4247",
    "https://github.com/NVIDIA/TensorRT-LLM/pull/5146",
    "https://github.com/NVIDIA/TensorRT-LLM/pull/11434",
    "https://github.com/YYukin0/Specter/blob/main/results/bullet2_vllm_eagle3.json",
)
"""Predicted for the first time when the prediction was finished."""
FOUND_BY = {
    "waits": "https://arxiv.org/abs/2503.01840",
    "graphed": "https://github.com/vllm-project/vllm/issues/20780",
}
"""The publication whose error led to each habit: no test of it."""
BREAK_EVEN = 0.05
"""Nearer to 1 a published gain is within its own noise: neighbouring loads of one sweep differ by more."""
DISPUTED = ("eagle-vllm-3090", "eagle3-vllm-3090")
"""The EAGLE-3 paper's table 5: measured on an RTX 3090 by its text, on an A100 by its caption."""


@dataclass(frozen=True)
class Row:
    """One published gain; what its source does not say is None or empty."""

    sweep: str
    method: str
    target: str
    draft: str
    draft_tokens: int | None
    verified_tokens: int | None
    gpu: str
    gpus: int | None
    engine: str
    precision: str
    load_kind: str
    load: float
    acceptance_length: float | None
    gain: float
    gain_is: str
    """"=", or "<" where only the side is told."""
    url: str
    published: str
    checked: str


def read_sweeps() -> list[Row]:
    """Every row of the file."""
    with FILE.open(newline="", encoding="utf-8") as lines:
        return [_row(one) for one in csv.DictReader(lines)]


def _row(one: dict[str, str]) -> Row:
    def whole(name: str) -> int | None:
        return int(one[name]) if one[name] else None

    return Row(
        one["sweep"], one["method"], one["target"], one["draft"], whole("draft_tokens"),
        whole("verified_tokens"), one["gpu"], whole("gpus"), one["engine"], one["precision"],
        one["load_kind"], float(one["load"]),
        float(one["acceptance_length"]) if one["acceptance_length"] else None, float(one["gain"]),
        one["gain_is"], one["url"], one["published"], one["checked"],
    )  # fmt: skip


def length_of(row: Row) -> float | None:
    """Its own acceptance length, or that of the same head and draft length elsewhere."""
    if row.acceptance_length is not None:
        return row.acceptance_length
    for figure in figures(row.method):
        same = figure.target == row.target and figure.draft == row.draft
        if same and row.draft_tokens in figure.lengths:
            return figure.lengths[row.draft_tokens]
    return None


def machine_of(row: Row) -> StepModel | None:
    """The row's target on its GPUs; None where one of them is not known or no engine served it."""
    if not row.gpu or not row.gpus or row.engine in NO_ENGINE:
        return None
    try:
        target = shape(row.target)
        card = OTHER_GPUS[row.gpu] if row.gpu in OTHER_GPUS else gpu(row.gpu)
    except UsageError:
        return None
    return StepModel(card, target, precision(row.precision, target), tp=row.gpus)


def draft_of(row: Row, target: StepModel) -> StepModel | None:
    """The draft model on the same GPUs, where the method has one."""
    if row.method != "draft_model":
        return None
    own = shape(row.draft)
    return replace(target, shape=own, precision=precision(row.precision, own))


def habits_of(row: Row) -> Habits:
    """What its engine did on the host, by version or day; each with its source.

    SGLang up to 0.5.6 (2025) waited (`Habits.waits`). vLLM drafted with EAGLE op by op until pull 17211
    (2025-04); EAGLE-3 mapped its drafts to the target's vocabulary outside of the graph, in every pass, until
    the next model runner (0.16, 2026-02; pulls 25917 and 43349 describe it).
    """
    if row.engine.startswith("sglang"):
        return Habits(waits=row.published < "2026")
    if row.engine.startswith("vllm"):
        until = (16, "2026-02") if row.method == "eagle3" else (9, "2025-04-26")
        version = row.engine.split(".")
        old = int(version[1]) < until[0] if len(version) > 1 else row.published < until[1]
        return Habits(graphed=not old)
    return TODAY


def step_times(
    row: Row, context_tokens: float = CONTEXT_TOKENS, habits: Habits | None = None
) -> Costs | None:
    """Of the row's machine and model; None where one of them is not known."""
    model = machine_of(row)
    if model is None:
        return None
    own = habits or habits_of(row)
    return costs(model, method(row.method), context_tokens, draft_of(row, model), own)


def step_of(row: Row) -> Yield | None:
    """What a step yields and verifies; None where the draft or its length is not known."""
    length = length_of(row)
    if length is None or row.draft_tokens is None:
        return None
    return Yield(length, float(row.verified_tokens or row.draft_tokens), row.draft_tokens)


def decoding(row: Row, habits: Habits | None = None) -> float | None:
    """The gain of a full batch that only decodes: the arithmetic."""
    step = step_of(row)
    if row.load_kind not in ("batch", "concurrency") or step is None:
        return None
    times = step_times(row, habits=habits)
    return times.gain(step, row.load) if times else None


def predicted(row: Row, habits: Habits | None = None) -> float | None:
    """The gain as a benchmark measures it, prompts included: by simulation."""
    model, step = machine_of(row), step_of(row)
    if row.load_kind not in ("batch", "concurrency") or not model or not step:
        return None
    own = habits or habits_of(row)
    draft = draft_of(row, model)
    return served_gain(model, method(row.method), step, round(row.load), own, draft)


def falls(made: Sequence[tuple[Row, float]], tolerance: float = 0.0) -> list[str]:
    """Sweeps over several loads whose predicted gain is not falling; those of equal settings alone."""
    wrong = []
    for sweep in dict.fromkeys(row.sweep for row, _ in made):
        own = sorted((row.load, gain) for row, gain in made if row.sweep == sweep)
        loads = [load for load, _ in own]
        if len(set(loads)) < len(loads):
            continue
        gains = [gain for _, gain in own]
        if any(
            later * (1 - tolerance) > earlier
            for earlier, later in zip(gains, gains[1:], strict=False)
        ):
            wrong.append(sweep)
    return wrong


def at_highest_load(made: Sequence[tuple[Row, float]]) -> list[tuple[Row, float]]:
    """The rows of the highest load of each sweep that has more than one."""
    loads: dict[str, set[float]] = {}
    for row, _ in made:
        loads.setdefault(row.sweep, set()).add(row.load)
    return [
        (row, gain)
        for row, gain in made
        if len(loads[row.sweep]) > 1 and row.load == max(loads[row.sweep])
    ]


def signs(made: Sequence[tuple[Row, float]]) -> list[tuple[str, int, int]]:
    """(losses or gains, predicted on that side, published)."""
    losses = [gain < 1 for row, gain in made if row.gain < 1 or row.gain_is == "<"]
    gains = [gain > 1 for row, gain in made if row.gain > 1]
    return [("losses", sum(losses), len(losses)), ("gains", sum(gains), len(gains))]


def loss_at_high_load(made: Sequence[tuple[Row, float]]) -> int:
    """Rows that would still gain where computing binds and the cache is short; must be none."""
    still = 0
    for row, _ in made:
        times, step = step_times(row, context_tokens=1.0), step_of(row)
        still += bool(times and step and times.gain(step, 4096) >= 1.0)
    return still
