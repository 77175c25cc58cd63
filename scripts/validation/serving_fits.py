"""Fits with one model left out, two at a time, and what they then say of the model they never saw."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import Engine
from costopt.serving.hardware import Gpu

sys.path.insert(0, str(Path(__file__).parent.parent))
from fit_serving import TURNS, Measured, Unchanged, answers, fit, log_errors

Float = NDArray[np.float64]
Pair = tuple[Float, Float]
PROCESSES = 2


@dataclass(frozen=True)
class Variant:
    """The simulator with something else than usual."""

    name: str
    adjust: Callable[[Engine], Engine] = Unchanged
    fixed: Mapping[str, float] = field(default_factory=dict)
    """Constants that are not fitted."""
    device: Gpu | None = None
    patched: Mapping[str, Any] = field(default_factory=dict)
    """Constants of modules, by dotted name."""


@dataclass(frozen=True)
class Job:
    """One fit: without one model, then that model's rows."""

    variant: Variant
    rows: Sequence[Measured]
    model: str
    start: Efficiencies | None
    turns: int


_JOBS: list[Job] = []
"""What forked processes find: a variant's functions cannot be sent to them."""


def models_of(rows: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(row.model for row in rows))


def without(rows: Sequence[Measured], model: str) -> list[Measured]:
    return [row for row in rows if row.model != model]


def only(rows: Sequence[Measured], model: str) -> list[Measured]:
    return [row for row in rows if row.model == model]


def median(errors: Float) -> float:
    """Of the absolute relative errors."""
    return float(np.nanmedian(np.abs(np.expm1(errors))))


def left_out(
    variants: Sequence[tuple[Variant, Sequence[Measured]]],
    starts: Mapping[str, Efficiencies] | None = None,
    turns: int = TURNS,
) -> list[dict[str, tuple[Efficiencies, Pair]]]:
    """[variant, model] the constants fitted without it, and the log errors of its TTFT and TPOT."""
    _JOBS[:] = [
        Job(variant, rows, model, (starts or {}).get(model), turns)
        for variant, rows in variants
        for model in models_of(rows)
    ]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("fork")) as pool:
        found = list(pool.map(_judged, range(len(_JOBS))))
    out: list[dict[str, tuple[Efficiencies, Pair]]] = []
    for _, rows in variants:
        names = models_of(rows)
        out.append(dict(zip(names, found[: len(names)], strict=True)))
        found = found[len(names) :]
    return out


def _judged(place: int) -> tuple[Efficiencies, Pair]:
    job = _JOBS[place]
    own = job.variant
    with ExitStack() as stack:
        for name, value in own.patched.items():
            stack.enter_context(patch(name, value))
        values = fit(
            without(job.rows, job.model), own.adjust, fixed=own.fixed, start=job.start,
            turns=job.turns, device=own.device,
        )  # fmt: skip
        return values, errors(only(job.rows, job.model), values, own)


def errors(rows: Sequence[Measured], values: Efficiencies, variant: Variant) -> Pair:
    """Log errors of these rows by these constants."""
    return log_errors(rows, answers(rows, values, variant.adjust, variant.device))


def all_rows(judged: Mapping[str, tuple[Efficiencies, Pair]], which: int) -> Float:
    """0: TTFT, 1: TPOT."""
    return np.concatenate([pair[which] for _, pair in judged.values()])
