"""The constants that no data sheet prints: how near to its peaks an engine comes, and what it costs besides.

A dozen at most, each physical and bounded, none of them indexed by a model, a GPU or an engine.
`scripts/fit_serving.py` fits them; what fitted them stands in `data/efficiencies.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data" / "efficiencies.json"


def _share(low: float, high: float, prior: float) -> Any:
    return field(default=prior, metadata={"low": low, "high": high, "prior": prior})


@dataclass(frozen=True, slots=True)
class Efficiencies:
    """Fields are the constants; metadata holds bounds and the value before any data."""

    gemm: float = _share(0.3, 0.95, 0.65)
    """Share of the dense peak that large matrix products reach, of an H100's in bf16; other chips and formats
    in proportion to what products were measured to reach on them (`Gpu.product_flops`)."""
    memory: float = _share(0.5, 0.97, 0.8)
    """Share of the memory bandwidth at which weights and activations stream."""
    kv_read: float = _share(0.2, 0.95, 0.6)
    """Share of the memory bandwidth at which decoding reads the KV cache."""
    attention: float = _share(0.1, 0.8, 0.4)
    """Share of the dense bf16 peak that attention over a prompt reaches."""
    experts: float = _share(0.1, 1.0, 0.33)
    """What grouped products of a mixture's experts reach of `gemm`, tiles all full. Prior: 215 TFLOP/s of
    Triton's fused MoE on an H100 (128 experts, 8 a token, 32,768 tokens) where dense products reach some
    640; https://github.com/ByteDance-Seed/VeOmni/pull/460, read 2026-11-25."""
    link: float = _share(0.2, 0.95, 0.6)
    """Share of the link's one-way bandwidth that a ring all-reduce reaches."""
    collective_s: float = _share(1e-6, 4e-5, 6e-6)
    """Latency of an all-reduce per doubling of the GPUs in it."""
    layer_s: float = _share(2e-6, 1.5e-4, 4e-5)
    """Gaps between a layer's kernels."""
    eager_layer_s: float = _share(1e-7, 5e-4, 5e-5)
    """More of them where a prompt is in the step and no full graph can be replayed."""
    step_s: float = _share(1e-5, 1e-2, 1e-3)
    """Scheduling and bookkeeping of one step."""
    seq_s: float = _share(1e-7, 1e-4, 2e-5)
    """The same per sequence in the step: sampling, detokenising, streaming."""
    request_s: float = _share(1e-4, 4e-2, 5e-3)
    """Reading a request in front of the engine: HTTP, templates, tokenising; one after another."""

    @staticmethod
    def names() -> tuple[str, ...]:
        return tuple(one.name for one in fields(Efficiencies))

    @staticmethod
    def bounds(name: str) -> tuple[float, float, float]:
        """Lowest, highest and prior value."""
        found = next(one for one in fields(Efficiencies) if one.name == name).metadata
        return found["low"], found["high"], found["prior"]


@cache
def shipped() -> Efficiencies:
    """The constants as fitted; see `provenance`."""
    values = json.loads(_DATA.read_text(encoding="utf-8"))["values"]
    return Efficiencies(**values)


@cache
def provenance() -> dict[str, Any]:
    """What fitted the shipped constants: rows, source, licence, day, residuals."""
    read: dict[str, Any] = json.loads(_DATA.read_text(encoding="utf-8"))["fitted_on"]
    return read
