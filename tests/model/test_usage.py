"""Counts that contradict each other are refused, never clamped."""

from __future__ import annotations

import pytest

from costopt.model.call import UsageContradiction
from costopt.model.leaf import Leaf
from costopt.model.usage import Counts, inside, outside


@pytest.mark.parametrize(
    "counts",
    [
        Counts(input=10, read=11),
        Counts(input=-1),
        Counts(input=10, output=5, reasoning=6),
        Counts(input=True),  # type: ignore[arg-type]
        Counts(input=1.5),  # type: ignore[arg-type]
        Counts(input="many"),  # type: ignore[arg-type]
        Counts(input=float("nan")),  # type: ignore[arg-type]
        Counts(input=10**15),
    ],
)
def test_contradictions_are_refused(counts: Counts) -> None:
    with pytest.raises(UsageContradiction):
        inside(counts)


def test_anthropic_counts_stand_beside_each_other() -> None:
    usage = outside(Counts(input=19, read=39_000, write_5m=500, output=10))
    assert usage.input_tokens == 39_519
    assert usage[Leaf.INPUT_FRESH] == 19


def test_null_details_mean_zero_and_floats_may_be_whole() -> None:
    usage = inside(Counts(input=12.0, read=None, output="3"))  # type: ignore[arg-type]
    assert usage.input_tokens == 12
    assert usage.output_tokens == 3


def test_audio_overlaps_cached_audio() -> None:
    usage = inside(Counts(input=100, read=30, audio_in=40, audio_read=10))
    assert usage[Leaf.INPUT_AUDIO] == 30
    assert usage[Leaf.CACHE_READ_AUDIO] == 10
    assert usage[Leaf.CACHE_READ] == 20
    assert usage.input_tokens == 100
