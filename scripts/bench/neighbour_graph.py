"""The semantic cache's neighbour graph, as a share of what this machine multiplies matrices at."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from bench.table import Section
from costopt.accel.artifacts.embeddings import Embedded
from costopt.accel.artifacts.neighbours import joined, work_flop
from costopt.accel.embed import normalised
from costopt.layers.parts.graph import ppm

_SIDE = 4_096
"""Of the square matrices of the yardstick: large enough for full speed."""
_TRIES = 3


@dataclass(frozen=True)
class GraphSpeed:
    """One build. A multiplication and an addition are two operations."""

    keys: int
    dimensions: int
    edges: int
    seconds: float
    gflops: float
    gemm_gflops: float

    @property
    def share_of_gemm(self) -> float:
        return self.gflops / self.gemm_gflops


def gemm_gflops() -> float:
    """Best of a few float32 products."""
    side = np.random.default_rng(0).normal(size=(_SIDE, _SIDE)).astype(np.float32)
    seconds = []
    for _ in range(_TRIES):
        begin = time.perf_counter()
        side @ side
        seconds.append(time.perf_counter() - begin)
    return 2 * _SIDE**3 / min(seconds) / 1e9


def measure(keys: int = 50_000, dimensions: int = 384, seed: int = 0) -> GraphSpeed:
    """One scope of that many keys: texts in groups of five that are alike, floor 0.5."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(keys // 5 + 1, dimensions)).astype(np.float32)
    noise = rng.normal(size=(keys, dimensions)).astype(np.float32)
    vectors = normalised(centres[np.arange(keys) // 5] + 0.7 * noise)
    scope = np.zeros(keys, np.int32)
    gemm = gemm_gflops()
    begin = time.perf_counter()
    graph = joined(scope, Embedded(vectors, np.arange(keys), "made"), ppm(0.5))
    seconds = time.perf_counter() - begin
    rate = work_flop(scope, dimensions) / seconds / 1e9
    return GraphSpeed(keys, dimensions, len(graph.neighbour) // 2, seconds, rate, gemm)


def neighbour_graph() -> Section:
    """What `benchmark.py neighbour-graph` writes."""
    section = Section(
        "neighbour-graph", "Neighbour graph of the semantic cache",
        "An exact search over made vectors, beside a product of two square matrices in float32 on the "
        "same machine.",
    )  # fmt: skip
    found = measure()
    section.say(
        f"{found.keys:,} keys of {found.dimensions} dimensions, {found.edges:,} edges: "
        f"{found.seconds:.1f} s, {found.gflops:.0f} GFLOP/s."
    )
    section.say(f"The yardstick: {found.gemm_gflops:.0f} GFLOP/s; share {found.share_of_gemm:.0%}.")
    return section
