"""A small share of `scripts/fuzz.py`: damaged logs of every format through the whole audit."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.properties.mutating import Sample, emptied, samples
from tests.properties.runs import one_run


@pytest.mark.parametrize("sample", samples(), ids=lambda s: s.name)
def test_damage_never_raises_nor_costs_less_than_nothing(sample: Sample, tmp_path: Path) -> None:
    chance = random.Random(f"test {sample.name}")
    told = one_run(sample, emptied(tmp_path / "log"), chance)
    assert told["audits"] == 1
    assert told["records"] == sum(
        told[name] for name in ("calls", "rejected", "skipped", "duplicates")
    )


def test_the_same_seed_gives_the_same_damage(tmp_path: Path) -> None:
    seen = []
    for place in ("a", "b"):
        folder = emptied(tmp_path / place)
        one_run(samples()[0], folder, random.Random(5))
        seen.append([p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()])
    assert seen[0] == seen[1]
