"""A sample of judged pairs: what it says of free text, and how `auto` counts with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from costopt.accel.artifacts import Artifacts
from costopt.errors import InputError
from costopt.layers.parts.answers import Basis, Compared, Verdict
from costopt.layers.parts.judge import JudgedPairs, sampled
from costopt.layers.semantic_cache import SemanticCache
from tests.billing.small import call, usage
from tests.layers.context import evaluator_of

LOOSE, SAME, DIFFERENT = Verdict.NOT_IDENTICAL, Verdict.SAME, Verdict.DIFFERENT


def compared(*verdicts: Verdict) -> Compared:
    basis = np.full(len(verdicts), Basis.TEXT, np.int8)
    return Compared(np.array(verdicts, np.int8), basis)


def test_only_open_pairs_of_the_sample_are_told() -> None:
    judge = JudgedPairs.of("s", {(0, 2): True, (1, 3): False, (2, 3): False}, 5)
    found = judge.judged(
        compared(LOOSE, LOOSE, LOOSE, SAME), np.array([2, 1, 0, 3]), np.array([0, 3, 4, 2])
    )
    assert found.verdict.tolist() == [SAME, DIFFERENT, LOOSE, SAME]


def test_a_judged_pair_stands_for_its_share_of_the_open_ones() -> None:
    plain = compared(LOOSE, LOOSE, LOOSE, LOOSE, SAME, Verdict.UNKNOWN)
    keep, weight = sampled(plain, compared(SAME, DIFFERENT, LOOSE, LOOSE, SAME, Verdict.UNKNOWN))
    assert keep.tolist() == [True, True, False, False, True, False]
    assert weight[keep].tolist() == [2, 2, 1]


def test_a_sample_of_nothing_leaves_all_free_text_false() -> None:
    plain = compared(LOOSE, SAME)
    keep, weight = sampled(plain, plain)
    assert keep.all() and weight.tolist() == [1, 1]


def world(tmp_path: Path, lines: list[object]) -> tuple[object, SemanticCache]:
    """600 times one question, each answer in words of its own."""
    calls = [
        call(str(i), ["user:when is it due"], usage(200, out=5), [f"assistant:Monday, says {i}."],
             latency_ms=5.0)
        for i in range(600)
    ]  # fmt: skip
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    layer = SemanticCache(
        threshold="auto", ttl="none", judge=f"pairs:{path}", max_false_hit_rate=0.9
    )
    return evaluator_of(calls, builder=Artifacts(None)), layer


def test_auto_takes_free_text_on_a_sample_alone(tmp_path: Path) -> None:
    """All from one entry, so no bound is proven; but the judged hits are not false any more."""
    lines = [{"a": "0", "b": str(i), "same": True} for i in range(1, 600, 3)]
    evaluator, layer = world(tmp_path, lines)
    effect = evaluator.effect((layer,))  # type: ignore[attr-defined]
    found = layer.report(effect.tally, effect.detail).evidence
    assert found["threshold"] is None and "0 of 359" in found["threshold_reason"]
    fixed = SemanticCache(threshold=0.9, ttl="none", judge=layer.judge)
    effect = evaluator.effect((fixed,))  # type: ignore[attr-defined]
    found = fixed.report(effect.tally, effect.detail).evidence
    assert (found["hits"], found["false_hits"]) == (599, 399)
    assert found["false_basis"] == "judged by pairs.jsonl"


@pytest.mark.parametrize("line", [{"a": "0", "b": "1"}, ["0", "1", True], {"same": "yes"}])
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, line: object) -> None:
    evaluator, layer = world(tmp_path, [{"a": "0", "b": "1", "same": True}, line])
    with pytest.raises(InputError, match="no judged pair"):
        evaluator.effect((layer,))  # type: ignore[attr-defined]


def test_pairs_of_another_log_are_refused(tmp_path: Path) -> None:
    evaluator, layer = world(tmp_path, [{"a": "x", "b": "y", "same": True}])
    with pytest.raises(InputError, match="this log's calls"):
        evaluator.effect((layer,))  # type: ignore[attr-defined]
