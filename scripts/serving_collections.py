"""Which published benchmark measured a row, told by the grid that its script sweeps.

InferenceX measures three pairs of lengths and no others; a sweep (one shape, engine and precision) that
keeps to them is taken to be its. The other rows that aiconfigurator publishes come from its own scripts.
Nothing here looks at a model's name, nor at a figure that was measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from costopt.serving.harness import AICONFIGURATOR, INFERENCEX, Harness
from costopt.serving.predict import Point

INFERENCEX_LENGTHS = {(1024, 1024), (1024, 8192), (8192, 1024)}
"""Input and output; README of https://github.com/jyothisambolu/InferenceMAX, a copy of InferenceX in
its first state, read 2026-11-25."""


def harness_of(points: Sequence[Point]) -> list[Harness]:
    """[row] how it was driven."""
    lengths: dict[object, set[tuple[int, int]]] = {}
    for one in points:
        lengths.setdefault(_sweep(one), set()).add((one.input_tokens, one.output_tokens))
    return [
        INFERENCEX if lengths[_sweep(one)] <= INFERENCEX_LENGTHS else AICONFIGURATOR
        for one in points
    ]


def _sweep(point: Point) -> object:
    return point.shape, point.gpu, point.engine, point.precision
