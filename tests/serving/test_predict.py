"""`predict`: every row answered through the simulator's own steps, or told why it cannot run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from costopt.serving import predict as predicting
from costopt.serving.core.run import simulate
from costopt.serving.core.terms import Run
from costopt.serving.engines import engine
from costopt.serving.hardware import gpu
from costopt.serving.harness import AICONFIGURATOR, INFERENCEX, PLAIN, harness
from costopt.serving.models import shape
from costopt.serving.predict import Drafted, Point, answer
from costopt.serving.rows import OUTPUT, predict

ROW: dict[str, Any] = {
    "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "h100_sxm", "engine": "vllm",
    "precision": "", "input_tokens": "512", "output_tokens": "64", "tensor_parallel": "1",
    "expert_parallel": "1", "concurrency": "4",
}  # fmt: skip


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Run]]:
    """Every run of the core that a prediction makes."""
    seen: list[Run] = []

    def counted(*args: Any, **kwargs: Any) -> Run:
        seen.append(simulate(*args, **kwargs))
        return seen[-1]

    monkeypatch.setattr(predicting, "simulate", counted)
    yield seen


def test_a_prediction_is_a_simulation(runs: list[Run]) -> None:
    """One run per point; its requests, steps and events are those of ten waves of four."""
    row = predict([ROW])[0]
    run = runs[0]
    assert len(runs) == 1
    assert run.served.sum() == 40
    assert run.totals.steps > 60 * 10
    assert 40 <= run.totals.events <= run.totals.steps
    assert row["ttft_ms"] == pytest.approx(1e3 * run.ttft_s.mean())
    assert row["tpot_ms"] == pytest.approx(1e3 * run.tpot_s.mean())
    assert row["throughput_tokens_per_s"] == pytest.approx(run.tokens_per_s)


def test_equal_rows_are_simulated_once(runs: list[Run]) -> None:
    assert len(predict([ROW, ROW, {**ROW, "concurrency": "5"}])) == 3
    assert len(runs) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model": "acme/unknown"}, "shape"),
        ({"gpu": "h900"}, "GPU"),
        ({"engine": "nope"}, "engine"),
        ({"input_tokens": ""}, "input_tokens"),
        ({"concurrency": "0"}, "at least 1"),
        ({"tensor_parallel": "3"}, "heads"),
        ({"input_tokens": "200000"}, "context"),
        ({"model": "llama-3.1-70b"}, "weights"),
        ({"gpu": "l4", "input_tokens": "60000", "output_tokens": "60000"}, "KV cache"),
    ],
)
def test_a_row_that_cannot_run_says_why(change: dict[str, str], why: str) -> None:
    row = predict([{**ROW, **change}])[0]
    assert row["fits"] is False
    assert why in row["note"]
    assert row["ttft_ms"] is None
    assert set(OUTPUT) <= set(row)


def test_names_play_no_part() -> None:
    """The same shape under any name, and two names exchanged with their shapes, change nothing."""
    small, large = shape("qwen2.5-0.5b"), shape("llama-3.2-1b")
    rows = [{**ROW, "model": name} for name in ("a", "b")]
    straight = predict(rows, shapes={"a": small, "b": large})
    crossed = predict(list(reversed(rows)), shapes={"a": large, "b": small})
    for one, other in zip(straight, crossed, strict=True):
        assert [one[k] for k in OUTPUT] == [other[k] for k in OUTPUT]


def test_more_in_flight_is_slower_for_each_and_more_in_all() -> None:
    rows = predict([{**ROW, "concurrency": c} for c in (1, 4, 16)])
    assert [r["tpot_ms"] for r in rows] == sorted(r["tpot_ms"] for r in rows)
    assert [r["ttft_ms"] for r in rows] == sorted(r["ttft_ms"] for r in rows)
    rates = [r["throughput_tokens_per_s"] for r in rows]
    assert rates == sorted(rates)


def test_the_same_row_gives_the_same_answer_whichever_twin_runs() -> None:
    pytest.importorskip("numba")
    point = Point(shape("llama-3.1-8b"), "a100", "vllm", "fp8", 700, 90, 1, 1, 24)
    plain, fast = answer(point, fast=False), answer(point, fast=True)
    assert fast.ttft_ms == pytest.approx(plain.ttft_ms, rel=1e-9)
    assert fast.tpot_ms == pytest.approx(plain.tpot_ms, rel=1e-9)


def test_an_overfull_cache_queues_and_says_so() -> None:
    point = Point(shape("llama-3.1-8b"), "l4", "vllm", "bf16", 2000, 500, 1, 1, 64)
    found = answer(point, driven=replace(PLAIN, waves=2))
    assert found.fits
    assert "preemption" in found.note or found.ttft_ms > 10_000


def test_who_had_to_go_finds_its_own_blocks_again() -> None:
    """Long prompts in a full cache: without prefix caching nearly all time goes into computing them anew."""
    point = Point(shape("llama-3.1-8b"), "l4", "vllm", "bf16", 8000, 400, 1, 1, 8)
    driven = replace(PLAIN, waves=2)
    kept = answer(point, driven=driven)
    lost = answer(point, driven=driven, adjust=lambda e: replace(e, prefix_caching=False))
    assert kept.run is not None
    assert lost.run is not None
    assert lost.run.totals.preemptions > 0
    assert kept.run.totals.prefill_tokens < 0.7 * lost.run.totals.prefill_tokens
    assert kept.throughput_tokens_per_s > lost.throughput_tokens_per_s


def test_tensorrt_lets_in_what_it_can_hold_to_the_end() -> None:
    point = Point(shape("llama-3.1-8b"), "l4", "trtllm", "bf16", 4000, 400, 1, 1, 16)
    found = answer(point, driven=replace(PLAIN, waves=2))
    assert found.capacity is not None
    assert found.run is not None
    assert 1 <= found.capacity.whole(4400) < 16
    assert found.run.totals.preemptions == 0
    assert found.run.totals.peak_blocks <= found.capacity.kv_blocks


def test_a_named_harness_changes_lengths_and_flags() -> None:
    """InferenceX draws 80 to 100 % of the lengths and seats as many as are in flight; aiconfigurator's
    requests are all alike, and a step holds little more than one prompt."""
    drawn, alike = INFERENCEX.load(1000, 100, 4), AICONFIGURATOR.load(1000, 100, 4)
    assert drawn.n == alike.n == 40
    assert 800 <= drawn.prompt_tokens.min() < drawn.prompt_tokens.max() <= 1000
    assert set(alike.prompt_tokens.tolist()) == {1000}
    usual = engine("vllm", gpu("h100"))
    then = replace(usual, gpu_memory_utilization=0.9)
    assert INFERENCEX.started(usual, 1000, 4) == replace(
        then, max_num_seqs=4, max_num_batched_tokens=8192, prefix_caching=False
    )
    assert AICONFIGURATOR.started(usual, 1000, 4) == replace(then, max_num_batched_tokens=2504)
    other = engine("trtllm", gpu("h100"))
    assert INFERENCEX.started(other, 1000, 4) == replace(
        other, max_num_seqs=4, prefix_caching=False
    )
    assert PLAIN.started(usual, 1000, 4) == usual
    assert harness(" InferenceX ") is INFERENCEX


def test_a_row_may_name_its_harness() -> None:
    plain, told, wrong = predict(
        [ROW, {**ROW, "harness": "inferencex"}, {**ROW, "harness": "mine"}]
    )
    assert told["fits"] is True
    assert told["ttft_ms"] != plain["ttft_ms"]
    assert wrong["fits"] is False
    assert "No harness" in wrong["note"]


@pytest.mark.parametrize(
    "odd",
    [
        {"gpu": "a100", "precision": "fp8"},  # weights alone are narrow: no such arithmetic there
        {"gpu": "a10g", "precision": "awq"}, {"gpu": "l4", "precision": "w4a16"},
        {"gpu": "h100", "precision": "fp4"}, {"gpu": "mi300x", "precision": "fp8"},
        {"gpu": "rtx 4090", "precision": "int8"}, {"gpu": "l40s", "tensor_parallel": "4"},
        {"gpu": "b200", "precision": "nvfp4", "engine": "trtllm"},
        {"gpu": "H200", "kv_cache": "fp8"}, {"gpu": "a100-pcie", "tensor_parallel": "8.0"},
        {"gpu": "mi300x", "tensor_parallel": "4", "engine": "sglang"},
    ],
)  # fmt: skip
def test_odd_rows_of_other_gpus_are_answered(odd: dict[str, str]) -> None:
    row = predict([{**ROW, **odd}])[0]
    assert row["fits"] is True, row["note"]
    assert 0 < row["ttft_ms"] < 5000
    assert 0 < row["tpot_ms"] < 200


def test_narrow_weights_on_a_chip_without_such_arithmetic_speed_decoding_alone() -> None:
    """A100 and fp8: half the bytes a step, no faster prompt."""
    rows = [{**ROW, "gpu": "a100", "concurrency": 1, "precision": bits, "input_tokens": 8000}
            for bits in ("bf16", "fp8")]  # fmt: skip
    wide, narrow = predict(rows)
    assert narrow["tpot_ms"] < 0.7 * wide["tpot_ms"]
    assert narrow["ttft_ms"] > 0.9 * wide["ttft_ms"]


def test_a_narrow_cache_may_be_asked_for() -> None:
    rows = [{**ROW, "input_tokens": 16000, "concurrency": 8, "kv_cache": kv} for kv in ("", "fp8")]
    wide, narrow = predict(rows)
    assert narrow["tpot_ms"] < wide["tpot_ms"]


def test_a_calibrated_servers_speculation_speeds_its_own_model_alone(runs: list[Run]) -> None:
    """Three drafted tokens that gain 2.5 a step: the core is told so, for that model on that GPU."""
    own = shape("llama-3.1-8b")
    gained = {("h100_sxm", own): Drafted(3, 2.5)}
    rows = [{**ROW, "model": "own"}, {**ROW, "model": "other"}]
    shapes = {"own": own, "other": shape("qwen2.5-7b")}
    fast, usual = predict(rows, shapes=shapes, drafted=gained)
    plain, same = predict(rows, shapes=shapes)
    assert fast["tpot_ms"] < 0.6 * plain["tpot_ms"]
    assert usual["tpot_ms"] == same["tpot_ms"]
    assert runs[0].totals.steps < runs[2].totals.steps
