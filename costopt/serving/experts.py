"""Grouped products of a mixture's experts: rows of tiles that hold fewer tokens than they have room for.

A kernel gives every expert that a step touches whole tiles of rows, and computes the empty ones too. Few
tokens a step therefore cost more arithmetic than their number says.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from costopt.serving.hardware import Gpu
from costopt.serving.precision import Precision

Float = NDArray[np.float64]
TILES = np.array([8.0, 16.0, 32.0, 48.0, 64.0])
FILLED = 0.9
"""vLLM takes the smallest tile that the mean tokens of an expert fill to less than this share, else the
largest: `fused_marlin_moe`, https://github.com/vllm-project/vllm, read 2026-11-25."""
EARLIER_PIPELINE = 1 / 1.5
"""Of the arithmetic that a Hopper chip does through its own asynchronous copies and products, what kernels
in the manner of the generation before reach: 1.5 times faster with the former in
https://arxiv.org/abs/2501.12084, read 2026-11-25."""


def touched(tokens: Float, experts: int, each: int) -> Float:
    """[tokens] experts that so many tokens choose from on average, `each` of them independently."""
    if each >= experts:
        return np.where(tokens > 0, float(experts), 0.0)
    return experts * -np.expm1(tokens * math.log1p(-each / experts))


def rows(tokens: Float, experts: int, each: int) -> Float:
    """[tokens] rows computed: one per token and expert, and half a tile more per expert on average."""
    mean = tokens * each / experts
    place = np.searchsorted(TILES * FILLED, mean, side="right")
    tile = TILES[np.minimum(place, len(TILES) - 1)]
    return tokens * each + touched(tokens, experts, each) * (tile - 1) / 2


def pipeline(gpu: Gpu, precision: Precision) -> float:
    """Share of the chip's arithmetic that the kernel's manner leaves.

    Weights of four bits that meet 16-bit activations are widened on the way (Marlin), by kernels that vLLM
    wrote for Ampere; later chips without four-bit arithmetic of their own run them as they are.
    """
    own = precision.expert_compute != "bf16" and precision.expert_compute in gpu.dense_flops
    widened = precision.expert_bits < 8 and not own
    return EARLIER_PIPELINE if widened and gpu.architecture == "hopper" else 1.0
