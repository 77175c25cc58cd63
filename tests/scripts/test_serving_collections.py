"""Rows are told apart by the grid that was swept, whatever their model is called."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from costopt.serving.harness import AICONFIGURATOR, INFERENCEX
from costopt.serving.models import shape
from costopt.serving.predict import Point

SCRIPTS = Path(__file__).parents[2] / "scripts"
ONE = Point(shape("llama-3.1-8b"), "h100_sxm", "vllm", "", 1024, 1024, 1, 1, 8)
OTHER = replace(ONE, shape=shape("qwen3-32b"))


@pytest.mark.parametrize("name", ["llama-3.1-8b", "gpt-oss-120b"])
def test_a_sweep_that_keeps_to_three_pairs_of_lengths(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pair that both grids hold goes with its own sweep's others."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    harness_of = importlib.import_module("serving_collections").harness_of
    points = [
        ONE, replace(ONE, input_tokens=8192), OTHER, replace(OTHER, output_tokens=128),
        replace(OTHER, precision="fp8"),
    ]  # fmt: skip
    told = harness_of(points)
    assert told == [INFERENCEX, INFERENCEX, AICONFIGURATOR, AICONFIGURATOR, INFERENCEX]
    renamed = [replace(one, shape=replace(one.shape, name=name + one.shape.name)) for one in points]
    assert harness_of(renamed) == told
