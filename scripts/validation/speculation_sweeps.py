"""The published sweeps as rows, and what the step model says to each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from costopt.errors import UsageError
from costopt.serving.hardware import MIB, Gpu, gpu
from costopt.serving.models import shape
from costopt.serving.precision import precision
from costopt.serving.speculation.costs import costs
from costopt.serving.speculation.load import Costs, Yield
from costopt.serving.speculation.methods import figures, method
from costopt.serving.step import StepModel

FILE = Path(__file__).parent.parent / "data" / "speculation_sweeps.csv"
CONTEXT_TOKENS = 600.0
"""Mean tokens in the cache of a sequence: MT-Bench and ShareGPT turns with answers of some hundred tokens.
None of the sources gives it."""
RTX_3090 = Gpu(
    "rtx_3090", "ampere", {"bf16": 71e12}, 24_576 * MIB, 936e9, 32e9, "PCIe 4 x16",
    "https://docslib.org/doc/759549/nvidia-ampere-ga102-gpu-architecture-whitepaper", True,
    "with FP32 accumulation; nobody rents it, so it is no GPU of the product",
)  # fmt: skip
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
        one["gain_is"], one["url"], one["checked"],
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


def step_times(row: Row, context_tokens: float = CONTEXT_TOKENS) -> Costs | None:
    """Of the row's machine and model; None where one of them is not known."""
    if not row.gpu or not row.gpus or row.engine == "pytorch":
        return None
    try:
        target = shape(row.target)
        card = RTX_3090 if row.gpu == RTX_3090.name else gpu(row.gpu)
    except UsageError:
        return None
    model = StepModel(card, target, precision(row.precision, target), tp=row.gpus)
    return costs(model, method(row.method), context_tokens)


def step_of(row: Row) -> Yield | None:
    """What a step yields and verifies; None where the draft or its length is not known."""
    length = length_of(row)
    if length is None or row.draft_tokens is None:
        return None
    return Yield(length, float(row.verified_tokens or row.draft_tokens), row.draft_tokens)


def predicted(row: Row) -> float | None:
    """The gain by the step model."""
    if row.load_kind not in ("batch", "concurrency"):
        return None
    times, step = step_times(row), step_of(row)
    return times.gain(step, row.load) if times and step else None


def falls(made: Sequence[tuple[Row, float]]) -> list[str]:
    """Sweeps over several loads whose predicted gain is not falling; those of equal settings alone."""
    wrong = []
    for sweep in dict.fromkeys(row.sweep for row, _ in made):
        own = sorted((row.load, gain) for row, gain in made if row.sweep == sweep)
        loads = [load for load, _ in own]
        if len(set(loads)) < len(loads):
            continue
        gains = [gain for _, gain in own]
        if any(later > earlier for earlier, later in zip(gains, gains[1:], strict=False)):
            wrong.append(sweep)
    return wrong


def loss_at_high_load(made: Sequence[tuple[Row, float]]) -> int:
    """Rows that would still gain where computing binds and the cache is short; must be none."""
    still = 0
    for row, _ in made:
        times, step = step_times(row, context_tokens=1.0), step_of(row)
        still += bool(times and step and times.gain(step, 4096) >= 1.0)
    return still
